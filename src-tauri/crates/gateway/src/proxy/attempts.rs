//! Reports of upstream calls: to the account pool and the metrics, and as attempts in the request log.

use super::ProxyInner;
use crate::accounts::{CallOutcome, Lease, jitter};
use storage::request_log::{AccountSelection, Attempt, SelectionRule};
use upstreams::{Capability, FollowUpCall, FollowUpStatus, ResolvedModel, UpstreamError, UpstreamErrorKind};

/// Reports the first event of a reply to the account pool and the metrics.
pub(super) fn record_success(
    proxy: &ProxyInner,
    lease: &mut Lease,
    model: &ResolvedModel,
    served: Option<&str>,
) {
    // Where an upstream has names of its own for models, a different one is no sign of a downgrade.
    let served = served.filter(|_| lease.account.upstream.can(Capability::ServedModel));
    proxy.metrics.record_upstream_call(true);
    let outcome = CallOutcome::Answered { requested: model.id_at(lease.account.upstream), served };
    // Only failures use jitter, and a random number costs a system call.
    lease.report(outcome, proxy.parts.clock.now(), 0.0);
}

/// Reports a completed reply to the account pool.
pub(super) fn record_completion(proxy: &ProxyInner, lease: &mut Lease) {
    lease.report(CallOutcome::Completed, proxy.parts.clock.now(), 0.0);
}

/// Reports a failed call to the account pool and the metrics, before or after its first event.
pub(super) fn record_failure(proxy: &ProxyInner, lease: &mut Lease, failure: &UpstreamError) {
    proxy.metrics.record_upstream_call(false);
    lease.report(CallOutcome::Failed(failure), proxy.parts.clock.now(), jitter());
}

/// Reports the result of a reply's follow-up call to the account pool and the metrics.
pub(super) fn record_follow_up(proxy: &ProxyInner, lease: &mut Lease, follow_up: &FollowUpCall) {
    match follow_up.status() {
        None | Some(FollowUpStatus::Running(_)) => {}
        Some(FollowUpStatus::Completed(_)) => proxy.metrics.record_upstream_call(true),
        Some(FollowUpStatus::Failed(_, failure)) => record_failure(proxy, lease, &failure),
    }
}

/// The follow-up call as an attempt in the request log, evaluated when the reply is over.
pub(super) fn follow_up_attempt(
    lease: &Lease,
    follow_up: &FollowUpCall,
) -> impl FnOnce() -> Option<Attempt> + use<> {
    let (account, follow_up) = (lease.account.label.clone(), follow_up.clone());
    move || {
        let (duration, failure, outcome) = match follow_up.status()? {
            FollowUpStatus::Completed(duration) => (duration, None, "ok"),
            FollowUpStatus::Failed(duration, failure) => {
                (duration, Some(failure.clone()), outcome_word(failure.kind))
            }
            FollowUpStatus::Running(duration) => (duration, None, "interrupted"),
        };
        Some(Attempt {
            account,
            why: AccountSelection::new(SelectionRule::SecondCall).into(),
            outcome: outcome.to_owned(),
            status: failure.as_ref().and_then(|failure| failure.status),
            detail: failure.map(|failure| failure.detail),
            ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

pub(super) fn attempt_record(lease: &Lease, failure: Option<&UpstreamError>, ms: u64) -> Attempt {
    Attempt {
        account: lease.account.label.clone(),
        why: lease.selection.into(),
        outcome: failure.map_or("ok", |failure| outcome_word(failure.kind)).to_owned(),
        status: failure.and_then(|failure| failure.status),
        detail: failure.map(|failure| failure.detail.clone()),
        ms,
    }
}

/// The outcome of a failed attempt in the request log.
fn outcome_word(kind: UpstreamErrorKind) -> &'static str {
    match kind {
        UpstreamErrorKind::Limited => "limited",
        UpstreamErrorKind::Throttled => "throttled",
        UpstreamErrorKind::LoginRequired => "needs login",
        UpstreamErrorKind::Challenge => "challenge",
        UpstreamErrorKind::Server => "server error",
        UpstreamErrorKind::BadResponse => "bad response",
        UpstreamErrorKind::Empty => "empty",
        UpstreamErrorKind::Unreachable => "unreachable",
        UpstreamErrorKind::Tls => "tls error",
        UpstreamErrorKind::Timeout => "timeout",
        UpstreamErrorKind::NoSuchModel => "no such model",
        UpstreamErrorKind::ContextLength => "too long",
        UpstreamErrorKind::Rejected => "rejected",
        UpstreamErrorKind::Image => "image",
        UpstreamErrorKind::Interrupted => "interrupted",
    }
}
