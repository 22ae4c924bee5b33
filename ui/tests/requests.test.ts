import { describe, expect, test } from "vitest";

import { ControlFailure } from "../src/control/control";
import { MockControl } from "../mock";
import { record } from "../mock/requests";
import { matches } from "../src/control/matches";
import { MAX_ROWS_AT_TOP, PAGE_SIZE, RequestList } from "../src/state/request-list.svelte";
import { isCancelled, substitute, isFailed, pretty } from "../src/state/records";
import { firstByte, spans } from "../src/state/timeline";
import { waitFor } from "./wait-for";

async function listed(records = 450, filter = {}) {
  const control = new MockControl({ records });
  const requests = new RequestList(control);
  await requests.load(filter);
  await waitFor(() => expect(requests.total).not.toBeNull());
  const ids = () => Array.from({ length: requests.length }, (_, i) => requests.at(i)?.id);
  return { control, requests, ids };
}

const next = (control: MockControl) => control.state.receiveRequest(control.state.scenario.now);

describe("the list of requests", () => {
  test("starts with the newest page and loads older ones", async () => {
    const { requests, ids } = await listed();
    expect([requests.length, requests.at(0)?.id, requests.complete, requests.total]).toEqual([PAGE_SIZE, 450, false, 450]);
    await requests.loadOlder();
    await requests.loadOlder();
    expect(ids()).toEqual(Array.from({ length: 450 }, (_, i) => 450 - i));
    expect(requests.complete).toBe(true);
  });

  test("loads a page once, however often its end is visible", async () => {
    const { control, requests } = await listed();
    await Promise.all([requests.loadOlder(), requests.loadOlder(), requests.loadOlder()]);
    expect(requests.length).toBe(2 * PAGE_SIZE);
    expect(control.calls.filter(({ name }) => name === "log.latest").length).toBe(2);
  });

  test("adds new ones at the top, each once", async () => {
    const { control, requests, ids } = await listed(3);
    const made = next(control);
    requests.receive([made]);
    requests.receive([made]);
    expect(ids()).toEqual([4, 3, 2, 1]);
    expect(requests.total).toBe(4);
  });

  test("does not move while it is scrolled down", async () => {
    const { control, requests, ids } = await listed(3);
    requests.setAtTop(false);
    requests.receive([next(control), next(control)]);
    expect([ids(), requests.pendingCount]).toEqual([[3, 2, 1], 2]);
    requests.setAtTop(true);
    expect([ids(), requests.pendingCount]).toEqual([[5, 4, 3, 2, 1], 0]);
  });

  test("is reloaded when too many arrived while scrolled", async () => {
    const { control, requests } = await listed(3);
    requests.setAtTop(false);
    requests.receive(Array.from({ length: 1500 }, () => next(control)));
    requests.receive([next(control)]);
    expect(requests.pendingCount).toBe(1501);
    requests.setAtTop(true);
    await waitFor(() => expect(requests.at(0)?.id).toBe(1504));
    expect(requests.length).toBe(PAGE_SIZE);
  });

  test("is bounded while requests arrive", async () => {
    const { control, requests } = await listed(10);
    for (let i = 0; i < 30; i++) requests.receive(Array.from({ length: 100 }, () => next(control)));
    expect(requests.length).toBe(MAX_ROWS_AT_TOP);
    expect([requests.at(0)?.id, requests.complete]).toEqual([3010, false]);
  });

  test("adds only requests that match the filter", async () => {
    const { control, requests } = await listed(300, { failed_only: true });
    const before = requests.length;
    expect(before).toBeGreaterThan(0);
    const made = Array.from({ length: 200 }, () => next(control));
    requests.receive(made);
    expect(requests.length).toBe(before + made.filter(isFailed).length);
    expect(Array.from({ length: requests.length }, (_, i) => requests.at(i)).every((one) => one && isFailed(one))).toBe(true);
  });

  test("does not count a cancelled request as failed", () => {
    const some = Array.from({ length: 400 }, (_, id) => record(id, 0));
    const cancelled = some.filter(isCancelled);
    expect(cancelled.length).toBeGreaterThan(0);
    expect(cancelled.some(isFailed)).toBe(false);
    expect(some.filter((one) => matches(one, { failed_only: true })).some(isCancelled)).toBe(false);
  });

  test("discards responses of an earlier filter", async () => {
    const { requests } = await listed();
    const slow = requests.load({ client: "zed" });
    await requests.load({ client: "ci-bot" });
    await slow;
    expect(requests.filter).toEqual({ client: "ci-bot" });
    expect(requests.at(0)?.client).toBe("ci-bot");
  });

  test("reports that the log cannot be read", async () => {
    const { control, requests } = await listed();
    control.failures.set("log.latest", new ControlFailure("internal", ""));
    await requests.load({ text: "x" });
    expect(requests.error).toBeInstanceOf(ControlFailure);
    expect(requests.loading).toBe(false);
  });

  test("finds a row by its id", async () => {
    const { requests } = await listed();
    expect([requests.indexOf(450), requests.indexOf(440), requests.indexOf(1)]).toEqual([0, 10, -1]);
  });
});

