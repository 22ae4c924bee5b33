//! The limits that the user set for a client key: which models, and how much a day.
//!
//! What a key used is counted from the log, so it outlives a restart. A request counts when it has ended: one that is
//! let in may go beyond the cap, the next is not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::ProxyInner;
use super::error::ProxyError;

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

impl ProxyInner {
    /// Why this client may not ask for this model now, if so.
    pub(super) fn key_limit_error(&self, client: &str, model: &str) -> Option<ProxyError> {
        let limits = self.parts.limits.get(client)?;
        let resolved = self.parts.models.resolve(model);
        let accepted_names = [model, resolved.web_id.as_str(), resolved.api_id.as_str()];
        let allowed = |name: &String| accepted_names.contains(&name.as_str());
        if !limits.models.is_empty() && !limits.models.iter().any(allowed) {
            return Some(ProxyError::ModelNotAllowed);
        }
        let used = self.parts.request_log.client_usage(client).today;
        let tokens = limits.daily_tokens.is_some_and(|limit| used.tokens() >= limit);
        let cost = limits.daily_cost_usd.is_some_and(|limit| used.cost_usd >= limit);
        (tokens || cost).then(|| ProxyError::ClientLimit { wait: until_midnight(SystemTime::now()) })
    }
}

/// Days begin at midnight UTC.
fn until_midnight(now: SystemTime) -> Duration {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(SECONDS_PER_DAY - seconds % SECONDS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let at = |seconds| until_midnight(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), Duration::from_secs(SECONDS_PER_DAY));
        assert_eq!(at(3 * SECONDS_PER_DAY - 1), Duration::from_secs(1));
    }
}
