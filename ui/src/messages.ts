// Translation of the program's messages, which arrive as codes with arguments.

import type {
  UpstreamErrorKind,
  NoAccountReason,
  SkipReason,
  PasteError,
  AccountSelection,
  UserMessage,
  StoreError,
  SelectionReason,
} from "./control/types";
import { language, t } from "./i18n/index.svelte";

/** A message of the program. */
export function messageText(said: UserMessage): string {
  switch (said.what) {
    case "plain":
      return said.text;
    case "failed":
      return sentences(t(`failure.${said.kind}`), said.detail);
    case "pasted":
      return pasteErrorText(said.error);
    case "other_host":
      return t("message.other_host", said.change);
    case "store":
      return storeErrorText(said.error);
    case "secret_unread":
    case "key_for_this_run":
    case "key_not_shown":
      return sentences(t(`message.${said.what}`), storeErrorText(said.error));
    default:
      return t(`message.${said.what}`, said);
  }
}

/** Why secrets cannot be read or stored. */
export function storeErrorText(error: StoreError): string {
  return t(`store.${error.what}`, { detail: "detail" in error ? error.detail : "" });
}

/** Why an account was selected; text of an older version is shown as it is. */
export function selectionReasonText(why: SelectionReason): string {
  if (typeof why === "string") return why;
  const passed = skippedCounts(why);
  return sentences(
    t(`selection.${why.by}`, { ready: why.ready, running: why.running }),
    passed.length > 0 ? t("selection.skipped", { list: new Intl.ListFormat(language()).format(passed) }) : "",
    why.tries ? t("selection.probe") : "",
  );
}

/** Why an account is not next. */
export function skipReasonText(passed: SkipReason): string {
  return t(`skipped.${passed.what}`, passed);
}

/** Why no account is available. */
export function unavailableText(nobody: NoAccountReason): string {
  if (nobody.what === "unreadable") return sentences(t("unavailable.unreadable"), storeErrorText(nobody.error));
  return t(`unavailable.${nobody.what}`, nobody);
}

/** The log's outcome words, and the failure kind of each. */
export const OUTCOMES = {
  ok: "ok",
  limited: "limited",
  throttled: "throttled",
  "needs login": "login_required",
  challenge: "challenge",
  "server error": "server",
  "bad response": "bad_response",
  empty: "empty",
  unreachable: "unreachable",
  "tls error": "tls",
  timeout: "timeout",
  "no such model": "no_such_model",
  "too long": "context_length",
  rejected: "rejected",
  image: "image",
  interrupted: "interrupted",
} as const satisfies { [word: string]: UpstreamErrorKind | "ok" };

export function outcomeText(word: string): string {
  if (!Object.hasOwn(OUTCOMES, word)) return word;
  return t(`outcome.${OUTCOMES[word as keyof typeof OUTCOMES]}`);
}

export const NOTES = ["asked_again", "no_call", "not_json", "json_unchecked", "unchecked", "broken_call"] as const;

/** A note of the log about a request; a sentence of an older version is shown as it is. */
export function noteText(note: string): string {
  const known = NOTES.find((one) => one === note);
  return known ? t(`note.${known}`) : note;
}

/** Joins the non-empty parts as sentences of one paragraph. */
export function sentences(...parts: string[]): string {
  return parts
    .filter(Boolean)
    .map(sentence)
    .join(language() === "zh" ? "" : " ");
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?。？！]$/.test(begun) ? begun : `${begun}.`;
}

function pasteErrorText(error: PasteError): string {
  if (error.what === "unusable") return t(`secret_format.${error.detail}`);
  return t(`paste.${error.what}`, { detail: "detail" in error ? error.detail : "" });
}

function skippedCounts(why: AccountSelection): string[] {
  const counts = ["limited", "needs_login", "disabled"] as const;
  return counts.filter((name) => why[name] > 0).map((name) => t(`selection.${name}`, { n: why[name] }));
}
