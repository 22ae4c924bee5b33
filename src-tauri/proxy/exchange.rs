//! A request with its record in the log, and what becomes of both: an answer, an error, or a reply that breaks off.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use tokio_util::sync::WaitForCancellationFutureOwned;
use warp::reply::Response;

use super::answer::{self, ATTEMPTS};
use super::problem::{Problem, tell};
use super::threads::Pending;
use super::{Caller, Inner, cost, retry};
use crate::accounts::Lease;
use crate::chat::Usage;
use crate::dialects::Encode;
use crate::journal::{Entry, Outcome, Start};
use crate::upstreams::{FollowUpCall, ResolvedModel, UpstreamError, UpstreamErrorKind};

/// The code of the error event that ends a broken stream.
const INTERRUPTED: &str = "stream_interrupted";

const OK: Outcome = Outcome { status: 200, code: None, fault: None, interrupted: false };

/// A request that is not answered yet.
pub(super) struct Exchange {
    pub(super) proxy: Arc<Inner>,
    pub(super) caller: Caller,
    pub(super) entry: Entry,
    pub(super) began: Instant,
}

impl Exchange {
    /// Opens the record. `dialect` is its name in the log.
    pub(super) fn begin(proxy: Arc<Inner>, caller: Caller, dialect: &'static str) -> Self {
        let start = Start {
            request_id: caller.request_id.to_string(),
            client: caller.client.to_string(),
            dialect,
            bytes_in: 0,
        };
        let entry = proxy.parts.journal.begin(start);
        Self { proxy, caller, entry, began: Instant::now() }
    }

    /// Resolves when running replies must end.
    pub(super) fn closing(&self) -> Pin<Box<WaitForCancellationFutureOwned>> {
        Box::pin(self.caller.closing.clone().cancelled_owned())
    }

    /// The whole answer is at hand.
    pub(super) fn answered(mut self) {
        self.proxy.metrics.answered(200);
        self.entry.close(OK);
    }

    /// The error for the client, after so many upstream calls.
    pub(super) fn fail(mut self, problem: &Problem, attempts: usize) -> Response {
        let (mut response, told, body) = answer::problem(problem, self.caller.form);
        self.entry.sent(&body);
        self.entry.told(&told.message, told.param.as_deref());
        if attempts > 0 {
            response.headers_mut().insert(ATTEMPTS, HeaderValue::from(attempts));
        }
        self.proxy.metrics.answered(told.status);
        let interrupted =
            matches!(problem, Problem::Upstream(UpstreamError { kind: UpstreamErrorKind::Interrupted, .. }));
        self.entry.close(Outcome {
            status: told.status,
            code: Some(told.code),
            fault: Some(told.fault),
            interrupted,
        });
        response
    }
}

/// A reply that an account has begun to give.
pub(super) struct Serving {
    pub(super) exchange: Exchange,
    pub(super) lease: Lease,
    pub(super) model: ResolvedModel,
    pub(super) encoder: Box<dyn Encode>,
    /// The call that the reply may make beside its first.
    pub(super) second: FollowUpCall,
}

impl Serving {
    /// A piece of the reply leaves.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.exchange.entry.sent(bytes);
    }

    /// Keeps the reply, once its end is encoded, where its client may come back to it.
    pub(super) fn keep(&mut self, pending: Option<Pending>) {
        if let Some((pending, kept)) = pending.zip(self.encoder.stored_response()) {
            self.exchange.proxy.threads.keep(&pending, kept, Instant::now());
        }
    }

    /// The reply came to its end.
    pub(super) fn complete(&mut self, usage: Option<Usage>) {
        retry::note_second(&self.exchange.proxy, &mut self.lease, &self.model, &self.second);
        retry::note_end(&self.exchange.proxy, &mut self.lease, &self.model);
        self.used(usage);
    }

    /// The same for a reply whose head is out: its record is closed.
    pub(super) fn stream_complete(&mut self, usage: Option<Usage>) {
        self.complete(usage);
        self.exchange.entry.close(OK);
    }

    /// The upstream broke off.
    pub(super) fn failed(&mut self, failure: &UpstreamError) {
        retry::note_failure(&self.exchange.proxy, &mut self.lease, &self.model, failure);
        self.used(failure.partial_usage);
    }

    /// The same for a reply whose head is out: what ends the stream for the client.
    pub(super) fn stream_failed(&mut self, failure: &UpstreamError) -> String {
        self.failed(failure);
        self.interrupt(&Problem::Upstream(failure.clone()))
    }

    /// Ends a reply whose head is out; what the client still gets.
    pub(super) fn interrupt(&mut self, problem: &Problem) -> String {
        let told = tell(problem);
        let frames = self.encoder.encode_error(INTERRUPTED, &told.message);
        self.sent(frames.as_bytes());
        self.exchange.entry.told(&told.message, None);
        self.exchange.entry.close(Outcome {
            status: 200,
            code: Some(INTERRUPTED),
            fault: Some(told.fault),
            interrupted: true,
        });
        frames
    }

    fn used(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            cost::note(&mut self.exchange.entry, &self.model, &self.lease, usage);
        }
    }
}

/// The failure of an upstream that stopped without an end.
pub(super) fn without_end() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Interrupted, "the reply ended without its end")
}
