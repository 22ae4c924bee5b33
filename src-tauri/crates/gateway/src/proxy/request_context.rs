//! Per-request context: the request log record, and the ways to close it by a reply, an error or an interrupted stream.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use tokio_util::sync::WaitForCancellationFutureOwned;
use warp::reply::Response;

use super::error::{ProxyError, error_response};
use super::response::{self, ATTEMPTS_HEADER};
use super::response_store::PendingResponse;
use super::{CallerInfo, ProxyInner, attempts, cost};
use crate::accounts::Lease;
use dialects::Encode;
use protocol::Usage;
use storage::request_log::{OpenRecord, RecordStart, RequestErrorCode, RequestOutcome};
use upstreams::api_key::ModelInfo;
use upstreams::{FollowUpCall, UpstreamError, UpstreamErrorKind};

/// The code of the error event that ends an interrupted stream.
const INTERRUPTED_CODE: RequestErrorCode = RequestErrorCode::StreamInterrupted;

const OK_OUTCOME: RequestOutcome =
    RequestOutcome { status: 200, code: None, fault: None, interrupted: false };

/// The context of a request that has no response yet.
pub(super) struct RequestContext {
    pub(super) proxy: Arc<ProxyInner>,
    pub(super) caller: CallerInfo,
    pub(super) entry: OpenRecord,
    pub(super) started_at: Instant,
}

impl RequestContext {
    /// Opens the request log record. `dialect` is the name in the log.
    pub(super) fn begin(proxy: Arc<ProxyInner>, caller: CallerInfo, dialect: &'static str) -> Self {
        let start = RecordStart {
            request_id: caller.request_id.to_string(),
            client: caller.client.to_string(),
            dialect,
            bytes_in: 0,
            origin: caller.origin.clone(),
        };
        let entry = proxy.parts.request_log.begin(start);
        Self { proxy, caller, entry, started_at: Instant::now() }
    }

    /// Resolves shortly before the connection is cut: a running reply must then end.
    pub(super) fn closing(&self) -> Pin<Box<WaitForCancellationFutureOwned>> {
        Box::pin(self.caller.closing.clone().cancelled_owned())
    }

    /// Closes the record of a request whose complete response is ready.
    pub(super) fn finish(mut self) {
        self.proxy.metrics.record_response(200);
        self.entry.close(OK_OUTCOME);
    }

    /// Closes the record with an error and returns the error response. `attempts` is the number of upstream calls made.
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

/// A reply whose first event has arrived from an upstream.
pub(super) struct ActiveReply {
    pub(super) context: RequestContext,
    pub(super) lease: Lease,
    /// Metadata of the model from the catalog, for the cost.
    pub(super) model: Option<Arc<ModelInfo>>,
    pub(super) encoder: Box<dyn Encode>,
    /// The follow-up call that the reply may make.
    pub(super) follow_up: FollowUpCall,
}

impl ActiveReply {
    /// Records bytes that are sent to the client.
    pub(super) fn record_sent(&mut self, bytes: &[u8]) {
        self.context.entry.record_response_bytes(bytes);
    }

    /// Stores the response, if `pending` is set and its end is encoded.
    pub(super) fn store_response(&mut self, pending: Option<PendingResponse>) {
        if let Some((pending, stored)) = pending.zip(self.encoder.stored_response()) {
            self.context.proxy.responses.insert(&pending, stored, Instant::now());
        }
    }

    /// Reports the completed reply to the account pool and records its usage.
    pub(super) fn complete(&mut self, usage: Option<Usage>) {
        attempts::record_follow_up(&self.context.proxy, &mut self.lease, &self.follow_up);
        attempts::record_completion(&self.context.proxy, &mut self.lease);
        self.record_usage(usage);
    }

    /// Completes a streamed reply as [`ActiveReply::complete`] does, and closes the record.
    pub(super) fn complete_stream(&mut self, usage: Option<Usage>) {
        self.complete(usage);
        self.context.entry.close(OK_OUTCOME);
    }

    /// Reports an upstream failure to the account pool and the metrics, and records the partial usage.
    pub(super) fn record_failure(&mut self, failure: &UpstreamError) {
        attempts::record_failure(&self.context.proxy, &mut self.lease, failure);
        self.record_usage(failure.partial_usage);
    }

    /// Records the failure of a streamed reply as [`ActiveReply::record_failure`] does, and closes the
    /// record. Returns the last bytes for the client.
    pub(super) fn fail_stream(&mut self, failure: &UpstreamError) -> String {
        self.record_failure(failure);
        self.interrupt(&ProxyError::Upstream(failure.clone()))
    }

    /// Ends a streamed reply with an error event and closes the record. Returns the last bytes for the client.
    pub(super) fn interrupt(&mut self, problem: &ProxyError) -> String {
        let response = error_response(problem);
        let frames = self.encoder.encode_error(INTERRUPTED_CODE.name(), &response.message);
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
            let (model, upstream) = (self.model.as_deref(), self.lease.account.upstream);
            cost::record_usage(&mut self.context.entry, model, upstream, usage);
        }
    }
}

/// The error of an upstream that closed the stream without an end event.
pub(super) fn missing_end_error() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Interrupted, "the reply ended without its end")
}
