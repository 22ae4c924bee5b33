//! A request with its record in the log, and what becomes of both: an answer, an error, or a reply that breaks off.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use tokio_util::sync::WaitForCancellationFutureOwned;
use warp::reply::Response;

use super::error::{ProxyError, error_response};
use super::response::{self, ATTEMPTS_HEADER};
use super::response_store::PendingResponse;
use super::{CallerInfo, ProxyInner, cost, retry};
use crate::accounts::Lease;
use dialects::Encode;
use protocol::Usage;
use storage::request_log::{OpenRecord, RecordStart, RequestOutcome};
use upstreams::{FollowUpCall, ResolvedModel, UpstreamError, UpstreamErrorKind};

/// The code of the error event that ends a broken stream.
const INTERRUPTED_CODE: &str = "stream_interrupted";

const OK_OUTCOME: RequestOutcome =
    RequestOutcome { status: 200, code: None, fault: None, interrupted: false };

/// A request that is not answered yet.
pub(super) struct RequestContext {
    pub(super) proxy: Arc<ProxyInner>,
    pub(super) caller: CallerInfo,
    pub(super) entry: OpenRecord,
    pub(super) started_at: Instant,
}

impl RequestContext {
    /// Opens the record. `dialect` is its name in the log.
    pub(super) fn begin(proxy: Arc<ProxyInner>, caller: CallerInfo, dialect: &'static str) -> Self {
        let start = RecordStart {
            request_id: caller.request_id.to_string(),
            client: caller.client.to_string(),
            dialect,
            bytes_in: 0,
        };
        let entry = proxy.parts.request_log.begin(start);
        Self { proxy, caller, entry, started_at: Instant::now() }
    }

    /// Resolves when running replies must end.
    pub(super) fn closing(&self) -> Pin<Box<WaitForCancellationFutureOwned>> {
        Box::pin(self.caller.closing.clone().cancelled_owned())
    }

    /// The whole answer is at hand.
    pub(super) fn finish(mut self) {
        self.proxy.metrics.record_response(200);
        self.entry.close(OK_OUTCOME);
    }

    /// The error for the client, after so many upstream calls.
    pub(super) fn fail(mut self, problem: &ProxyError, attempts: usize) -> Response {
        let (mut response, details, body) = response::render_error(problem, self.caller.api_family);
        self.entry.record_response_bytes(&body);
        self.entry.set_error_message(&details.message, details.param.as_deref());
        if attempts > 0 {
            response.headers_mut().insert(ATTEMPTS_HEADER, HeaderValue::from(attempts));
        }
        self.proxy.metrics.record_response(details.status);
        let interrupted = matches!(
            problem,
            ProxyError::Upstream(UpstreamError { kind: UpstreamErrorKind::Interrupted, .. })
        );
        self.entry.close(RequestOutcome {
            status: details.status,
            code: Some(details.code),
            fault: Some(details.fault),
            interrupted,
        });
        response
    }
}

/// A reply that an account has begun to give.
pub(super) struct ActiveReply {
    pub(super) context: RequestContext,
    pub(super) lease: Lease,
    pub(super) model: ResolvedModel,
    pub(super) encoder: Box<dyn Encode>,
    /// The call that the reply may make beside its first.
    pub(super) follow_up: FollowUpCall,
}

impl ActiveReply {
    /// A piece of the reply leaves.
    pub(super) fn record_sent(&mut self, bytes: &[u8]) {
        self.context.entry.record_response_bytes(bytes);
    }

    /// Keeps the reply, once its end is encoded, where its client may come back to it.
    pub(super) fn store_response(&mut self, pending: Option<PendingResponse>) {
        if let Some((pending, stored)) = pending.zip(self.encoder.stored_response()) {
            self.context.proxy.responses.insert(&pending, stored, Instant::now());
        }
    }

    /// The reply came to its end.
    pub(super) fn complete(&mut self, usage: Option<Usage>) {
        retry::record_follow_up(&self.context.proxy, &mut self.lease, &self.model, &self.follow_up);
        retry::record_completion(&self.context.proxy, &mut self.lease, &self.model);
        self.record_usage(usage);
    }

    /// The same for a reply whose head is out: its record is closed.
    pub(super) fn complete_stream(&mut self, usage: Option<Usage>) {
        self.complete(usage);
        self.context.entry.close(OK_OUTCOME);
    }

    /// The upstream broke off.
    pub(super) fn record_failure(&mut self, failure: &UpstreamError) {
        retry::record_failure(&self.context.proxy, &mut self.lease, &self.model, failure);
        self.record_usage(failure.partial_usage);
    }

    /// The same for a reply whose head is out: what ends the stream for the client.
    pub(super) fn fail_stream(&mut self, failure: &UpstreamError) -> String {
        self.record_failure(failure);
        self.interrupt(&ProxyError::Upstream(failure.clone()))
    }

    /// Ends a reply whose head is out; what the client still gets.
    pub(super) fn interrupt(&mut self, problem: &ProxyError) -> String {
        let response = error_response(problem);
        let frames = self.encoder.encode_error(INTERRUPTED_CODE, &response.message);
        self.record_sent(frames.as_bytes());
        self.context.entry.set_error_message(&response.message, None);
        self.context.entry.close(RequestOutcome {
            status: 200,
            code: Some(INTERRUPTED_CODE),
            fault: Some(response.fault),
            interrupted: true,
        });
        frames
    }

    fn record_usage(&mut self, usage: Option<Usage>) {
        if let Some(usage) = usage {
            cost::record_usage(&mut self.context.entry, &self.model, &self.lease, usage);
        }
    }
}

/// The failure of an upstream that stopped without an end.
pub(super) fn missing_end_error() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Interrupted, "the reply ended without its end")
}
