// Client guides: what to paste into each client so that it uses the proxy, with the values filled in.

import { code } from "./sdks";
import { editors } from "./editors";
import { terminals } from "./terminals";

/** Values that the guides' texts are filled with. */
export interface GuideValues {
  /** `http://HOST:PORT` */
  root: string;
  /** The same with `/v1`. */
  base: string;
  key: string;
  model: GuideModel;
  /** Models to offer in a client that does not fetch the list. */
  models: GuideModel[];
}

export interface GuideModel {
  id: string;
  context: number;
  output: number;
  vision: boolean;
  tools: boolean;
}

/** A text to paste; `name` is its file or place. */
export interface Snippet {
  name: string;
  text: (values: GuideValues) => string;
}

/** A value to paste into a form field of the client. */
export interface FieldValue {
  name: string;
  value: (values: GuideValues) => string;
  secret?: boolean;
}

export interface Guide {
  id: GuideId;
  name: string;
  fields: FieldValue[];
  snippets: Snippet[];
}

export type GuideId =
  | "continue"
  | "cline"
  | "zed"
  | "jetbrains"
  | "vscode"
  | "opencode"
  | "aider"
  | "claude_code"
  | "codex"
  | "xcode"
  | "ollama"
  | "cursor"
  | "curl"
  | "python"
  | "node";

export const GUIDES: Guide[] = [...editors, ...terminals, ...code];

/** Shown in place of the key until it is revealed. */
export const KEY_MASK = "••••••••••••••••";

/** Placeholder that the user replaces where the key cannot be shown. */
export const KEY_PLACEHOLDER = "YOUR_KEY";

/** Safe limits for a model whose limits are not known. */
export const UNKNOWN_MODEL: Omit<GuideModel, "id"> = { context: 128_000, output: 16_384, vision: false, tools: true };

/** Whether any text of the guide contains the key. */
export function usesKey(guide: Guide): boolean {
  const model = { id: "", ...UNKNOWN_MODEL };
  const masked = guideValues("", KEY_MASK, model, [model]);
  return guide.fields.some((one) => one.secret) || guide.snippets.some((one) => one.text(masked).includes(KEY_MASK));
}

/** Values for one client. `base_url` ends in `/v1`. */
export function guideValues(base_url: string, key: string, model: GuideModel, models: GuideModel[]): GuideValues {
  const base = base_url.replace(/\/+$/, "");
  return { root: base.replace(/\/v1$/, ""), base, key, model, models };
}
