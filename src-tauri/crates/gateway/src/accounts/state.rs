//! State machine of one account: what its failures and successes mean for the next request.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::clock::Timestamp;
use upstreams::{Identity, Quota, UpstreamError, UpstreamErrorKind};

/// Maximum duration of a limit. Mammouth's documentation says that a quota renews fully after three hours.
pub const QUOTA_WINDOW: Duration = Duration::from_secs(3 * 60 * 60);
/// The shortest time that a limit is kept. Without it, a refusal just before the window ends would be followed by a
/// call at once.
const MIN_LIMIT_DURATION: Duration = Duration::from_secs(60);
/// The longest back-off after a 429 response without a time.
const MAX_THROTTLE_BACKOFF: Duration = Duration::from_secs(60);

/// Reason why an account is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum LimitReason {
    /// The account's quota for the family is used up.
    Quota,
    /// The upstream throttled the account.
    Throttled,
}

/// Availability of an account for a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    Ready,
    /// Limited until this uptime.
    Limited {
        until: Duration,
        reason: LimitReason,
    },
    NeedsLogin,
    Disabled,
}

/// Runtime state of one account.
#[derive(Debug, Clone, Default)]
pub(super) struct EntryState {
    pub(super) disabled: bool,
    pub(super) needs_login: bool,
    /// The end of each limit as an uptime, by scope: a model family, or a model with a limit of its own.
    pub(super) limits: HashMap<String, Duration>,
    pub(super) throttled_until: Option<Duration>,
    pub(super) throttle_count: u32,
    pub(super) running: u32,
    pub(super) last_used: Option<Duration>,
    /// Time of this program's first call in the current quota window, as an uptime.
    pub(super) window_began: Option<Duration>,
    pub(super) quota: Option<Quota>,
    /// The identity behind the account, from the last check.
    pub(super) identity: Option<Identity>,
    /// Time at which the quota was fetched.
    pub(super) quota_at: Option<SystemTime>,
    /// The last use in an earlier run.
    pub(super) last_used_in_earlier_run: Option<SystemTime>,
    /// Time at which the state was last sent to the store, as an uptime.
    pub(super) saved_at: Option<Duration>,
    /// The lighter model that answered last, by scope.
    pub(super) downgrades: HashMap<String, String>,
}

impl EntryState {
    /// Whether the account may serve `scope` now.
    pub(super) fn availability(&self, scope: &str, now: Timestamp) -> Availability {
        if self.disabled {
            return Availability::Disabled;
        }
        if self.needs_login {
            return Availability::NeedsLogin;
        }
        let throttled = self.throttled_until.map(|until| (until, LimitReason::Throttled));
        let used_up = self.limits.get(scope).map(|until| (*until, LimitReason::Quota));
        throttled
            .into_iter()
            .chain(used_up)
            .filter(|(until, _)| *until > now.uptime)
            .max_by_key(|(until, _)| *until)
            .map_or(Availability::Ready, |(until, reason)| Availability::Limited { until, reason })
    }

    /// Records the start of a call.
    pub(super) fn record_start(&mut self, now: Timestamp) {
        self.running += 1;
        self.last_used = Some(now.uptime);
        let is_over = self.window_began.is_none_or(|began| now.uptime >= began + QUOTA_WINDOW);
        if is_over {
            self.window_began = Some(now.uptime);
        }
    }

    /// Records that a call was answered. `served` is the model, if the upstream names it.
    pub(super) fn record_success(&mut self, scope: &str, requested: &str, served: Option<&str>) {
        self.throttle_count = 0;
        self.limits.remove(scope);
        match served {
            Some(served) if served != requested => {
                drop(self.downgrades.insert(scope.to_owned(), served.to_owned()))
            }
            Some(_) | None => drop(self.downgrades.remove(scope)),
        }
    }

    /// Records that a call failed. `chance` in 0..1 spreads the retries of accounts that were throttled together.
    pub(super) fn record_failure(
        &mut self,
        scope: &str,
        failure: &UpstreamError,
        now: Timestamp,
        chance: f64,
    ) {
        match failure.kind {
            UpstreamErrorKind::Limited => {
                self.limits.insert(scope.to_owned(), self.limit_end(failure, now));
            }
            UpstreamErrorKind::Throttled => self.throttle(failure.retry_after, now, chance),
            UpstreamErrorKind::LoginRequired => self.needs_login = true,
            // Not caused by the account: the circuit breaker counts upstream failures, and the client gets its own
            // errors back.
            UpstreamErrorKind::Challenge
            | UpstreamErrorKind::Server
            | UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::Empty
            | UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::Tls
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::NoSuchModel
            | UpstreamErrorKind::ContextLength
            | UpstreamErrorKind::Rejected
            | UpstreamErrorKind::Image
            | UpstreamErrorKind::Interrupted => {}
        }
    }

