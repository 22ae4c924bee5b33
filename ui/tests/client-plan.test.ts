// The plan of a client's set-up: which one is kept, and what a refused one leads to.

import { expect, test } from "vitest";

import { ControlFailure } from "../src/control/control";
import type { ClientOutcome, ClientPlan } from "../src/control/types";
import { ClientPlanState } from "../src/state/client-plan.svelte";
import type { Session } from "../src/state/session.svelte";

const session = { handleFailure: () => false } as unknown as Session;
const planOf = (plan: string) => ({ plan }) as ClientPlan;

test("only the plan of the latest choice is kept", async () => {
  const waiting: ((plan: ClientPlan) => void)[] = [];
  const state = new ClientPlanState(session, () => new Promise((resolve) => waiting.push(resolve)));
  const [first, second] = [state.load(), state.load()];
  waiting[1]?.(planOf("second"));
  waiting[0]?.(planOf("first"));
  await Promise.all([first, second]);
  expect(state.plan?.plan).toBe("second");
});

test("a refused plan is loaded again, and the reason is shown", async () => {
  let loads = 0;
  const state = new ClientPlanState(session, async () => planOf(`plan ${++loads}`));
  await state.load();
  const applied = await state.apply(() => Promise.reject(new ControlFailure("conflict", "The file changed.")));
  expect(applied).toBeUndefined();
  const text = "Something has changed since this was shown. The file changed.";
  expect([state.plan?.plan, state.error, state.busy]).toEqual(["plan 2", text, false]);
});

test("the error of an outcome is shown", async () => {
  const state = new ClientPlanState(session, async () => planOf("plan"));
  await state.load();
  const applied = await state.apply(async () => ({ error: "The disk is full." }) as ClientOutcome);
  expect([applied?.error, state.error, state.busy]).toEqual(["The disk is full.", "The disk is full.", false]);
});
