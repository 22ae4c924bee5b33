// Derived values of an account: tone, state text, limits, usage.

import type { AccountView, LimitView } from "../control/types";
import { t } from "../i18n/index.svelte";

export type Tone = "plain" | "ok" | "warn" | "bad";

const TONES: { [state in AccountView["state"]]: Tone } = {
  ready: "ok",
  limited: "warn",
  needs_login: "bad",
  unreachable: "bad",
  disabled: "plain",
  starting: "plain",
  locked: "warn",
  unreadable: "bad",
  other_host: "bad",
};

/** An unknown state is neutral, never ready. */
export function stateTone(account: AccountView): Tone {
  return TONES[account.state] ?? "plain";
}

/** The account's state as text. */
export function stateText(account: AccountView): string {
  return account.state in TONES ? t(`account.state.${account.state}`) : t("account.state.unknown");
}

/** The limit that ends first; null without limits. */
export function earliestLimit(account: AccountView): LimitView | null {
  return account.limits.reduce<LimitView | null>((first, one) => (first && first.until_ms <= one.until_ms ? first : one), null);
}

/** The quota limit that ends first; without one, any limit. A throttle ends sooner and matters less. */
export function quotaLimit(account: AccountView): LimitView | null {
  const quota = account.limits.filter((one) => one.reason === "quota");
  return earliestLimit({ ...account, limits: quota.length > 0 ? quota : account.limits });
}

export interface Usage {
  percent: number;
  /** US dollars spent, where known. */
  spent: number | null;
  budget: number | null;
  /** The percentage was computed from the spend and the plan. */
  estimated: boolean;
}

/** Share of the quota or budget that is used; null where unknown. */
export function usage(account: AccountView): Usage | null {
  if (account.quota_percent !== null)
    return {
      percent: account.quota_percent,
      spent: account.spend_cents === null ? null : account.spend_cents / 100,
      budget: null,
      estimated: account.quota_estimated,
    };
  if (account.budget_usd !== null && account.budget_usd > 0 && account.spent_usd !== null) {
    return {
      percent: (account.spent_usd / account.budget_usd) * 100,
      spent: account.spent_usd,
      budget: account.budget_usd,
      estimated: false,
    };
  }
  return null;
}

/** Usage older than this is shown as outdated. */
export const FRESH_MS = 6 * 60_000;

/** Time of the usage figures where they are outdated, else null. */
export function outdatedSince(account: AccountView, now: number): number | null {
  return account.as_of_ms !== null && now - account.as_of_ms > FRESH_MS ? account.as_of_ms : null;
}

/** The labels with `label` moved up (-1) or down (1) by one. */
export function reordered(labels: string[], label: string, by: -1 | 1): string[] {
  const from = labels.indexOf(label);
  const to = from + by;
  if (from < 0 || to < 0 || to >= labels.length) return labels;
  const next = [...labels];
  next.splice(from, 1);
  next.splice(to, 0, label);
  return next;
}
