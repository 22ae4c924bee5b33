//! Health of the upstreams: a circuit breaker for each.

use std::collections::BTreeMap;

use super::circuit_breaker::CircuitBreaker;
use super::clock::Timestamp;
use super::selection_request::CallOutcome;
use upstreams::{UpstreamErrorKind, UpstreamId};

/// One circuit breaker per upstream, as one may be down while another is not.
#[derive(Debug, Default)]
pub(super) struct UpstreamBreakers(BTreeMap<UpstreamId, CircuitBreaker>);

impl UpstreamBreakers {
    pub(super) fn get_mut(&mut self, upstream: UpstreamId) -> &mut CircuitBreaker {
        self.0.entry(upstream).or_default()
    }

    /// Whether the upstream is failing.
    pub(super) fn is_open(&self, upstream: UpstreamId) -> bool {
        self.0.get(&upstream).is_some_and(|breaker| breaker.open_cause().is_some())
    }

    /// Records the outcome of a call to an upstream.
    pub(super) fn record(&mut self, upstream: UpstreamId, outcome: CallOutcome<'_>, now: Timestamp) {
        let breaker = self.get_mut(upstream);
        let failure = match outcome {
            CallOutcome::Answered { .. } => return breaker.record_result(true, now.uptime),
            CallOutcome::Completed => return breaker.record_completion(),
            CallOutcome::Failed(failure) => failure,
        };
        match failure.kind {
            UpstreamErrorKind::Challenge => breaker.record_challenge(now.uptime),
            UpstreamErrorKind::Server
            | UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::Empty
            | UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::Tls
            | UpstreamErrorKind::Timeout => breaker.record_result(false, now.uptime),
            UpstreamErrorKind::Interrupted => breaker.record_interruption(now.uptime),
            UpstreamErrorKind::Limited
            | UpstreamErrorKind::Throttled
            | UpstreamErrorKind::LoginRequired
            | UpstreamErrorKind::NoSuchModel
            | UpstreamErrorKind::ContextLength
            | UpstreamErrorKind::Rejected => breaker.record_result(true, now.uptime),
            // The image is often at another host, so the failure does not concern Mammouth.
            UpstreamErrorKind::Image => {}
        }
    }
}
