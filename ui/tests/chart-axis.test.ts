// Ends and ticks of the chart's axes.

import { describe, expect, test } from "vitest";

import { axisEnd, quarterHours } from "../src/components/chart-axis";

describe("the end of an axis", () => {
  test.each([
    [4, 4],
    [5, 6],
    [9, 10],
    [11, 12],
    [13, 16],
    [41, 50],
    [99, 100],
    [101, 120],
    [1000, 1000],
    [1010, 1200],
    [2500, 3000],
  ])("of %i is %i, near the value and with a whole half", (value, end) => {
    expect(axisEnd(value)).toBe(end);
  });
});

test("ticks are at full quarters of an hour", () => {
  const start = new Date(2026, 10, 29, 13, 50).getTime();
  const times = Array.from({ length: 60 }, (_, i) => start + i * 60_000);
  const shown = quarterHours(times).map((i) => new Date(times[i] as number).toTimeString().slice(0, 5));
  expect(shown).toEqual(["14:00", "14:15", "14:30", "14:45"]);
});
