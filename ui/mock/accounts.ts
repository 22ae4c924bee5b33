// The mock's accounts, keys and models.

import type { AccountView, KeyView, ModelView } from "../src/control/types";

const HOUR = 3_600_000;

/** An account without quota or use, changed by `more`. */
export const account = (label: string, more: Partial<AccountView>): AccountView => ({
  id: `id-${label}`,
  label,
  kind: "web",
  origin: "stored",
  state: "ready",
  advice: null,
  limits: [],
  running: 0,
  quota_percent: null,
  quota_estimated: false,
  spend_cents: null,
  by_family: [],
  budget_usd: null,
  spent_usd: null,
  budget_reset_ms: null,
  downgrades: [],
  as_of_ms: null,
  last_used_ms: null,
  email: null,
  plan: null,
  only: false,
  ...more,
});

export function accounts(now: number): AccountView[] {
  return [
    account("work", {
      email: "ana.silva@example.com",
      plan: "Standard",
      quota_percent: 38,
      quota_estimated: true,
      spend_cents: 171,
      running: 2,
      as_of_ms: now - 60_000,
      last_used_ms: now - 9_000,
      by_family: [
        ["anthropic", 61],
        ["openai", 24],
        ["google", 11],
        ["mistral", 4],
      ],
    }),
    account("personal", {
      state: "limited",
      email: "ana@example.net",
      plan: "Starter",
      quota_percent: 100,
      quota_estimated: true,
      spend_cents: 150,
      as_of_ms: now - 23 * 60_000,
      last_used_ms: now - 23 * 60_000,
      limits: [
        { scope: "claude", reason: "quota", until_ms: now + 1.7 * HOUR, seconds_left: 6120 },
        { scope: "grok", reason: "throttled", until_ms: now + 42_000, seconds_left: 42 },
      ],
      by_family: [
        ["anthropic", 88],
        ["xai", 12],
      ],
      downgrades: [["claude-opus", "claude-sonnet-4"]],
    }),
    account("studio-key", {
      kind: "api",
      budget_usd: 20,
      spent_usd: 6.42,
      budget_reset_ms: now + 9 * 24 * HOUR,
      as_of_ms: now - 120_000,
      last_used_ms: now - 4 * 60_000,
      plan: "API",
    }),
    account("old laptop", {
      state: "needs_login",
      email: "ana.silva@example.com",
      plan: "Starter",
      last_used_ms: now - 3 * 24 * HOUR,
      advice: { what: "sign_in" },
    }),
  ];
}

/** Origin that the program gives for a key of which only the digest is stored. */
export const DIGEST_ONLY = "only its digest is kept: it cannot be shown again";

export function keys(now: number): KeyView[] {
  const key = (name: string, more: Partial<KeyView>): KeyView => ({
    name,
    origin: "keychain",
    key: null,
    can_show: true,
    last_used_ms: null,
    models: [],
    daily_tokens: null,
    daily_cost_usd: null,
    today_tokens: 0,
    today_cost_usd: 0,
    ...more,
  });
  return [
    key("main", { last_used_ms: now - 9_000, today_tokens: 812_400, today_cost_usd: 2.31 }),
    key("zed", { last_used_ms: now - 12 * 60_000, today_tokens: 96_210, today_cost_usd: 0.38, daily_tokens: 500_000 }),
    key("ci-bot", {
      origin: DIGEST_ONLY,
      can_show: false,
      models: ["gpt-5-mini", "gpt-4o-mini"],
      daily_cost_usd: 1,
      today_tokens: 21_000,
      today_cost_usd: 0.06,
    }),
  ];
}

type Row = [id: string, owner: string, context: number, out: number, input: number, output: number, skills: string, by: string];

const MODELS: Row[] = [
  ["claude-opus-4-5", "anthropic", 200_000, 64_000, 5, 25, "vtr", "w"],
  ["claude-sonnet-4-5", "anthropic", 200_000, 64_000, 3, 15, "vtr", "wa"],
  ["claude-haiku-4-5", "anthropic", 200_000, 64_000, 1, 5, "vt", "wa"],
  ["gpt-5.1", "openai", 400_000, 128_000, 1.25, 10, "vtr", "wa"],
  ["gpt-5-mini", "openai", 400_000, 128_000, 0.25, 2, "vtr", "wa"],
  ["gpt-4o-mini", "openai", 128_000, 16_384, 0.15, 0.6, "vt", "wa"],
  ["o4-mini", "openai", 200_000, 100_000, 1.1, 4.4, "tr", "w"],
  ["gemini-2.5-pro", "google", 1_048_576, 65_536, 1.25, 10, "vtr", "wa"],
  ["gemini-2.5-flash", "google", 1_048_576, 65_536, 0.3, 2.5, "vt", "wa"],
  ["grok-4", "xai", 256_000, 64_000, 3, 15, "vtr", "w"],
  ["mistral-medium-3.1", "mistral", 131_072, 32_768, 0.4, 2, "vt", "wa"],
  ["codestral-2508", "mistral", 256_000, 32_768, 0.3, 0.9, "t", "a"],
  ["deepseek-v3.2", "deepseek", 163_840, 65_536, 0.28, 0.42, "tr", "wa"],
  ["llama-4-maverick", "meta", 1_000_000, 16_384, 0.22, 0.88, "vt", "w"],
  ["text-embedding-3-large", "openai", 8_191, 0, 0.13, 0, "", "a"],
];

export function models(): ModelView[] {
  const real = MODELS.map(([id, owner, context, out, input, output, skills, by]): ModelView => {
    const resting = id === "grok-4";
    return {
      id,
      owner,
      by: by === "w" ? ["web"] : by === "a" ? ["api"] : ["web", "api"],
      served_now: !resting,
      alias_of: null,
      context,
      max_output: out || null,
      input_cost: input,
      output_cost: output || null,
      vision: skills.includes("v"),
      tools: skills.includes("t"),
      reasoning: skills.includes("r"),
    };
  });
  const alias = (id: string, target: string): ModelView => ({
    ...(real.find((model) => model.id === target) as ModelView),
    id,
    alias_of: target,
  });
  return [...real, alias("fast", "gpt-5-mini"), alias("claude-3-7-sonnet-latest", "claude-sonnet-4-5")];
}
