// Client keys come over only when someone wants to see one; in the program's own window they are copied without that.

import type { Control } from "../control/control";
import { ControlFailure } from "../control/control";
import type { KeyView } from "../control/types";
import { copy } from "../clipboard";

/** The key that every installation has. */
export const MAIN = "main";

/** What the program replaces with the key in `keys.copy`. */
const PLACEHOLDER = "{{MAMMOUTH_PROXY_KEY}}";

/** The key called `name`, in full. */
export async function keyNamed(control: Control, name: string): Promise<string> {
  const keys = await control.call("keys.list", { reveal: true });
  const found = keys.find((one) => one.name === name)?.key;
  if (!found) throw new ControlFailure("not_found", "");
  return found;
}

/** Copies a text with the key called `name` in it; whether it was copied. */
export async function copyKey(control: Control, name: string, write: (key: string) => string = (key) => key): Promise<boolean> {
  if (control.desktop) {
    try {
      await control.call("keys.copy", { name, template: write(PLACEHOLDER) });
      return true;
    } catch (error) {
      // A key of the user's own may need quoting, which only `write` can do.
      if (!(error instanceof ControlFailure && error.code === "bad_arguments")) throw error;
    }
  }
  return copy(control, write(await keyNamed(control, name)));
}

/** Makes a key for a client: called `base`, or `base-2` and so on where that is taken. */
export function makeKeyFor(control: Control, base: string, keys: KeyView[]): Promise<KeyView> {
  const taken = new Set(keys.map((one) => one.name));
  let name = base;
  for (let n = 2; taken.has(name); n++) name = `${base}-${n}`;
  return control.call("keys.add", { name });
}
