//! Health of the two upstreams: a circuit breaker for each.

use super::account::AccountKind;
use super::circuit_breaker::CircuitBreaker;
use super::clock::Timestamp;
use super::selection_request::CallOutcome;
use upstreams::UpstreamErrorKind;

/// One circuit breaker per upstream, as one may be down while the other is not.
#[derive(Debug, Default)]
pub(super) struct UpstreamBreakers {
    web: CircuitBreaker,
    api: CircuitBreaker,
}

impl UpstreamBreakers {
    pub(super) fn get_mut(&mut self, kind: AccountKind) -> &mut CircuitBreaker {
        match kind {
            AccountKind::Web => &mut self.web,
            AccountKind::Api => &mut self.api,
        }
    }

    pub(super) fn get(&self, kind: AccountKind) -> &CircuitBreaker {
        match kind {
            AccountKind::Web => &self.web,
            AccountKind::Api => &self.api,
        }
    }

    /// Records the outcome of a call to the upstream of this kind.
    pub(super) fn record(&mut self, kind: AccountKind, outcome: CallOutcome<'_>, now: Timestamp) {
        let breaker = self.get_mut(kind);
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
            // The image is often at another host, so the failure says nothing about Mammouth.
            UpstreamErrorKind::Image => {}
        }
    }
}
