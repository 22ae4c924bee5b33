//! Whether the hosts behind the accounts answer.

use super::account::Kind;
use super::ask::Report;
use super::breaker::Breaker;
use super::clock::Now;
use crate::upstreams::UpstreamErrorKind;

/// A breaker for each host: one may be down while the other is not.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    web: Breaker,
    api: Breaker,
}

impl Breakers {
    pub(super) fn of(&mut self, kind: Kind) -> &mut Breaker {
        match kind {
            Kind::Web => &mut self.web,
            Kind::Api => &mut self.api,
        }
    }

    pub(super) fn peek(&self, kind: Kind) -> &Breaker {
        match kind {
            Kind::Web => &self.web,
            Kind::Api => &self.api,
        }
    }

    /// Learns from a call to the host of this kind.
    pub(super) fn tell(&mut self, kind: Kind, report: Report<'_>, now: Now) {
        let breaker = self.of(kind);
        let failure = match report {
            Report::Answered { .. } => return breaker.report(true, now.uptime),
            Report::Completed => return breaker.completed(),
            Report::Failed(failure) => failure,
        };
        match failure.kind {
            UpstreamErrorKind::Challenge => breaker.challenged(now.uptime),
            UpstreamErrorKind::Server
            | UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::Empty
            | UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::Tls
            | UpstreamErrorKind::Timeout => breaker.report(false, now.uptime),
            UpstreamErrorKind::Interrupted => breaker.broke_off(now.uptime),
            UpstreamErrorKind::Limited
            | UpstreamErrorKind::Throttled
            | UpstreamErrorKind::LoginRequired
            | UpstreamErrorKind::NoSuchModel
            | UpstreamErrorKind::ContextLength
            | UpstreamErrorKind::Rejected => breaker.report(true, now.uptime),
            // Often a link elsewhere: says nothing about Mammouth.
            UpstreamErrorKind::Image => {}
        }
    }
}
