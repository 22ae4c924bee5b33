// Derived values of a request record.

import type { RequestRecord } from "../control/types";

/** Whether the client disconnected before the end, which is no failure. */
export function isCancelled(record: RequestRecord): boolean {
  return record.code === "client_closed";
}

/** Whether it failed or was interrupted, other than by the client. */
export function isFailed(record: RequestRecord): boolean {
  return (record.status >= 400 || record.interrupted) && !isCancelled(record);
}

/** JSON with indentation; other text unchanged. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
