// How each program is pointed at the proxy: what to paste where, with the values filled in.

import { code } from "./sdks";
import { editors } from "./editors";
import { terminals } from "./terminals";

/** What the texts are filled with. */
export interface Values {
  /** `http://HOST:PORT` */
  root: string;
  /** The same with `/v1`. */
  base: string;
  key: string;
  model: Known;
  /** Models to offer in a client that does not fetch the list. */
  models: Known[];
}

export interface Known {
  id: string;
  context: number;
  output: number;
  vision: boolean;
  tools: boolean;
}

/** A text to paste, under the name of its file or place. */
export interface Snippet {
  name: string;
  text: (values: Values) => string;
}

/** A value to paste into a field of a dialog. */
export interface Blank {
  name: string;
  value: (values: Values) => string;
  secret?: boolean;
}

export interface Setup {
  id: SetupId;
  name: string;
  blanks: Blank[];
  snippets: Snippet[];
}

export type SetupId =
  | "continue" | "cline" | "zed" | "jetbrains" | "vscode" | "opencode" | "aider" | "claude_code" | "codex" | "xcode"
  | "ollama" | "cursor" | "curl" | "python" | "node";

export const SETUPS: Setup[] = [...editors, ...terminals, ...code];

/** What stands for the key until the reader asks for it. */
export const MASK = "••••••••••••••••";

/** What the reader replaces where the key cannot be shown. */
export const BLANK = "YOUR_KEY";

/** Sizes that are safe to claim for a model nobody knows the sizes of. */
export const UNKNOWN: Omit<Known, "id"> = { context: 128_000, output: 16_384, vision: false, tools: true };

/** Whether any of its texts holds the key. */
export function usesKey(setup: Setup): boolean {
  const model = { id: "", ...UNKNOWN };
  const masked = values("", MASK, model, [model]);
  return setup.blanks.some((one) => one.secret) || setup.snippets.some((one) => one.text(masked).includes(MASK));
}

/** The proxy as one client sees it. `base_url` ends in `/v1`. */
export function values(base_url: string, key: string, model: Known, models: Known[]): Values {
  const base = base_url.replace(/\/+$/, "");
  return { root: base.replace(/\/v1$/, ""), base, key, model, models };
}