    /// Returns the end of a quota limit. The real window began no later than this program's first call in it,
    /// so it ends no later than the window of that call.
    fn limit_end(&self, failure: &UpstreamError, now: Timestamp) -> Duration {
        let wait = failure.retry_after.unwrap_or_else(|| {
            let began = self.window_began.unwrap_or(now.uptime);
            (began + QUOTA_WINDOW).saturating_sub(now.uptime).max(MIN_LIMIT_DURATION)
        });
        now.uptime + wait.min(QUOTA_WINDOW)
    }

    fn throttle(&mut self, retry_after: Option<Duration>, now: Timestamp, chance: f64) {
        let wait = match retry_after {
            Some(wait) => wait.min(QUOTA_WINDOW).mul_f64(1.0 + chance / 10.0),
            None => backoff(self.throttle_count).mul_f64(chance.max(0.1)),
        };
        self.throttle_count = self.throttle_count.saturating_add(1);
        self.throttled_until = Some(now.uptime + wait);
    }
}

/// The back-off after consecutive 429 responses: 1, 2, 4 … 60 seconds.
fn backoff(throttles: u32) -> Duration {
    Duration::from_secs(1 << throttles.min(6)).min(MAX_THROTTLE_BACKOFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp { uptime: Duration::from_secs(100_000 + seconds), wall: std::time::UNIX_EPOCH }
    }

    fn failure(kind: UpstreamErrorKind, wait: Option<u64>) -> UpstreamError {
        UpstreamError::new(kind, "").with_retry_after(wait.map(Duration::from_secs))
    }

    #[test]
    fn f04_a_short_retry_after_of_a_quota_refusal_is_used_unchanged() {
        let mut state = EntryState::default();
        state.record_start(at(0));
        state.record_failure("anthropic", &failure(UpstreamErrorKind::Limited, Some(7)), at(0), 0.5);
        assert!(matches!(state.availability("anthropic", at(6)), Availability::Limited { .. }));
        assert_eq!(state.availability("anthropic", at(7)), Availability::Ready);
    }

    #[test]
    fn f01_a_quota_refusal_limits_the_family_until_the_window_ends() {
        let mut state = EntryState::default();
        state.record_start(at(0));
        state.record_failure("anthropic", &failure(UpstreamErrorKind::Limited, None), at(3_600), 0.5);
        assert_eq!(state.availability("openai", at(3_600)), Availability::Ready);
        assert!(matches!(
            state.availability("anthropic", at(10_799)),
            Availability::Limited { reason: LimitReason::Quota, .. }
        ));
        assert_eq!(state.availability("anthropic", at(10_800)), Availability::Ready);
    }

    #[test]
    fn f04_a_throttle_lasts_for_its_retry_after_with_jitter() {
        let mut state = EntryState::default();
        state.record_failure("x", &failure(UpstreamErrorKind::Throttled, Some(7)), at(0), 0.99);
        assert!(matches!(
            state.availability("any", at(7)),
            Availability::Limited { reason: LimitReason::Throttled, .. }
        ));
        assert_eq!(state.availability("any", at(8)), Availability::Ready);
    }

    #[test]
    fn f06_throttles_without_retry_after_double_up_to_a_minute() {
        let mut state = EntryState::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            state.record_failure("x", &failure(UpstreamErrorKind::Throttled, None), at(0), 1.0);
            waits.push((state.throttled_until.unwrap() - at(0).uptime).as_secs());
        }
        assert_eq!(waits, vec![1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn f03_a_lost_session_stays_lost_until_a_sign_in() {
        let mut state = EntryState::default();
        state.record_failure("x", &failure(UpstreamErrorKind::LoginRequired, None), at(0), 0.0);
        assert_eq!(state.availability("x", at(1_000_000)), Availability::NeedsLogin);
    }

    #[test]
    fn a_lighter_model_is_recorded_as_a_downgrade() {
        let mut state = EntryState::default();
        state.record_success("anthropic", "opus", Some("haiku"));
        assert_eq!(state.downgrades["anthropic"], "haiku");
        state.record_success("anthropic", "opus", Some("opus"));
        assert!(state.downgrades.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn every_limit_ends(wait in proptest::option::of(0u64..u64::from(u32::MAX)), began in 0u64..20_000, later in 0u64..20_000, chance in 0.0f64..1.0, quota: bool) {
            let mut state = EntryState::default();
            state.record_start(at(began));
            let kind = if quota { UpstreamErrorKind::Limited } else { UpstreamErrorKind::Throttled };
            let now = at(began + later);
            state.record_failure("f", &failure(kind, wait), now, chance);
            let over = now.plus(QUOTA_WINDOW.mul_f64(1.1));
            proptest::prop_assert_eq!(state.availability("f", over), Availability::Ready);
        }
    }
}
