//! The accounts that the simulator knows, and how much of their quota is used.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The window in which Mammouth renews a quota (docs/upstream-protocol.md, "Quota").
const QUOTA_WINDOW: Duration = Duration::from_secs(3 * 60 * 60);
/// Never limited on any plan (docs/upstream-protocol.md, "Names of models").
const UNLIMITED_MODEL: &str = "openai-gpt-4o-mini";
/// Only these are told apart, so that invented model names cannot fill the memory.
const MODEL_FAMILIES: [&str; 8] =
    ["anthropic", "openai", "google", "xai", "fireworks", "mistral", "deepseek", "perplexity"];
const MAX_MODELS_PER_WINDOW: usize = 16;
/// What one call takes of a limited account's window, in percent.
const PERCENT_PER_CALL: u64 = 5;

/// What a simulator is started with.
#[derive(Clone)]
pub struct MockUpstreamOptions {
    pub accounts: Vec<MockAccount>,
    /// Time between two words of a reply; zero in tests.
    pub word_delay: Duration,
    /// The form of the answers about usage.
    pub usage_format: UsageFormat,
}

/// The form in which the site answers about usage (docs/upstream-protocol.md, "Quota").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UsageFormat {
    /// Of clients of October 2026: shares by `brand`, the plan, and no percentage.
    #[default]
    Current,
    /// As before: a percentage, spends by `name`, and the plan beside the user's e-mail address.
    Older,
}

impl MockUpstreamOptions {
    /// For `--demo`: three web accounts with fresh cookies, one with a key, and one that is there to sign in with. The first
    /// web account has two calls left in each model family, so that the third request to the web shows a failover.
    pub fn demo() -> Self {
        let account = |label: &str, plan: &str, limit| MockAccount {
            cookie: random_cookie(),
            plan: plan.to_owned(),
            limit,
            ..MockAccount::web(label)
        };
        let accounts = vec![
            account("alice", "Starter", Some(2)),
            account("bob", "Standard", None),
            account("carol", "Expert", None),
            MockAccount { key: Some(format!("sk-{}", random_cookie())), ..account("dora", "API", None) },
            MockAccount { preconfigured: false, ..account("erin", "Standard", None) },
        ];
        Self { accounts, word_delay: Duration::from_millis(40), usage_format: UsageFormat::default() }
    }

    /// For tests: replies come without delay.
    pub fn instant(accounts: Vec<MockAccount>) -> Self {
        Self { accounts, word_delay: Duration::ZERO, usage_format: UsageFormat::default() }
    }
}

/// One account of the simulated site.
#[derive(Clone)]
pub struct MockAccount {
    /// The value of the `auth_session` cookie; of no use to an account with a key.
    pub cookie: String,
    /// An account of the official API has this key.
    pub key: Option<String>,
    /// What stands before the `@` is the account's label.
    pub email: String,
    pub name: String,
    /// `Starter`, `Standard` or `Expert`.
    pub plan: String,
    /// Model calls in each window and model family until a 403 says that the quota is used; `None` = no limit.
    pub limit: Option<u32>,
    /// From a family's first call until its quota is full again.
    pub limit_resets_after: Duration,
    /// `false` for one that is only there for who signs in on the login page.
    pub preconfigured: bool,
}

impl MockAccount {
    /// A Standard account without a limit. The cookie is `LABEL-session`.
    pub fn web(label: &str) -> Self {
        let mut name = label.to_owned();
        name.get_mut(..1).map(str::make_ascii_uppercase);
        Self {
            cookie: format!("{label}-session"),
            key: None,
            email: format!("{label}@simulator.invalid"),
            name: format!("{name} Demo"),
            plan: "Standard".to_owned(),
            limit: None,
            limit_resets_after: QUOTA_WINDOW,
            preconfigured: true,
        }
    }

    /// An account of the official API. The key is `sk-LABEL-key-0123456789`.
    pub fn api(label: &str) -> Self {
        Self { key: Some(format!("sk-{label}-key-0123456789")), ..Self::web(label) }
    }

    /// The same account with this many calls in each window and family.
    #[must_use]
    pub fn with_limit(self, calls: u32) -> Self {
        Self { limit: Some(calls), ..self }
    }

    pub(super) fn label(&self) -> String {
        self.email.split('@').next().unwrap_or_default().to_owned()
    }

    /// 150 cents a window times the plan's multiplier (docs/upstream-protocol.md, "Quota").
    fn window_cents(&self) -> u64 {
        match self.plan.as_str() {
            "Expert" => 1500,
            "Standard" => 450,
            _ => 150,
        }
    }
}

