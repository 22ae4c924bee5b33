// Positions of a request's attempts on its timeline.

import type { Attempt, RequestRecord } from "../control/types";

export interface Span {
  attempt: Attempt;
  /** Fractions of the whole duration, 0 to 1. */
  from: number;
  width: number;
  ok: boolean;
}

/** Attempts run one after the other; the remaining time follows the last. */
export function spans(record: RequestRecord): Span[] {
  const asked = record.attempts.reduce((sum, one) => sum + one.ms, 0);
  const whole = Math.max(record.duration_ms, asked, 1);
  let from = 0;
  return record.attempts.map((attempt) => {
    const span = { attempt, from: from / whole, width: attempt.ms / whole, ok: attempt.outcome === "ok" };
    from += attempt.ms;
    return span;
  });
}

/** Position of the first byte sent to the client, 0 to 1. */
export function firstByte(record: RequestRecord): number | null {
  if (record.first_byte_ms === null || record.duration_ms <= 0) return null;
  return Math.min(1, record.first_byte_ms / record.duration_ms);
}
