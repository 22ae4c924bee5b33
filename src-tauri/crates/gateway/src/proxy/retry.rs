//! The retry loop: at most three upstream calls per request.
//!
//! An account that refused is not tried again for the same request. After a fault of Mammouth another account is tried,
//! or the same one once more if there is no other. An error that another account cannot change is not retried. After
//! the first event of a reply nothing is repeated.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ProxyInner;
use super::attempts::{attempt_record, record_failure, record_success};
use super::error::ProxyError;
use super::model_routing::available_upstreams;
use crate::accounts::{Lease, SelectionRequest, Unavailable};
use protocol::Request;
use storage::request_log::OpenRecord;
use upstreams::{
    Capability, CompletionCall, Credential, ResolvedModel, UpstreamError, UpstreamErrorKind, UpstreamFuture,
    UpstreamId, UpstreamResponse, UpstreamSet,
};

/// The most upstream calls of one request, without follow-up calls.
pub(super) const MAX_UPSTREAM_CALLS: usize = 3;

/// A reply whose first event has arrived, and the lease of its account.
pub(super) struct StartedReply {
    pub(super) response: UpstreamResponse,
    pub(super) lease: Lease,
    pub(super) attempts: usize,
}

/// Decision after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RetryDecision {
    /// The account refused: try another one.
    OtherAccount,
    /// A fault of Mammouth: try another account, or else this one again.
    AnyAccount,
    /// Try another account, but not this one again, and only as the first repeat of the request.
    OtherAccountOnce,
    Stop,
}

fn retry_decision(kind: UpstreamErrorKind) -> RetryDecision {
    match kind {
        UpstreamErrorKind::Limited
        | UpstreamErrorKind::Throttled
        | UpstreamErrorKind::LoginRequired
        | UpstreamErrorKind::NoSuchModel => RetryDecision::OtherAccount,
        UpstreamErrorKind::Server | UpstreamErrorKind::Unreachable => RetryDecision::AnyAccount,
        UpstreamErrorKind::Empty | UpstreamErrorKind::Timeout => RetryDecision::OtherAccountOnce,
        UpstreamErrorKind::Challenge
        | UpstreamErrorKind::BadResponse
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::ContextLength
        | UpstreamErrorKind::Rejected
        | UpstreamErrorKind::Image
        | UpstreamErrorKind::Interrupted => RetryDecision::Stop,
    }
}

/// The accounts and upstreams that are excluded for one request.
struct Exclusions {
    /// The upstreams that may still be tried.
    upstreams: UpstreamSet,
    /// Ids of accounts that refused.
    refused: Vec<String>,
    /// Ids of accounts whose call failed by a fault of Mammouth.
    transiently_failed: Vec<String>,
    retries: usize,
    /// The upstream that was unreachable at the last such failure.
    unreachable: Option<UpstreamId>,
}

/// Starts the reply with the first account that can serve the request.
///
/// # Errors
/// The error for the client, and the number of calls made.
pub(super) async fn start_reply(
    proxy: &ProxyInner,
    request: &Arc<Request>,
    model: &ResolvedModel,
    conversation: u64,
    entry: &mut OpenRecord,
) -> Result<StartedReply, (ProxyError, usize)> {
    let upstreams = match request.api_only_param {
        Some(_) => model.upstreams_with(Capability::ApiParams),
        None => available_upstreams(model, &proxy.parts.accounts.enabled_upstreams()),
    };
    let call = |lease: &Lease, credential: Credential, allow_follow_up| {
        call_upstream(proxy, request, model, lease, credential, allow_follow_up)
    };
    let retry_loop = RetryLoop { proxy, model, conversation: Some(conversation), upstreams };
    let (answer, lease, attempts) =
        retry_loop.run(entry, call, UpstreamResponse::served_model).await.map_err(|(problem, calls)| {
            let native = request
                .api_only_param
                .filter(|_| matches!(problem, ProxyError::NoAccount(Unavailable::NoneOfUpstream(_))));
            (native.map_or(problem, ProxyError::ApiOnly), calls)
        })?;
    Ok(StartedReply { response: answer, lease, attempts })
}

/// Makes one upstream call for a reply.
fn call_upstream(
    proxy: &ProxyInner,
    request: &Arc<Request>,
    model: &ResolvedModel,
    lease: &Lease,
    credential: Credential,
    allow_follow_up: bool,
) -> UpstreamFuture<'static, UpstreamResponse> {
    let id = lease.account.upstream;
    let (Ok(upstream), Some(model)) = (proxy.parts.upstreams.get(id), model.at(id)) else {
        let error =
            UpstreamError::new(UpstreamErrorKind::NoSuchModel, "the upstream does not serve this model");
        return Box::pin(std::future::ready(Err(error)));
    };
    Arc::clone(upstream).start(CompletionCall {
        credential,
        request: Arc::clone(request),
        model: model.clone(),
        allow_follow_up,
    })
}

/// The retry loop for one request, independent of the type of call.
pub(super) struct RetryLoop<'a> {
    pub(super) proxy: &'a ProxyInner,
    pub(super) model: &'a ResolvedModel,
    pub(super) conversation: Option<u64>,
    pub(super) upstreams: UpstreamSet,
}

