import { vi } from "vitest";

/** Polls until `check` passes. The timeout only ends a failing test, also on a busy machine. */
export const waitFor = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 40_000, interval: 10 });
