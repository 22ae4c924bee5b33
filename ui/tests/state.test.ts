import { beforeEach, describe, expect, test } from "vitest";

import { accounts } from "../mock/accounts";
import { DEFAULT_SCENARIO } from "../mock/scenario";
import type { AccountView } from "../src/control/types";
import { MockState } from "../mock/state";
import { settings } from "../mock/settings";
import { ago, bytes, compact, took, usd, wait } from "../src/format";
import { outdatedSince, FRESH_MS, reordered, quotaLimit, earliestLimit, stateText, stateTone, usage } from "../src/state/accounts";
import { appearance } from "../src/state/appearance.svelte";
import { statusReason } from "../src/state/status-reason";
import { inSection, isFixed, SECTIONS, unknown } from "../src/state/settings";

beforeEach(() => appearance.setLanguage("en"));

describe("an account", () => {
  const [work, personal, key, old] = accounts(0) as [
    ReturnType<typeof accounts>[0],
    ReturnType<typeof accounts>[0],
    ReturnType<typeof accounts>[0],
    ReturnType<typeof accounts>[0],
  ];

  test("shows the limit that ends first, and when its quota is renewed", () => {
    expect(earliestLimit(personal)?.scope).toBe("grok");
    expect(quotaLimit(personal)?.scope).toBe("claude");
    expect(earliestLimit(work)).toBeNull();
  });

  test("shows quota or budget, whichever is known", () => {
    expect(usage(work)).toEqual({ percent: 38, spent: 1.71, budget: null, estimated: true });
    expect(usage(key)?.percent).toBeCloseTo(32.1);
    expect(usage(old)).toBeNull();
    expect(usage({ ...key, budget_usd: 0 })).toBeNull();
  });

  test("waitForText of when its numbers are once that is a while ago", () => {
    const account = { ...(work as AccountView), as_of_ms: 1_000 };
    expect([
      outdatedSince(account, 1_000 + FRESH_MS),
      outdatedSince(account, 1_001 + FRESH_MS),
      outdatedSince({ ...account, as_of_ms: null }, 0),
    ]).toEqual([null, 1_000, null]);
  });

  test("is not called ready in a state that is not known", () => {
    const odd = { ...(work as AccountView), state: "brand_new" as AccountView["state"] };
    expect([stateText(odd), stateTone(odd)]).toEqual(["Unknown", "plain"]);
    expect([stateText(old as AccountView), stateTone(old as AccountView)]).toEqual(["Needs sign-in", "bad"]);
  });

  test("moves one place, and not over the end", () => {
    expect(reordered(["a", "b", "c"], "c", -1)).toEqual(["a", "c", "b"]);
    expect(reordered(["a", "b"], "b", 1)).toEqual(["a", "b"]);
    expect(reordered(["a", "b"], "x", 1)).toEqual(["a", "b"]);
  });
});

describe("settings", () => {
  const all = settings("en", "auto");

  test("each stand in one section", () => {
    const names = Object.values(SECTIONS).flat();
    expect(new Set(names).size).toBe(names.length);
    expect(unknown(all)).toEqual([]);
    expect(inSection(all, "network").map((one) => one.name)).toEqual([...SECTIONS.network]);
  });

  test("that the page does not know are not lost", () => {
    const extra = { ...(all[0] as (typeof all)[0]), name: "brand_new" };
    expect(unknown([...all, extra])).toEqual([extra]);
  });

  test("from outside cannot be changed here", () => {
    expect(all.filter(isFixed).map((one) => one.name)).toEqual(["allowed_hosts"]);
  });
});

describe("numbers", () => {
  test.each([
    [412, "412 ms"],
    [1234, "1.2 s"],
    [125_000, "2 min 5 s"],
  ])("%i ms took %s", (ms, text) => expect(took(ms)).toBe(text));

  test.each([
    [-5, "0 s"],
    [41_001, "42 s"],
    [102 * 60_000, "1 h 42 min"],
    [9 * 86_400_000, "9 days"],
  ])("%i ms are a wait of %s", (ms, text) => expect(wait(ms)).toBe(text));

  test("are short where they are large", () => {
    expect([compact(1_234_567), usd(0.0123), usd(0), usd(19.5), bytes(2048)]).toEqual(["1.2M", "$0.0123", "$0.00", "$19.50", "2 kB"]);
  });

  test("say how long ago", () => {
    expect([ago(0, 1000), ago(0, 180_000), ago(0, 3 * 3_600_000)]).toEqual(["just now", "3 min. ago", "3 hr. ago"]);
  });
});

describe("language and theme", () => {
  test("follow the program and are remembered for the sign-in page", () => {
    appearance.apply({ language: "fr", theme: "dark" });
    expect([appearance.language, appearance.theme, localStorage.getItem("language"), localStorage.getItem("theme")]).toEqual([
      "fr",
      "dark",
      "fr",
      "dark",
    ]);
    appearance.apply({ language: "en", theme: "auto" });
  });
});

test("the reason of a state is a sentence that counts and waitForText until when", () => {
  const status = new MockState(DEFAULT_SCENARIO).status();
  const limited = { ...status, reason: "limited" as const, accounts: accounts(0) };
  expect(statusReason({ ...status, reason: "running", running: 2 }, 0)).toBe("2 replies are running.");
  expect(statusReason({ ...status, reason: "keychain_locked" }, 0)).toMatch(/^The keychain is locked/);
  expect(statusReason(limited, 0)).toMatch(/the first ends in 42 s\.$/);
});
