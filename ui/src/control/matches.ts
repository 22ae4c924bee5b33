// The log's filter rule, applied to requests that arrive while a filter is set.

import { isFailed } from "../state/records";
import type { Query, RequestRecord } from "./types";

export function matches(one: RequestRecord, query: Query): boolean {
  return (
    (query.before_id == null || one.id < query.before_id) &&
    (query.after_id == null || one.id > query.after_id) &&
    (!query.failed_only || isFailed(one)) &&
    (!query.account || namesAccount(one, query.account)) &&
    (!query.client || one.client === query.client) &&
    (!query.model || one.model_asked === query.model || one.model_served === query.model) &&
    (!query.dialect || one.dialect === query.dialect) &&
    (query.status == null || one.status === query.status) &&
    (query.since_ms == null || one.time_ms >= query.since_ms) &&
    (query.until_ms == null || one.time_ms < query.until_ms) &&
    (!query.text || holds(one, query.text))
  );
}

function namesAccount(one: RequestRecord, label: string): boolean {
  return one.account === label || one.attempts.some((attempt) => attempt.account === label);
}

function holds(one: RequestRecord, text: string): boolean {
  const wanted = lower(text);
  if (String(one.status) === wanted) return true;
  const places = [
    one.request_id,
    one.session,
    one.client,
    one.program,
    one.agent,
    one.request_class,
    one.model_asked,
    one.model_served,
    one.account,
    one.code,
  ];
  return places.some((place) => place != null && lower(place).includes(wanted));
}

/** ASCII only, like the log. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
