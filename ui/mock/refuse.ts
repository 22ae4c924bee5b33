import { ControlFailure } from "../src/control/control";
import type { ErrorCode } from "../src/control/types";

/** Fails a command as the program does. */
export function refuse(code: ErrorCode, message: string): never {
  throw new ControlFailure(code, message);
}
