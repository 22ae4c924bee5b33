// The mock's request log: the same id always gives the same record.

import type { Attempt, AccountSelection, RequestRecord } from "../src/control/types";

const CLIENTS = ["main", "zed", "main", "ci-bot", "main"];
const DIALECTS = ["openai-chat", "anthropic", "openai-chat", "openai-responses", "openai-chat", "ollama-chat"];
const ASKED = [
  "claude-sonnet-4-5",
  "gpt-5-mini",
  "claude-sonnet-4-5",
  "gemini-2.5-pro",
  "fast",
  "gpt-5.1",
  "deepseek-v3.2",
  "mistral-medium-3.1",
];
const SERVED: { [asked: string]: string } = { fast: "gpt-5-mini" };

const BALANCED: AccountSelection = { by: "balance", ready: 2, running: 0, limited: 0, needs_login: 1, disabled: 0, tries: false };
const STAYED: AccountSelection = { ...BALANCED, by: "conversation" };
const LEFT: AccountSelection = { ...BALANCED, by: "alone", ready: 1, limited: 1 };

/** Deterministic pseudo-random number in 0..1. */
function chance(seed: number, salt: number): number {
  let x = Math.imul(seed ^ (salt * 0x9e3779b9), 0x85ebca6b) >>> 0;
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35) >>> 0;
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}

const pick = <T>(list: T[], part: number): T => list[Math.floor(part * list.length)] as T;

export function record(id: number, time_ms: number): RequestRecord {
  const asked = pick(ASKED, chance(id, 1));
  const kind = chance(id, 2);
  const first = Math.round(280 + chance(id, 3) ** 2 * 2600);
  const duration = first + Math.round(chance(id, 4) ** 2 * 16_000);
  const prompt = Math.round(180 + chance(id, 5) ** 3 * 48_000);
  const completion = Math.round(20 + chance(id, 6) ** 2 * 2400);
  const base: RequestRecord = {
    id,
    time_ms,
    request_id: `req_${(id * 2654435761).toString(36).padStart(10, "0").slice(-10)}`,
    client: pick(CLIENTS, chance(id, 7)),
    program: null,
    session: null,
    agent: null,
    request_class: null,
    dialect: pick(DIALECTS, chance(id, 8)),
    model_asked: asked,
    model_served: SERVED[asked] ?? asked,
    account: chance(id, 9) < 0.7 ? "work" : "studio-key",
    attempts: [],
    status: 200,
    code: null,
    fault: null,
    bytes_in: prompt * 4,
    bytes_out: completion * 5,
    prompt_tokens: prompt,
    completion_tokens: completion,
    tokens_estimated: chance(id, 9) < 0.7,
    cost_usd: (prompt * 3 + completion * 15) / 1e6,
    unbilled: chance(id, 9) < 0.7,
    message: null,
    param: null,
    note: null,
    first_byte_ms: first,
    duration_ms: duration,
    stream: chance(id, 10) < 0.85,
    interrupted: false,
  };
  const served: Attempt = { account: base.account as string, why: BALANCED, outcome: "ok", status: 200, detail: null, ms: duration };
  if (kind > 0.975) return failed(base);
  if (kind > 0.96) return left(base, served);
  if (kind > 0.9) return { ...base, attempts: [refusal(), { ...served, why: LEFT, ms: duration - 312 }], account: served.account };
  return { ...base, attempts: [served] };
}

function refusal(): Attempt {
  return {
    account: "personal",
    why: STAYED,
    outcome: "limited",
    status: 403,
    detail: "quota used up for claude, resets in 1 h 42 min",
    ms: 312,
  };
}

function failed(base: RequestRecord): RequestRecord {
  const last: Attempt = {
    account: "work",
    why: LEFT,
    outcome: "unreachable",
    status: 502,
    detail: "connection reset before the first byte",
    ms: 1480,
  };
  if (base.id % 7 === 3) return mistaken(base);
  const quota = base.id % 2 === 0;
  return {
    ...base,
    attempts: quota ? [refusal()] : [refusal(), last],
    account: quota ? "personal" : "work",
    model_served: null,
    status: quota ? 429 : 503,
    code: quota ? "insufficient_quota" : "upstream_unreachable",
    fault: "upstream",
    message: quota
      ? "every usable account has used up its quota for this model; the next one is free in 102 min"
      : "Mammouth cannot be reached: connection reset",
    completion_tokens: null,
    cost_usd: null,
    first_byte_ms: null,
    duration_ms: quota ? 316 : 1804,
    bytes_out: 214,
  };
}

function mistaken(base: RequestRecord): RequestRecord {
  const message = "'messages[0].content' is of the wrong type";
  const nothing = {
    account: null,
    model_served: null,
    prompt_tokens: null,
    completion_tokens: null,
    tokens_estimated: false,
    cost_usd: null,
    unbilled: false,
    first_byte_ms: null,
  };
  return {
    ...base,
    ...nothing,
    status: 400,
    code: "invalid_request",
    fault: "client",
    message,
    param: "messages[0].content",
    duration_ms: 1,
    bytes_out: 148,
  };
}

function left(base: RequestRecord, served: Attempt): RequestRecord {
  return { ...base, attempts: [{ ...served, outcome: "ok" }], status: 499, code: "client_closed", fault: "client", interrupted: true };
}
