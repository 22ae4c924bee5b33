//! The one retry loop: at most three upstream calls for a request.
//!
//! An account that refused is not asked again for the same request. After Mammouth's own fault another account is
//! asked, or the same one once if there is no other; what another account cannot change is not tried again. Once a
//! first event has come, nothing is ever repeated.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Inner;
use super::models::{id, kinds_at_hand};
use super::problem::Problem;
use crate::accounts::{AccountKind, CallOutcome, KindSet, Lease, SelectionRequest, Unavailable};
use crate::chat::Request;
use crate::journal::{Attempt, Entry, Picked, PickedBy};
use crate::upstreams::{
    Credential, FollowUpCall, FollowUpStatus, ResolvedModel, UpstreamError, UpstreamErrorKind,
    UpstreamResponse, api,
};

/// The most upstream calls for one request.
pub(super) const MOST_CALLS: usize = 3;

/// An answer that has begun, and the place in the account that it takes while it runs.
pub(super) struct Served {
    pub(super) answer: UpstreamResponse,
    pub(super) lease: Lease,
    pub(super) attempts: usize,
}

/// Boxed: the compiler cannot show that the upstream's future is `Send` once it is nested in others.
pub(super) type Asking<'a, T> = Pin<Box<dyn Future<Output = Result<T, UpstreamError>> + Send + 'a>>;

/// What a failed call leaves to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The account refused: ask another one.
    OtherAccount,
    /// Mammouth's fault: ask another account, else this one again.
    AnyAccount,
    /// Another account may be luckier, this one is not asked again; counts as a repeat.
    OtherAccountOnce,
    Stop,
}

fn next(kind: UpstreamErrorKind) -> Next {
    match kind {
        UpstreamErrorKind::Limited
        | UpstreamErrorKind::Throttled
        | UpstreamErrorKind::LoginRequired
        | UpstreamErrorKind::NoSuchModel => Next::OtherAccount,
        UpstreamErrorKind::Server | UpstreamErrorKind::Unreachable => Next::AnyAccount,
        UpstreamErrorKind::Empty | UpstreamErrorKind::Timeout => Next::OtherAccountOnce,
        UpstreamErrorKind::Challenge
        | UpstreamErrorKind::BadResponse
        | UpstreamErrorKind::Tls
        | UpstreamErrorKind::ContextLength
        | UpstreamErrorKind::Rejected
        | UpstreamErrorKind::Image
        | UpstreamErrorKind::Interrupted => Next::Stop,
    }
}

/// The accounts that are out for one request.
struct Out {
    /// Who could serve it.
    kinds: KindSet,
    /// They refused.
    refused: Vec<String>,
    /// Mammouth failed while they were asked.
    unlucky: Vec<String>,
    repeats: usize,
    /// The kind whose host could not be reached last.
    unreached: Option<AccountKind>,
}

/// Serves a question from the first account that can.
///
/// # Errors
/// The problem the client is told, and how many calls were made.
pub(super) async fn serve(
    proxy: &Inner,
    request: &Arc<Request>,
    model: &ResolvedModel,
    conversation: u64,
    entry: &mut Entry,
) -> Result<Served, (Problem, usize)> {
    let kinds = match request.api_only_param {
        Some(_) => KindSet::API,
        None => kinds_at_hand(model, proxy.parts.accounts.enabled_kinds()),
    };
    let call = |lease: &Lease, credential: &Credential, again| {
        question(proxy, request, model, lease, credential, again)
    };
    let task = Task { proxy, model, conversation: Some(conversation), kinds };
    let (answer, lease, attempts) =
        task.run(entry, call, UpstreamResponse::served_model).await.map_err(|(problem, calls)| {
            let native = request
                .api_only_param
                .filter(|_| matches!(problem, Problem::NoAccount(Unavailable::NoneOfKind(_))));
            (native.map_or(problem, Problem::NativeOnly), calls)
        })?;
    Ok(Served { answer, lease, attempts })
}

/// One call for a reply.
fn question(
    proxy: &Inner,
    request: &Arc<Request>,
    model: &ResolvedModel,
    lease: &Lease,
    credential: &Credential,
    again: bool,
) -> Asking<'static, UpstreamResponse> {
    let (request, model, credential) = (Arc::clone(request), model.clone(), credential.clone());
    match lease.account.kind {
        AccountKind::Web => {
            let web = Arc::clone(&proxy.parts.web);
            Box::pin(async move {
                web.chat(&credential, request, &model.web_id, again).await.map(UpstreamResponse::Events)
            })
        }
        AccountKind::Api => {
            let api = Arc::clone(&proxy.parts.api);
            Box::pin(async move {
                let reasons = model.info.as_ref().and_then(|info| info.reasoning);
                let ask = api::ModelParams {
                    model: &model.api_id,
                    max_tokens: model.max_tokens,
                    supports_reasoning: reasons,
                };
                api.chat(&credential, request, ask).await
            })
        }
    }
}

