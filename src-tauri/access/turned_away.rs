//! Calls of clients that were not let in. They never reach the request log, so that nobody without a key can fill it; a
//! count of each kind tells the user why a client gets no answer.

use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use http::Method;

use super::refusal::Refusal;

/// What a client most often has wrong, by the code that it is told.
const CODES: [&str; 4] = ["invalid_api_key", "not_found", "host_not_allowed", "origin_not_allowed"];

/// Calls that were refused for one reason since the program started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnedAway {
    pub code: &'static str,
    pub count: u64,
    pub last: SystemTime,
}

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    of: Mutex<[Option<TurnedAway>; CODES.len()]>,
}

impl Counts {
    /// A wrong path is counted only where something is sent to it: browsers ask for icons by themselves.
    pub(super) fn note(&self, refusal: &Refusal, method: &Method, at: SystemTime) {
        let kind = match refusal {
            Refusal::InvalidApiKey => 0,
            Refusal::NotFound if *method == Method::POST => 1,
            Refusal::HostNotAllowed => 2,
            Refusal::OriginNotAllowed => 3,
            Refusal::NotFound
            | Refusal::BadRequest(_)
            | Refusal::Forbidden
            | Refusal::MethodNotAllowed
            | Refusal::WebSocket
            | Refusal::UriTooLong
            | Refusal::HeadersTooLarge
            | Refusal::UnsupportedMediaType
            | Refusal::NotServing
            | Refusal::Preflight(_) => return,
        };
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let count = of[kind].as_ref().map_or(0, |before| before.count).saturating_add(1);
        of[kind] = Some(TurnedAway { code: CODES[kind], count, last: at });
    }

    /// The latest first.
    pub(super) fn all(&self) -> Vec<TurnedAway> {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<TurnedAway> = of.iter().flatten().cloned().collect();
        all.sort_by_key(|kind| std::cmp::Reverse(kind.last));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_reason_is_counted_and_the_latest_comes_first() {
        let counts = Counts::default();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        counts.note(&Refusal::InvalidApiKey, &Method::POST, at(1));
        counts.note(&Refusal::NotFound, &Method::POST, at(2));
        counts.note(&Refusal::NotFound, &Method::GET, at(3));
        counts.note(&Refusal::NotServing, &Method::POST, at(4));
        counts.note(&Refusal::InvalidApiKey, &Method::GET, at(5));
        let told: Vec<_> = counts.all().into_iter().map(|kind| (kind.code, kind.count)).collect();
        assert_eq!(told, [("invalid_api_key", 2), ("not_found", 1)]);
    }
}
