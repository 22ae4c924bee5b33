// Client keys are fetched only on demand; in the desktop window they are copied without being fetched.

import type { Control } from "../control/control";
import { ControlFailure } from "../control/control";
import type { KeyView } from "../control/types";
import { copy } from "../clipboard";

/** Name of the key that every installation has. */
export const MAIN = "main";

/** Replaced with the key by the command `keys.copy`. */
export const KEY_TEMPLATE = "{{MAMMOUTH_PROXY_KEY}}";

/** The full key called `name`. Throws `not_found`. */
export async function keyNamed(control: Control, name: string): Promise<string> {
  const keys = await control.call("keys.list", { reveal: true });
  const found = keys.find((one) => one.name === name)?.key;
  if (!found) throw new ControlFailure("not_found", "");
  return found;
}

/** Copies a text that contains the key called `name`; resolves to whether it could. */
export async function copyKey(control: Control, name: string, write: (key: string) => string = (key) => key): Promise<boolean> {
  if (control.desktop) {
    try {
      await control.call("keys.copy", { name, template: write(KEY_TEMPLATE) });
      return true;
    } catch (error) {
      // A key that the user chose may need quoting, which only `write` can do.
      if (!(error instanceof ControlFailure && error.code === "bad_arguments")) throw error;
    }
  }
  return copy(control, write(await keyNamed(control, name)));
}

/** Creates a key for a client, called `base`, or `base-2` and so on where that is taken. */
export function makeKeyFor(control: Control, base: string, keys: KeyView[]): Promise<KeyView> {
  const taken = new Set(keys.map((one) => one.name));
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  return control.call("keys.add", { name });
}