describe("a filter", () => {
  const one = {
    ...record(7, 1000),
    model_asked: "Claude",
    model_served: "claude-4",
    account: "work",
    client: "zed",
    status: 200,
    code: null,
    interrupted: false,
    dialect: "anthropic",
  };

  test.each([
    [{ text: "CLAU" }, true],
    [{ text: "nowhere" }, false],
    [{ model: "claude-4" }, true],
    [{ model: "claude" }, false],
    [{ account: "work" }, true],
    [{ client: "main" }, false],
    [{ failed_only: true }, false],
    [{ status: 200, dialect: "anthropic" }, true],
    [{ since_ms: 1000, until_ms: 1001 }, true],
    [{ until_ms: 1000 }, false],
    [{ before_id: 7 }, false],
    [{ after_id: 6 }, true],
  ])("%o: %s", (query, fits) => expect(matches(one, query)).toBe(fits));

  test("matches a status or a part of an error code as text", () => {
    const failed = { ...one, status: 429, code: "rate_limit_exceeded" };
    expect(["429", "rate_limit", "42", "404"].map((text) => matches(failed, { text }))).toEqual([true, true, false, false]);
  });

  test("matches an account of a failed attempt", () => {
    const attempts = [{ account: "personal", why: "", outcome: "limited", status: 403, detail: null, ms: 1 }];
    expect(matches({ ...one, attempts }, { account: "personal" })).toBe(true);
  });

  test("matches an interrupted answer as failed", () => expect(matches({ ...one, interrupted: true }, { failed_only: true })).toBe(true));
});

describe("the timeline", () => {
  const attempt = (ms: number, outcome = "ok") => ({ account: "a", why: "", outcome, status: 200, detail: null, ms });

  test("places attempts one after the other", () => {
    const drawn = spans({ ...record(1, 0), duration_ms: 1000, attempts: [attempt(200, "limited"), attempt(700)] });
    expect(drawn.map(({ from, width, ok }) => [from, width, ok])).toEqual([
      [0, 0.2, false],
      [0.2, 0.7, true],
    ]);
  });

  test("stays in bounds when attempts took longer than the request", () => {
    const drawn = spans({ ...record(1, 0), duration_ms: 10, attempts: [attempt(200), attempt(200)] });
    expect(drawn.map(({ from, width }) => from + width)).toEqual([0.5, 1]);
  });

  test("marks the first byte", () => {
    expect(firstByte({ ...record(1, 0), first_byte_ms: 250, duration_ms: 1000 })).toBe(0.25);
    expect(firstByte({ ...record(1, 0), first_byte_ms: null })).toBeNull();
    expect(firstByte({ ...record(1, 0), first_byte_ms: 5, duration_ms: 0 })).toBeNull();
  });
});

test("JSON is indented, and other text unchanged", () => {
  expect(pretty('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(pretty("data: x\n\n")).toBe("data: x\n\n");
});

describe("the model that answered", () => {
  const served = (model_asked: string, model_served: string | null) => substitute({ ...record(7, 1000), model_asked, model_served });

  test.each([
    ["gpt-4.1", "gpt-4.1"],
    ["gpt-4.1", "openai-gpt-4.1"],
    ["GPT-5", "openai-gpt-5"],
    ["openai-gpt-5:latest", "openai-gpt-5"],
    ["gpt-5", null],
  ])("%s is the requested one: %s", (asked, model) => expect(served(asked, model)).toBeNull());

  test.each([
    ["fast", "gpt-5-mini"],
    ["gpt-5", "openai-gpt-5-mini"],
    ["claude-sonnet-4-20250514", "anthropic-claude-4-2025-05-14"],
  ])("%s is another one: %s", (asked, model) => expect(served(asked, model)).toBe(model));
});
