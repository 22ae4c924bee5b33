//! Counts of rejected client requests.
//!
//! Rejected requests are not written to the request log, so that clients without a key cannot fill it. The counts show
//! the user why a client gets no reply.

use std::time::SystemTime;

use http::Method;
use parking_lot::Mutex;

use super::rejection::RejectReason;
use storage::request_log::RequestErrorCode;

/// The counted error codes: the usual mistakes in a client's settings.
const COUNTED_CODES: [RequestErrorCode; 4] = [
    RequestErrorCode::InvalidApiKey,
    RequestErrorCode::NotFound,
    RequestErrorCode::HostNotAllowed,
    RequestErrorCode::OriginNotAllowed,
];

/// Requests that were rejected with one error code since the program started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectionCount {
    /// The error code of the responses.
    pub code: RequestErrorCode,
    /// The number of rejections.
    pub count: u64,
    /// The time of the latest rejection.
    pub last: SystemTime,
}

/// The counts by error code.
#[derive(Debug, Default)]
pub(super) struct RejectionCounts {
    counts: Mutex<[Option<RejectionCount>; COUNTED_CODES.len()]>,
}

impl RejectionCounts {
    /// Counts a rejection. An unknown path is only counted for POST: browsers ask for icons by themselves.
    pub(super) fn record(&self, refusal: &RejectReason, method: &Method, at: SystemTime) {
        let index = match refusal {
            RejectReason::InvalidApiKey => 0,
            RejectReason::NotFound if *method == Method::POST => 1,
            RejectReason::HostNotAllowed => 2,
            RejectReason::OriginNotAllowed => 3,
            RejectReason::NotFound
            | RejectReason::BadRequest(_)
            | RejectReason::Forbidden
            | RejectReason::MethodNotAllowed
            | RejectReason::WebSocket
            | RejectReason::UriTooLong
            | RejectReason::HeadersTooLarge
            | RejectReason::UnsupportedMediaType
            | RejectReason::NotServing
            | RejectReason::Preflight(_) => return,
        };
        let mut counts = self.counts.lock();
        let count = counts[index].as_ref().map_or(0, |previous| previous.count).saturating_add(1);
        counts[index] = Some(RejectionCount { code: COUNTED_CODES[index], count, last: at });
    }

    /// Returns all counts, the latest first.
    pub(super) fn newest_first(&self) -> Vec<RejectionCount> {
        let counts = self.counts.lock();
        let mut all: Vec<RejectionCount> = counts.iter().flatten().cloned().collect();
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
        let counts = RejectionCounts::default();
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        counts.record(&RejectReason::InvalidApiKey, &Method::POST, at(1));
        counts.record(&RejectReason::NotFound, &Method::POST, at(2));
        counts.record(&RejectReason::NotFound, &Method::GET, at(3));
        counts.record(&RejectReason::NotServing, &Method::POST, at(4));
        counts.record(&RejectReason::InvalidApiKey, &Method::GET, at(5));
        let counts: Vec<_> =
            counts.newest_first().into_iter().map(|kind| (kind.code.name(), kind.count)).collect();
        assert_eq!(counts, [("invalid_api_key", 2), ("not_found", 1)]);
    }
}
