import { describe, expect, test } from "vitest";

import { ControlFailure } from "../src/control/control";
import { FakeControl } from "../src/control/mock";
import { record } from "../src/control/mock/requests";
import { matches } from "../src/control/matches";
import { HELD_AT_TOP, PAGE, Requests } from "../src/state/request-list.svelte";
import { isCancelled, isFailed, pretty } from "../src/state/records";
import { firstByte, spans } from "../src/state/timeline";
import { until } from "./wait-for";

async function listed(records = 450, filter = {}) {
  const control = new FakeControl({ records });
  const requests = new Requests(control);
  await requests.load(filter);
  await until(() => expect(requests.total).not.toBeNull());
  const ids = () => Array.from({ length: requests.length }, (_, i) => requests.at(i)?.id);
  return { control, requests, ids };
}

const next = (control: FakeControl) => control.world.arrive(control.world.scene.now);

describe("the list of requests", () => {
  test("starts with the newest page and reads on to the oldest", async () => {
    const { requests, ids } = await listed();
    expect([requests.length, requests.at(0)?.id, requests.complete, requests.total]).toEqual([PAGE, 450, false, 450]);
    await requests.more();
    await requests.more();
    expect(ids()).toEqual(Array.from({ length: 450 }, (_, i) => 450 - i));
    expect(requests.complete).toBe(true);
  });

  test("asks for a page once, however often its end is seen", async () => {
    const { control, requests } = await listed();
    await Promise.all([requests.more(), requests.more(), requests.more()]);
    expect(requests.length).toBe(2 * PAGE);
    expect(control.asked.filter(({ name }) => name === "log.latest").length).toBe(2);
  });

  test("takes in new ones at the top, each once", async () => {
    const { control, requests, ids } = await listed(3);
    const made = next(control);
    requests.take([made]);
    requests.take([made]);
    expect(ids()).toEqual([4, 3, 2, 1]);
    expect(requests.total).toBe(4);
  });

  test("does not move under a reader who has scrolled down", async () => {
    const { control, requests, ids } = await listed(3);
    requests.look(false);
    requests.take([next(control), next(control)]);
    expect([ids(), requests.waiting]).toEqual([[3, 2, 1], 2]);
    requests.look(true);
    expect([ids(), requests.waiting]).toEqual([[5, 4, 3, 2, 1], 0]);
  });

  test("reads anew when too much came meanwhile", async () => {
    const { control, requests } = await listed(3);
    requests.look(false);
    requests.take(Array.from({ length: 1500 }, () => next(control)));
    requests.take([next(control)]);
    expect(requests.waiting).toBe(1501);
    requests.look(true);
    await until(() => expect(requests.at(0)?.id).toBe(1504));
    expect(requests.length).toBe(PAGE);
  });

  test("holds no more than it should while requests stream in", async () => {
    const { control, requests } = await listed(10);
    for (let i = 0; i < 30; i++) requests.take(Array.from({ length: 100 }, () => next(control)));
    expect(requests.length).toBe(HELD_AT_TOP);
    expect([requests.at(0)?.id, requests.complete]).toEqual([3010, false]);
  });

  test("lets in only what the filter fits", async () => {
    const { control, requests } = await listed(300, { failed_only: true });
    const before = requests.length;
    expect(before).toBeGreaterThan(0);
    const made = Array.from({ length: 200 }, () => next(control));
    requests.take(made);
    expect(requests.length).toBe(before + made.filter(isFailed).length);
    expect(Array.from({ length: requests.length }, (_, i) => requests.at(i)).every((one) => one && isFailed(one))).toBe(true);
  });

  test("counts a cancel as no failure", () => {
    const some = Array.from({ length: 400 }, (_, id) => record(id, 0));
    const cancelled = some.filter(isCancelled);
    expect(cancelled.length).toBeGreaterThan(0);
    expect(cancelled.some(isFailed)).toBe(false);
    expect(some.filter((one) => matches(one, { failed_only: true })).some(isCancelled)).toBe(false);
  });

  test("forgets answers to a filter that is not on any more", async () => {
    const { requests } = await listed();
    const slow = requests.load({ client: "zed" });
    await requests.load({ client: "ci-bot" });
    await slow;
    expect(requests.filter).toEqual({ client: "ci-bot" });
    expect(requests.at(0)?.client).toBe("ci-bot");
  });

  test("says when the log cannot be read", async () => {
    const { control, requests } = await listed();
    control.failing.set("log.latest", new ControlFailure("internal", ""));
    await requests.load({ text: "x" });
    expect(requests.error).toBeInstanceOf(ControlFailure);
    expect(requests.loading).toBe(false);
  });

  test("finds a row by its request", async () => {
    const { requests } = await listed();
    expect([requests.indexOf(450), requests.indexOf(440), requests.indexOf(1)]).toEqual([0, 10, -1]);
  });
});

describe("a filter", () => {
  const one = { ...record(7, 1000), model_asked: "Claude", model_served: "claude-4", account: "work", client: "zed", status: 200, code: null, interrupted: false, dialect: "anthropic" };

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

  test("finds an account that was asked in vain", () => {
    const attempts = [{ account: "personal", why: "", outcome: "limited", status: 403, detail: null, ms: 1 }];
    expect(matches({ ...one, attempts }, { account: "personal" })).toBe(true);
  });

  test("takes a cut answer for a failure", () => expect(matches({ ...one, interrupted: true }, { failed_only: true })).toBe(true));
});

describe("the time line", () => {
  const attempt = (ms: number, outcome = "ok") => ({ account: "a", why: "", outcome, status: 200, detail: null, ms });

  test("lays attempts one behind the other", () => {
    const drawn = spans({ ...record(1, 0), duration_ms: 1000, attempts: [attempt(200, "limited"), attempt(700)] });
    expect(drawn.map(({ from, width, ok }) => [from, width, ok])).toEqual([
      [0, 0.2, false],
      [0.2, 0.7, true],
    ]);
  });

  test("stays inside when attempts took longer than the whole", () => {
    const drawn = spans({ ...record(1, 0), duration_ms: 10, attempts: [attempt(200), attempt(200)] });
    expect(drawn.map(({ from, width }) => from + width)).toEqual([0.5, 1]);
  });

  test("marks the first byte where there was one", () => {
    expect(firstByte({ ...record(1, 0), first_byte_ms: 250, duration_ms: 1000 })).toBe(0.25);
    expect(firstByte({ ...record(1, 0), first_byte_ms: null })).toBeNull();
    expect(firstByte({ ...record(1, 0), first_byte_ms: 5, duration_ms: 0 })).toBeNull();
  });
});

test("JSON is shown in lines, and what is no JSON as it is", () => {
  expect(pretty('{"a":[1]}')).toBe('{\n  "a": [\n    1\n  ]\n}');
  expect(pretty("data: x\n\n")).toBe("data: x\n\n");
});
