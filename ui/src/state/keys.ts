// Client keys come over only when someone wants to see or copy one.

import type { Control } from "../control/control";
import { ControlFailure } from "../control/control";

/** The key called `name`, in full. */
export async function keyNamed(control: Control, name: string): Promise<string> {
  const keys = await control.call("keys.list", { reveal: true });
  const found = keys.find((one) => one.name === name)?.key;
  if (!found) throw new ControlFailure("not_found", "");
  return found;
}

/** The key that every installation has: the first. */
export async function mainKey(control: Control): Promise<string> {
  const keys = await control.call("keys.list", { reveal: true });
  const found = keys.find((one) => one.key)?.key;
  if (!found) throw new ControlFailure("not_found", "");
  return found;
}
