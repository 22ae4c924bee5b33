// What the views say about a request, worked out in one place.

import type { Record as LogRecord } from "../control/types";

/** The client left before the end: its own wish, and no failure. */
export function isCancelled(record: LogRecord): boolean {
  return record.code === "client_closed";
}

/** It failed or was cut, by anybody but the client. */
export function isFailed(record: LogRecord): boolean {
  return (record.status >= 400 || record.interrupted) && !isCancelled(record);
}

/** JSON in lines that people can read; anything else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
