// Toasts: how long they are shown, and how equal ones are merged.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { SHOWN_MS, SHOWN_WITH_ACTION_MS, Toasts } from "../src/state/toasts.svelte";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const texts = (toasts: Toasts) => toasts.list.map((one) => `${one.text} ×${one.count}`);

test("equal toasts are merged and counted, and are shown for their whole time again", () => {
  const toasts = new Toasts();
  toasts.add("error", "The disk is full.");
  vi.advanceTimersByTime(SHOWN_MS - 1);
  toasts.add("error", "The disk is full.");
  toasts.add("warning", "The disk is full.");
  expect(texts(toasts)).toEqual(["The disk is full. ×2", "The disk is full. ×1"]);
  vi.advanceTimersByTime(SHOWN_MS - 1);
  expect(toasts.list.length).toBe(2);
  vi.advanceTimersByTime(1);
  expect(toasts.list).toEqual([]);
});

test("errors leave by themselves, toasts with a button later", () => {
  const toasts = new Toasts();
  toasts.add("error", "It failed.");
  toasts.add("success", "Saved.", null, { label: "Show", run: () => {} });
  vi.advanceTimersByTime(SHOWN_MS);
  expect(texts(toasts)).toEqual(["Saved. ×1"]);
  vi.advanceTimersByTime(SHOWN_WITH_ACTION_MS - SHOWN_MS);
  expect(toasts.list).toEqual([]);
});

test("no toast leaves while the pointer is on one", () => {
  const toasts = new Toasts();
  toasts.add("error", "It failed.");
  toasts.pause();
  toasts.add("error", "It failed too.");
  vi.advanceTimersByTime(10 * SHOWN_MS);
  expect(toasts.list.length).toBe(2);
  toasts.resume();
  vi.advanceTimersByTime(SHOWN_MS);
  expect(toasts.list).toEqual([]);
});

test("at most four are shown, the newest", () => {
  const toasts = new Toasts();
  for (const n of [1, 2, 3, 4, 5, 6]) toasts.add("error", `${n}`);
  expect(texts(toasts)).toEqual(["3 ×1", "4 ×1", "5 ×1", "6 ×1"]);
});
