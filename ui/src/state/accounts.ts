// What the views say about an account, worked out in one place.

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

/** A state that this page does not know is grey, never ready. */
export function toneOf(account: AccountView): Tone {
  return TONES[account.state] ?? "plain";
}

/** The state in words. */
export function stateOf(account: AccountView): string {
  return account.state in TONES ? t(`account.state.${account.state}`) : t("account.state.unknown");
}

/** The limit that ends first. */
export function soonest(account: AccountView): LimitView | null {
  return account.limits.reduce<LimitView | null>((first, one) => (first && first.until_ms <= one.until_ms ? first : one), null);
}

/** When the account is whole again as far as its quota goes; being asked to slow down is over sooner and matters less. */
export function renewal(account: AccountView): LimitView | null {
  const quota = account.limits.filter((one) => one.reason === "quota");
  return soonest({ ...account, limits: quota.length > 0 ? quota : account.limits });
}

export interface Usage {
  percent: number;
  /** Money spent of a budget, in US dollars, where it is about money. */
  spent: number | null;
  budget: number | null;
  /** The percentage was computed from the spend and the plan. */
  estimated: boolean;
}

/** How much of what the account may use is used; null where nobody knows. */
export function usage(account: AccountView): Usage | null {
  if (account.quota_percent !== null) return { percent: account.quota_percent, spent: account.spend_cents === null ? null : account.spend_cents / 100, budget: null, estimated: account.quota_estimated };
  if (account.budget_usd !== null && account.budget_usd > 0 && account.spent_usd !== null) {
    return { percent: (account.spent_usd / account.budget_usd) * 100, spent: account.spent_usd, budget: account.budget_usd, estimated: false };
  }
  return null;
}

/** Numbers older than this are drawn as those of before. */
export const FRESH_MS = 6 * 60_000;

/** When the numbers were told, where that is a while ago. */
export function asOf(account: AccountView, now: number): number | null {
  return account.as_of_ms !== null && now - account.as_of_ms > FRESH_MS ? account.as_of_ms : null;
}

/** The labels with one of them a place higher (-1) or lower (1). */
export function moved(labels: string[], label: string, by: -1 | 1): string[] {
  const from = labels.indexOf(label);
  const to = from + by;
  if (from < 0 || to < 0 || to >= labels.length) return labels;
  const next = [...labels];
  next.splice(from, 1);
  next.splice(to, 0, label);
  return next;
}
