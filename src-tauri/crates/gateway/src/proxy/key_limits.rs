//! Enforces the limits of client keys: allowed models, and tokens and cost per day.
//!
//! The usage of a key is read from the request log, so it survives a restart. A request counts when it has ended, so a
//! running request may exceed the limit; the next one is rejected.

use std::time::{Duration, SystemTime};

use super::ProxyInner;
use super::error::ProxyError;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

impl ProxyInner {
    /// The error if the limits of this client's key do not allow a request for this model now.
    pub(super) fn key_limit_error(&self, client: &str, model: &str) -> Option<ProxyError> {
        let limits = self.parts.limits.get(client)?;
        let resolved = self.parts.models.resolve(model);
        let allowed =
            |name: &String| name == model || resolved.models.iter().any(|(_, known)| known.id == *name);
        if !limits.models.is_empty() && !limits.models.iter().any(allowed) {
            return Some(ProxyError::ModelNotAllowed);
        }
        let used = self.parts.request_log.client_usage(client).today;
        let tokens = limits.daily_tokens.is_some_and(|limit| used.tokens() >= limit);
        let cost = limits.daily_cost_usd.is_some_and(|limit| used.cost_usd >= limit);
        (tokens || cost).then(|| ProxyError::ClientLimit { wait: until_midnight(SystemTime::now()) })
    }
}

/// The time until the daily limits reset at midnight UTC.
fn until_midnight(now: SystemTime) -> Duration {
    let seconds = storage::unix_seconds(now);
    Duration::from_secs(SECONDS_PER_DAY - seconds % SECONDS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let at = |seconds| until_midnight(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), Duration::from_secs(SECONDS_PER_DAY));
        assert_eq!(at(3 * SECONDS_PER_DAY - 1), Duration::from_secs(1));
    }
}
