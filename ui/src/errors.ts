// Descriptions of errors: a sentence, a severity and the next step.

import { ControlFailure, type FailureCode } from "./control/control";
import { REQUEST_SEVERITIES } from "./control/generated/request-errors";
import type { TestResult } from "./control/types";
import { language, t } from "./i18n/index.svelte";
import { messageText, sentences } from "./messages";

export type Severity = "info" | "warning" | "error";

/** The tone that a severity is shown in. */
export const SEVERITY_TONES = { success: "ok", info: "accent", warning: "warn", error: "bad" } as const;

export interface Description {
  severity: Severity;
  text: string;
  step: string | null;
}

const CONTROL_SEVERITIES = {
  unknown_command: "error",
  bad_arguments: "error",
  not_found: "warning",
  exists: "warning",
  port_taken: "warning",
  not_saved: "error",
  keychain: "error",
  upstream: "error",
  starting: "info",
  file_not_saved: "error",
  clipboard: "warning",
  desktop_only: "warning",
  terms: "info",
  cancelled: "info",
  client_file: "warning",
  conflict: "warning",
  fixed_by_environment: "warning",
  internal: "error",
  signed_out: "warning",
  unreachable: "error",
} as const satisfies { [code in FailureCode]: Severity };

/** Codes whose sentence needs the program's own message, in every language. */
export const CODES_WITH_DETAIL: FailureCode[] = ["bad_arguments", "port_taken", "not_saved", "keychain", "upstream", "internal"];

export type RequestCode = keyof typeof REQUEST_SEVERITIES;
export const CONTROL_CODES = Object.keys(CONTROL_SEVERITIES) as FailureCode[];
export const REQUEST_CODES = Object.keys(REQUEST_SEVERITIES) as RequestCode[];

/** Describes a failed call; the program's own message follows our sentence. */
export function describe(error: unknown): Description {
  const code: FailureCode = error instanceof ControlFailure && Object.hasOwn(CONTROL_SEVERITIES, error.code) ? error.code : "internal";
  const reason = error instanceof ControlFailure ? detail(error, code) : "";
  // What was wrong with an input says more alone than after a general sentence.
  if (code === "bad_arguments" && reason !== "") return { severity: "error", text: sentences(reason), step: null };
  const text = sentences(t(`error.${code}.text`), reason);
  return { severity: CONTROL_SEVERITIES[code], text, step: t(`error.${code}.step`) };
}

/** The program's own message. English that adds little is left out in other languages. */
function detail(error: ControlFailure, code: FailureCode): string {
  if (error.userMessage) return messageText(error.userMessage);
  return language() === "en" || CODES_WITH_DETAIL.includes(code) ? error.message : "";
}

/** Describes a failed request by its code; an unknown code is shown as it is. */
export function describeRequestError(code: string): Description {
  if (!Object.hasOwn(REQUEST_SEVERITIES, code)) return { severity: "error", text: code, step: null };
  const known = code as RequestCode;
  return { severity: REQUEST_SEVERITIES[known], text: t(`request_error.${known}.text`), step: t(`request_error.${known}.step`) };
}

/** Why a test request failed; null where it succeeded. */
export function testFailureText({ error, code }: TestResult): string | null {
  if (error === null || code === null || !Object.hasOwn(REQUEST_SEVERITIES, code)) return error;
  const description = describeRequestError(code);
  return sentences(description.text, description.step ?? "");
}
