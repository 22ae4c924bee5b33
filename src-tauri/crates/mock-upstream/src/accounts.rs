//! Accounts of the mock and their quota usage.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Window in which Mammouth renews a quota (docs/upstream-protocol.md, "Quota").
const QUOTA_WINDOW: Duration = Duration::from_secs(3 * 60 * 60);
/// Model that no plan limits (docs/upstream-protocol.md, "Names of models").
const UNLIMITED_MODEL: &str = "openai-gpt-4o-mini";
/// Model families with a quota of their own. A fixed list, so that invented model names cannot use memory.
const MODEL_FAMILIES: [&str; 8] =
    ["anthropic", "openai", "google", "xai", "fireworks", "mistral", "deepseek", "perplexity"];
const MAX_MODELS_PER_WINDOW: usize = 16;
/// Share of a limited account's window that one call uses, in percent.
const PERCENT_PER_CALL: u64 = 5;

/// Options of the mock.
#[derive(Clone)]
pub struct MockUpstreamOptions {
    pub accounts: Vec<MockAccount>,
    /// Time between two words of a reply; zero in tests.
    pub word_delay: Duration,
    /// Form of the usage responses.
    pub usage_format: UsageFormat,
}

/// Form of the site's usage responses (docs/upstream-protocol.md, "Quota").
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UsageFormat {
    /// Form of October 2026: shares by `brand`, the plan, and no percentage.
    #[default]
    Current,
    /// Earlier form: a percentage, spend by `name`, and the plan with the user's e-mail address.
    Older,
}

impl MockUpstreamOptions {
    /// Options for `--demo`: three web accounts with random cookies, an API account, and one for the login page. The
    /// first web account has two calls left per model family, so that the third web request fails over.
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

    /// Options for tests: replies without delay.
    pub fn instant(accounts: Vec<MockAccount>) -> Self {
        Self { accounts, word_delay: Duration::ZERO, usage_format: UsageFormat::default() }
    }
}

/// An account of the mock.
#[derive(Clone)]
pub struct MockAccount {
    /// Value of the `auth_session` cookie; unused for API accounts.
    pub cookie: String,
    /// API key; only for accounts of the official API.
    pub key: Option<String>,
    /// E-mail address; the part before the `@` is the label.
    pub email: String,
    pub name: String,
    /// `Starter`, `Standard` or `Expert`.
    pub plan: String,
    /// Model calls per window and model family before a 403 (quota used); `None` = no limit.
    pub limit: Option<u32>,
    /// Time from a family's first call until its quota is reset.
    pub limit_resets_after: Duration,
    /// Whether `--demo` adds the account at start; `false` for accounts of the login page.
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

    /// Sets the number of calls per window and family.
    #[must_use]
    pub fn with_limit(self, calls: u32) -> Self {
        Self { limit: Some(calls), ..self }
    }

    pub(super) fn label(&self) -> String {
        self.email.split('@').next().unwrap_or_default().to_owned()
    }

    /// Cost limit of a window: 150 cents times the plan's multiplier (docs/upstream-protocol.md, "Quota").
    fn window_cents(&self) -> u64 {
        match self.plan.as_str() {
            "Expert" => 1500,
            "Standard" => 450,
            _ => 150,
        }
    }
}

/// A value like a session cookie. It protects nothing, so the random keys of the standard library's hasher suffice.
fn random_cookie() -> String {
    (0..3).map(|_| format!("{:016x}", RandomState::new().build_hasher().finish())).collect()
}

/// Counter of an account's calls.
#[derive(Default)]
pub(super) struct QuotaCounter {
    windows: HashMap<&'static str, QuotaWindow>,
}

struct QuotaWindow {
    started: Instant,
    calls: u32,
    models: BTreeSet<String>,
}

/// Usage reported by `recentUsage` and `currentUsage`.
pub(super) struct QuotaUsage {
    pub(super) percent: u64,
    pub(super) cents: u64,
    pub(super) calls_by_family: BTreeMap<&'static str, u32>,
    pub(super) models: BTreeSet<String>,
}

impl QuotaCounter {
    /// Counts one call. `false` if the quota of the model's family is used up.
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

/// The vendor's name, the prefix of every web model id.
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
