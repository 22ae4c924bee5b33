// Ends and ticks of the chart's axes.

/** Leading digits of a rounded end. */
const ROUND = [10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100];
const TICK_MINUTES = 15;

/** The upper end of an axis: the smallest round number that is not below `value` and whose half is whole. */
export function axisEnd(value: number): number {
  const power = 10 ** Math.max(0, Math.floor(Math.log10(value)));
  return ROUND.map((digits) => (digits * power) / 10).find((end) => end >= value && end % 2 === 0) ?? 10 * power;
}

/** The indexes of the minutes at full quarters of an hour, in local time. */
export function quarterHours(times: readonly number[]): number[] {
  return [...times.keys()].filter((i) => new Date(times[i] as number).getMinutes() % TICK_MINUTES === 0);
}