/// What is to be served, by calls of any kind.
pub(super) struct Task<'a> {
    pub(super) proxy: &'a Inner,
    pub(super) model: &'a ResolvedModel,
    pub(super) conversation: Option<u64>,
    pub(super) kinds: KindSet,
}

impl Task<'_> {
    /// Makes calls until one is answered. `served` tells the model that answered.
    ///
    /// # Errors
    /// The problem the client is told, and how many calls were made.
    pub(super) async fn run<T>(
        &self,
        entry: &mut Entry,
        call: impl Fn(&Lease, &Credential, bool) -> Asking<'static, T>,
        served: impl Fn(&T) -> Option<String>,
    ) -> Result<(T, Lease, usize), (Problem, usize)> {
        let Self { proxy, model, conversation, kinds } = *self;
        proxy.retries.earn();
        let mut out = Out { kinds, refused: Vec::new(), unlucky: Vec::new(), repeats: 0, unreached: None };
        let mut last: Option<UpstreamError> = None;
        for attempt in 1..=MOST_CALLS {
            let mut lease = match pick(proxy, model, conversation, &out) {
                Ok(lease) => lease,
                Err(none) => return Err((nobody(none, last), attempt - 1)),
            };
            let began = Instant::now();
            let credential =
                Credential { account: lease.account.id.clone(), secret: lease.account.secret.clone() };
            let result = call(&lease, &credential, attempt < MOST_CALLS).await;
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let failure = match result {
                Ok(answer) => {
                    note_success(proxy, &mut lease, model, conversation, served(&answer).as_deref());
                    entry.attempt(described(&lease, None, ms));
                    return Ok((answer, lease, attempt));
                }
                Err(failure) => failure,
            };
            note_failure(proxy, &mut lease, model, &failure);
            entry.attempt(described(&lease, Some(&failure), ms));
            // `?` escapes what could forge a line or turn its text around: the model's name is the client's.
            tracing::info!(account = ?lease.account.label, model = ?id(model, lease.account.kind), kind = ?failure.kind, status = failure.status, "an account did not answer");
            if !out.go_on(&failure, &lease, proxy) {
                return Err((Problem::Upstream(failure), attempt));
            }
            last = Some(failure);
        }
        Err((spent(proxy, model, &out, last), MOST_CALLS))
    }
}

/// All calls are made. After refusals the client is told when to come again: now where another account could still
/// serve, else when the first of them is free.
fn spent(proxy: &Inner, model: &ResolvedModel, out: &Out, last: Option<UpstreamError>) -> Problem {
    let Some(failure) = last else { return Problem::Internal };
    let ask =
        SelectionRequest { kinds: out.kinds, scope: &model.scope, excluded: &out.all(), conversation: None };
    match proxy.parts.accounts.unavailable_reason(&ask, proxy.parts.clock.now()) {
        Some(none) => nobody(none, Some(failure)),
        None => Problem::Upstream(failure.with_retry_after(Some(Duration::ZERO))),
    }
}

fn pick(
    proxy: &Inner,
    model: &ResolvedModel,
    conversation: Option<u64>,
    out: &Out,
) -> Result<Lease, Unavailable> {
    let now = proxy.parts.clock.now();
    let all = out.all();
    let ask =
        |tried| SelectionRequest { kinds: out.kinds, scope: &model.scope, excluded: tried, conversation };
    match proxy.parts.accounts.acquire(&ask(&all), now) {
        Err(Unavailable::AllTried) if !out.unlucky.is_empty() => {
            proxy.parts.accounts.acquire(&ask(&out.refused), now)
        }
        other => other,
    }
}

/// Where the last call failed for a reason that says more than "nobody is left", that reason is told.
fn nobody(none: Unavailable, last: Option<UpstreamError>) -> Problem {
    let refusal = |failure: &UpstreamError| next(failure.kind) == Next::OtherAccount;
    match last {
        Some(failure) if !refusal(&failure) || none == Unavailable::AllTried => Problem::Upstream(failure),
        Some(_) | None => Problem::NoAccount(none),
    }
}

impl Out {
    fn all(&self) -> Vec<String> {
        self.refused.iter().chain(&self.unlucky).cloned().collect()
    }

