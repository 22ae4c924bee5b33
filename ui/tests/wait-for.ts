import { vi } from "vitest";

/** Waits for a fact; the limit is only for a test that fails, however busy the machine is. */
export const until = <T>(check: () => T | Promise<T>): Promise<T> => vi.waitFor(check, { timeout: 40_000, interval: 10 });
