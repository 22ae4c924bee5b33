//! The limits that the user set for a client key: which models, and how much a day.
//!
//! What a key used is counted from the log, so it outlives a restart. A request counts when it has ended: one that is
//! let in may go beyond the cap, the next is not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Inner;
use super::problem::Problem;

const DAY: u64 = 24 * 60 * 60;

impl Inner {
    /// Why this client may not ask for this model now, if so.
    pub(super) fn client_limit(&self, client: &str, model: &str) -> Option<Problem> {
        let limits = self.parts.limits.of(client)?;
        let meant = self.parts.names.resolve(model);
        let names = [model, meant.web_id.as_str(), meant.api_id.as_str()];
        let allowed = |name: &String| names.contains(&name.as_str());
        if !limits.models.is_empty() && !limits.models.iter().any(allowed) {
            return Some(Problem::ModelNotAllowed);
        }
        let used = self.parts.journal.client(client).today;
        let tokens = limits.daily_tokens.is_some_and(|most| used.tokens() >= most);
        let cost = limits.daily_cost_usd.is_some_and(|most| used.cost_usd >= most);
        (tokens || cost).then(|| Problem::ClientLimit { wait: until_midnight(SystemTime::now()) })
    }
}

/// Days begin at midnight UTC.
fn until_midnight(now: SystemTime) -> Duration {
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Duration::from_secs(DAY - seconds % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_midnight_utc() {
        let at = |seconds| until_midnight(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0), Duration::from_secs(DAY));
        assert_eq!(at(3 * DAY - 1), Duration::from_secs(1));
    }
}
