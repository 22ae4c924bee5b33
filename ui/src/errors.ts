// What each failure means for a person: a sentence, how bad it is, and the next step.

import { ControlFailure, type FailureCode } from "./control/control";
import type { TryView } from "./control/types";
import { language, t } from "./i18n/index.svelte";
import { say, sentences } from "./messages";

export type Severity = "info" | "warning" | "error";

export interface Said {
  severity: Severity;
  text: string;
  step: string | null;
}

const OF_CONTROL = {
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
  fixed_by_environment: "warning",
  internal: "error",
  signed_out: "warning",
  unreachable: "error",
} as const satisfies { [code in FailureCode]: Severity };

const OF_REQUESTS = {
  invalid_request: "warning",
  unsupported_parameter: "warning",
  context_length_exceeded: "warning",
  invalid_image: "warning",
  invalid_api_key: "warning",
  host_not_allowed: "warning",
  origin_not_allowed: "warning",
  forbidden: "warning",
  previous_response_not_found: "warning",
  client_limit: "warning",
  not_found: "warning",
  method_not_allowed: "warning",
  upgrade_required: "warning",
  request_timeout: "warning",
  request_too_large: "warning",
  uri_too_long: "warning",
  unsupported_media_type: "warning",
  headers_too_large: "warning",
  insufficient_quota: "warning",
  rate_limit_exceeded: "warning",
  upstream_bad_response: "error",
  upstream_tls_error: "error",
  no_account: "error",
  account_login_required: "error",
  upstream_challenge: "error",
  upstream_unreachable: "error",
  overloaded: "warning",
  starting: "info",
  upstream_timeout: "error",
  internal_error: "error",
  stream_interrupted: "error",
  client_closed: "info",
  key_unread: "error",
} as const satisfies { [code: string]: Severity };

/** Failures whose sentence does not say enough without the program's own. */
export const TELLING: FailureCode[] = ["bad_arguments", "port_taken", "not_saved", "keychain", "upstream", "internal"];

export type RequestCode = keyof typeof OF_REQUESTS;
export const CONTROL_CODES = Object.keys(OF_CONTROL) as FailureCode[];
export const REQUEST_CODES = Object.keys(OF_REQUESTS) as RequestCode[];

/** What a failed call to the program means. What the program itself says comes behind our own sentence. */
export function describe(error: unknown): Said {
  const code: FailureCode = error instanceof ControlFailure && Object.hasOwn(OF_CONTROL, error.code) ? error.code : "internal";
  const text = sentences(t(`error.${code}.text`), error instanceof ControlFailure ? detail(error, code) : "");
  return { severity: OF_CONTROL[code], text, step: t(`error.${code}.step`) };
}

/** What the program itself says. English that adds little is kept from readers of other languages. */
function detail(error: ControlFailure, code: FailureCode): string {
  if (error.said) return say(error.said);
  return language() === "en" || TELLING.includes(code) ? error.message : "";
}

/** What the code of a failed request means; a code that is not known is shown as it is. */
export function describeRequest(code: string): Said {
  if (!Object.hasOwn(OF_REQUESTS, code)) return { severity: "error", text: code, step: null };
  const known = code as RequestCode;
  return { severity: OF_REQUESTS[known], text: t(`request_error.${known}.text`), step: t(`request_error.${known}.step`) };
}

/** Why a question that was tried has no answer; null where it has one. */
export function whyUnanswered({ error, code }: TryView): string | null {
  if (error === null || code === null || !Object.hasOwn(OF_REQUESTS, code)) return error;
  const said = describeRequest(code);
  return sentences(said.text, said.step ?? "");
}