impl RetryLoop<'_> {
    /// Makes calls until one succeeds. `served` returns the name of the model that replied, if the upstream states it.
    ///
    /// # Errors
    /// The error for the client, and the number of calls made.
    pub(super) async fn run<T>(
        &self,
        entry: &mut OpenRecord,
        call: impl Fn(&Lease, Credential, bool) -> UpstreamFuture<'static, T>,
        served: impl Fn(&T) -> Option<&str>,
    ) -> Result<(T, Lease, usize), (ProxyError, usize)> {
        let Self { proxy, model, conversation, .. } = *self;
        proxy.retry_budget.deposit();
        let mut exclusions = Exclusions {
            upstreams: self.upstreams.clone(),
            refused: Vec::new(),
            transiently_failed: Vec::new(),
            retries: 0,
            unreachable: None,
        };
        let mut last_error: Option<UpstreamError> = None;
        for attempt in 1..=MAX_UPSTREAM_CALLS {
            let mut lease = match acquire_lease(proxy, model, conversation, &exclusions) {
                Ok(lease) => lease,
                Err(unavailable) => return Err((unavailable_error(unavailable, last_error), attempt - 1)),
            };
            let began = Instant::now();
            let credential =
                Credential { account: lease.account.id.clone(), secret: lease.account.secret.clone() };
            let result = call(&lease, credential, attempt < MAX_UPSTREAM_CALLS).await;
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let failure = match result {
                Ok(answer) => {
                    record_success(proxy, &mut lease, model, served(&answer));
                    entry.add_attempt(attempt_record(&lease, None, ms));
                    return Ok((answer, lease, attempt));
                }
                Err(failure) => failure,
            };
            record_failure(proxy, &mut lease, &failure);
            entry.add_attempt(attempt_record(&lease, Some(&failure), ms));
            // The `?` format escapes line breaks and bidirectional control characters, since the client chose the model
            // name.
            tracing::info!(account = ?lease.account.label, model = ?model.id_at(lease.account.upstream), kind = ?failure.kind, status = failure.status, "an account did not answer");
            if !exclusions.can_retry(&failure, &lease, proxy) {
                return Err((ProxyError::Upstream(failure), attempt));
            }
            last_error = Some(failure);
        }
        Err((attempts_exhausted(proxy, model, &exclusions, last_error), MAX_UPSTREAM_CALLS))
    }
}

/// The error after the last allowed call. After refusals it contains the time to retry: now if another account could
/// still serve, or else when the first refused account is usable again.
fn attempts_exhausted(
    proxy: &ProxyInner,
    model: &ResolvedModel,
    exclusions: &Exclusions,
    last_error: Option<UpstreamError>,
) -> ProxyError {
    let Some(failure) = last_error else { return ProxyError::Internal };
    let ask = SelectionRequest {
        upstreams: &exclusions.upstreams,
        model,
        excluded: &exclusions.excluded_ids(),
        conversation: None,
    };
    match proxy.parts.accounts.unavailable_reason(&ask, proxy.parts.clock.now()) {
        Some(unavailable) => unavailable_error(unavailable, Some(failure)),
        None => ProxyError::Upstream(failure.with_retry_after(Some(Duration::ZERO))),
    }
}

fn acquire_lease(
    proxy: &ProxyInner,
    model: &ResolvedModel,
    conversation: Option<u64>,
    exclusions: &Exclusions,
) -> Result<Lease, Unavailable> {
    let now = proxy.parts.clock.now();
    let excluded = exclusions.excluded_ids();
    let ask =
        |tried| SelectionRequest { upstreams: &exclusions.upstreams, model, excluded: tried, conversation };
    match proxy.parts.accounts.acquire(&ask(&excluded), now) {
        Err(Unavailable::AllTried) if !exclusions.transiently_failed.is_empty() => {
            proxy.parts.accounts.acquire(&ask(&exclusions.refused), now)
        }
        other => other,
    }
}

/// The error if no account is available. If the last call failed for a more specific reason, this reason is returned.
fn unavailable_error(unavailable: Unavailable, last_error: Option<UpstreamError>) -> ProxyError {
    let is_refusal = |failure: &UpstreamError| retry_decision(failure.kind) == RetryDecision::OtherAccount;
    match last_error {
        Some(failure) if !is_refusal(&failure) || unavailable == Unavailable::AllTried => {
            ProxyError::Upstream(failure)
        }
        Some(_) | None => ProxyError::NoAccount(unavailable),
    }
}

impl Exclusions {
    fn excluded_ids(&self) -> Vec<String> {
        self.refused.iter().chain(&self.transiently_failed).cloned().collect()
    }

    /// Records the exclusions that a failure causes. Returns whether another call may be made.
    fn can_retry(&mut self, failure: &UpstreamError, lease: &Lease, proxy: &ProxyInner) -> bool {
        let id = lease.account.id.clone();
        match retry_decision(failure.kind) {
            RetryDecision::Stop => false,
            RetryDecision::OtherAccount => {
                self.refused.push(id);
                true
            }
            RetryDecision::OtherAccountOnce => {
                self.refused.push(id);
                self.retries += 1;
                self.retries == 1 && proxy.retry_budget.try_withdraw()
            }
            RetryDecision::AnyAccount => {
                // All accounts of an upstream use the same host, so one repeat shows whether the fault was transient.
                let upstream = lease.account.upstream;
                if failure.kind == UpstreamErrorKind::Unreachable
                    && self.unreachable.replace(upstream) == Some(upstream)
                {
                    self.upstreams.remove(&upstream);
                }
                let failed_before = self.transiently_failed.contains(&id);
                self.transiently_failed.push(id);
                self.retries += 1;
                !self.upstreams.is_empty() && !failed_before && proxy.retry_budget.try_withdraw()
            }
        }
    }
}

#[cfg(test)]
mod tests;