    /// Decides what a failure means for the rest of the request; `false` ends it.
    fn go_on(&mut self, failure: &UpstreamError, lease: &Lease, proxy: &Inner) -> bool {
        let id = lease.account.id.clone();
        match next(failure.kind) {
            Next::Stop => false,
            Next::OtherAccount => {
                self.refused.push(id);
                true
            }
            Next::OtherAccountOnce => {
                self.refused.push(id);
                self.repeats += 1;
                self.repeats == 1 && proxy.retries.spend()
            }
            Next::AnyAccount => {
                // All accounts of a kind talk to the same host: one repeat shows whether it was a passing fault.
                let kind = lease.account.kind;
                if failure.kind == UpstreamErrorKind::Unreachable
                    && self.unreached.replace(kind) == Some(kind)
                {
                    self.kinds = self.kinds.without(kind);
                }
                let again = self.unlucky.contains(&id);
                self.unlucky.push(id);
                self.repeats += 1;
                !self.kinds.is_empty() && !again && proxy.retries.spend()
            }
        }
    }
}

fn note_success(
    proxy: &Inner,
    lease: &mut Lease,
    model: &ResolvedModel,
    conversation: Option<u64>,
    served: Option<&str>,
) {
    let ask = SelectionRequest { kinds: KindSet::ANY, scope: &model.scope, excluded: &[], conversation };
    // The host behind the API names models in its own way: another name there is no lighter model.
    let served = served.filter(|_| lease.account.kind == AccountKind::Web);
    let report = CallOutcome::Answered { requested: &model.web_id, served };
    proxy.metrics.upstream_call(true);
    // Chance matters to failures only, and drawing it is a system call.
    proxy.parts.accounts.report(lease, &ask, report, proxy.parts.clock.now(), 0.0);
}

/// Tells accounts that a reply came to its end.
pub(super) fn note_end(proxy: &Inner, lease: &mut Lease, model: &ResolvedModel) {
    let ask =
        SelectionRequest { kinds: KindSet::ANY, scope: &model.scope, excluded: &[], conversation: None };
    proxy.parts.accounts.report(lease, &ask, CallOutcome::Completed, proxy.parts.clock.now(), 0.0);
}

/// Tells accounts and metrics that a call failed, before or after its first event.
pub(super) fn note_failure(proxy: &Inner, lease: &mut Lease, model: &ResolvedModel, failure: &UpstreamError) {
    let ask =
        SelectionRequest { kinds: KindSet::ANY, scope: &model.scope, excluded: &[], conversation: None };
    proxy.metrics.upstream_call(false);
    proxy.parts.accounts.report(lease, &ask, CallOutcome::Failed(failure), proxy.parts.clock.now(), chance());
}

/// Tells accounts and metrics what came of a reply's second call.
pub(super) fn note_second(proxy: &Inner, lease: &mut Lease, model: &ResolvedModel, second: &FollowUpCall) {
    match second.status() {
        None | Some(FollowUpStatus::Running(_)) => {}
        Some(FollowUpStatus::Completed(_)) => proxy.metrics.upstream_call(true),
        Some(FollowUpStatus::Failed(_, failure)) => note_failure(proxy, lease, model, &failure),
    }
}

/// How a reply's second call stands in the log, once the reply is over.
pub(super) fn second_attempt(
    lease: &Lease,
    second: &FollowUpCall,
) -> impl FnOnce() -> Option<Attempt> + use<> {
    let (account, second) = (lease.account.label.clone(), second.clone());
    move || {
        let (took, failure, outcome) = match second.status()? {
            FollowUpStatus::Completed(took) => (took, None, "ok"),
            FollowUpStatus::Failed(took, failure) => (took, Some(failure.clone()), outcome(failure.kind)),
            FollowUpStatus::Running(took) => (took, None, "interrupted"),
        };
        Some(Attempt {
            account,
            why: Picked::by(PickedBy::SecondCall).into(),
            outcome: outcome.to_owned(),
            status: failure.as_ref().and_then(|failure| failure.status),
            detail: failure.map(|failure| failure.detail),
            ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

fn described(lease: &Lease, failure: Option<&UpstreamError>, ms: u64) -> Attempt {
    Attempt {
        account: lease.account.label.clone(),
        why: lease.selection.into(),
        outcome: failure.map_or("ok", |failure| outcome(failure.kind)).to_owned(),
        status: failure.and_then(|failure| failure.status),
        detail: failure.map(|failure| failure.detail.clone()),
        ms,
    }
}

/// The word for a failure in the log.
fn outcome(kind: UpstreamErrorKind) -> &'static str {
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

/// A number in 0..1 for jitter. Without entropy the jitter is lost, nothing else.
fn chance() -> f64 {
    getrandom::u32().map_or(0.5, |random| f64::from(random) / (f64::from(u32::MAX) + 1.0))
}

#[cfg(test)]
mod tests;