/// Looks like a session cookie. It guards nothing, so the standard library's hash keys are random enough.
fn random_cookie() -> String {
    (0..3).map(|_| format!("{:016x}", RandomState::new().build_hasher().finish())).collect()
}

/// Counts the calls of one account.
#[derive(Default)]
pub(super) struct QuotaCounter {
    windows: HashMap<&'static str, QuotaWindow>,
}

struct QuotaWindow {
    started: Instant,
    calls: u32,
    models: BTreeSet<String>,
}

/// What `recentUsage` and `currentUsage` tell.
pub(super) struct QuotaUsage {
    pub(super) percent: u64,
    pub(super) cents: u64,
    pub(super) calls_by_family: BTreeMap<&'static str, u32>,
    pub(super) models: BTreeSet<String>,
}

impl QuotaCounter {
    /// Counts one call; `false` means that the account's quota for the model's family is used.
    pub(super) fn charge(&mut self, account: &MockAccount, model: &str, now: Instant) -> bool {
        if model == UNLIMITED_MODEL {
            return true;
        }
        self.drop_expired_windows(account, now);
        let fresh = || QuotaWindow { started: now, calls: 0, models: BTreeSet::new() };
        let window = self.windows.entry(model_family(model)).or_insert_with(fresh);
        if account.limit.is_some_and(|limit| window.calls >= limit) {
            return false;
        }
        window.calls = window.calls.saturating_add(1);
        if window.models.len() < MAX_MODELS_PER_WINDOW {
            window.models.insert(model.chars().take(100).collect());
        }
        true
    }

    pub(super) fn usage(&mut self, account: &MockAccount, now: Instant) -> QuotaUsage {
        self.drop_expired_windows(account, now);
        let calls_by_family: BTreeMap<_, _> =
            self.windows.iter().map(|(name, window)| (*name, window.calls)).collect();
        let full = account.window_cents();
        let (percent, cents) = match account.limit {
            Some(limit) => {
                let max_calls = calls_by_family.values().max().copied().unwrap_or(0);
                let left = u64::from(limit.saturating_sub(max_calls));
                let percent = 100_u64.saturating_sub(left.saturating_mul(PERCENT_PER_CALL));
                (percent, full * percent / 100)
            }
            None => {
                let cents: u64 = calls_by_family.values().map(|calls| u64::from(*calls)).sum();
                ((cents * 100 / full).min(100), cents)
            }
        };
        let models = self.windows.values().flat_map(|window| window.models.iter().cloned()).collect();
        QuotaUsage { percent, cents, calls_by_family, models }
    }

    fn drop_expired_windows(&mut self, account: &MockAccount, now: Instant) {
        let age = account.limit_resets_after;
        self.windows.retain(|_, window| now.saturating_duration_since(window.started) < age);
    }
}

/// The maker's name, with which every web model id begins.
fn model_family(model: &str) -> &'static str {
    let maker = model.split('-').next().unwrap_or_default();
    MODEL_FAMILIES.into_iter().find(|name| *name == maker).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_per_family_and_ends_with_the_window() {
        let account = MockAccount::web("alice").with_limit(1);
        let mut ledger = QuotaCounter::default();
        let start = Instant::now();
        assert!(ledger.charge(&account, "openai-gpt-5", start));
        assert!(!ledger.charge(&account, "openai-gpt-4.1", start));
        assert!(ledger.charge(&account, "anthropic-claude-4-2025-05-14", start));
        assert!(ledger.charge(&account, "openai-gpt-5", start + QUOTA_WINDOW));
    }

    #[test]
    fn the_unlimited_model_never_counts() {
        let account = MockAccount::web("alice").with_limit(0);
        let mut ledger = QuotaCounter::default();
        assert!((0..5).all(|_| ledger.charge(&account, UNLIMITED_MODEL, Instant::now())));
        assert_eq!(ledger.usage(&account, Instant::now()).calls_by_family.len(), 0);
    }

    #[test]
    fn usage_rises_to_100_percent_when_the_quota_is_used() {
        let account = MockAccount::web("alice").with_limit(2);
        let mut ledger = QuotaCounter::default();
        let now = Instant::now();
        assert_eq!(ledger.usage(&account, now).percent, 90);
        assert!(ledger.charge(&account, "xai-grok-4-0709", now));
        assert!(ledger.charge(&account, "xai-grok-4-0709", now));
        let usage = ledger.usage(&account, now);
        assert_eq!((usage.percent, usage.cents), (100, 450));
    }

    #[test]
    fn demo_cookies_differ() {
        let options = MockUpstreamOptions::demo();
        let cookies: BTreeSet<_> = options.accounts.iter().map(|account| &account.cookie).collect();
        assert_eq!(cookies.len(), 5);
        assert_eq!(options.accounts[0].label(), "alice");
    }
}
