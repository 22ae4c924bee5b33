//! Body sent in chunks, with delays and faults.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};

use super::chunks::BodyChunks;
use super::fault::{BodyInterruption, Fault};
use super::response::MockResponse;
use super::shared::{CallGuard, SharedState};
use super::socket::Socket;

/// Error that makes hyper drop the connection.
#[derive(Debug, thiserror::Error)]
#[error("the simulator breaks the connection off")]
pub(super) struct Abort;

pub(super) type Body = UnsyncBoxBody<Bytes, Abort>;

/// A response that is not recorded and has no faults.
pub(super) fn full_response(answer: MockResponse) -> Response<Body> {
    let whole = Full::new(answer.chunks.concat()).map_err(|never| match never {});
    let mut response = Response::new(whole.boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// The connection and fault of a response.
pub(super) struct ResponseContext {
    pub(super) shared: Arc<SharedState>,
    pub(super) socket: Arc<Socket>,
    pub(super) call_guard: CallGuard,
    pub(super) fault: Fault,
}

impl ResponseContext {
    /// The response for hyper. The call is complete when hyper takes the last chunk.
    pub(super) fn into_response(mut self, answer: MockResponse) -> Response<Body> {
        self.call_guard.record_status(answer.status.as_u16());
        let content_length = self.content_length(&answer);
        // hyper never polls the body if the head excludes one.
        let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&answer.status);
        if bodiless || content_length == Some(0) {
            self.call_guard.complete();
        }
        let play =
            BodyStream { context: self, chunks: answer.chunks, content_length, sent: 0, sent_bytes: 0 };
        let pieces = stream::unfold(Some(play), |play| async { play?.next_frame().await });
        let mut response = Response::new(StreamBody::new(pieces).boxed_unsync());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        if let Some(length) = content_length.filter(|_| !bodiless) {
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }

    /// The `Content-Length` to send, if any.
    fn content_length(&self, answer: &MockResponse) -> Option<u64> {
        let total = answer.chunks.total();
        match self.fault.missing_bytes {
            Some(missing) => Some(total.saturating_add(missing)),
            None => answer.length_known.then_some(total),
        }
    }
}

struct BodyStream {
    context: ResponseContext,
    chunks: BodyChunks,
    content_length: Option<u64>,
    sent: usize,
    sent_bytes: u64,
}

type NextFrame = Option<(Result<Frame<Bytes>, Abort>, Option<BodyStream>)>;

impl BodyStream {
    async fn next_frame(mut self) -> NextFrame {
        if let (0, Some(wait)) = (self.sent, self.context.fault.delay_before_body) {
            wait.elapse().await;
        }
        // hyper writes its buffer while the body is pending; an interruption must come after those bytes.
        tokio::task::yield_now().await;
        if let Some(kind) = self.context.fault.interruption_at(self.sent) {
            return self.interrupt(kind).await;
        }
        let Some(chunk) = self.chunks.next() else {
            self.context.call_guard.complete();
            return None;
        };
        self.wait_before_chunk().await;
        self.count_sent(chunk.len() as u64);
        Some((Ok(Frame::data(chunk)), Some(self)))
    }

    async fn interrupt(mut self, kind: BodyInterruption) -> NextFrame {
        match kind {
            BodyInterruption::Stall => std::future::pending().await,
            BodyInterruption::Eof => {
                self.context.call_guard.complete();
                return None;
            }
            BodyInterruption::Reset => self.context.socket.reset_on_close(),
            BodyInterruption::Cut => {}
        }
        self.context.call_guard.complete();
        Some((Err(Abort), None))
    }

    async fn wait_before_chunk(&self) {
        let delay = self.context.shared.word_delay;
        if self.sent > 0 && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if self.context.fault.gate {
            self.context.shared.wait_for_release().await;
        }
    }

    /// Counts a chunk. The last one completes the call before the client can read it, so that a client with the
    /// complete response finds the call ended.
    fn count_sent(&mut self, bytes: u64) {
        self.sent += 1;
        self.sent_bytes += bytes;
        self.context.call_guard.record_sent(bytes);
        let last = match self.content_length {
            Some(length) => length == self.sent_bytes,
            None => self.chunks.total() == 0 && self.context.fault.interruption_at(self.sent).is_none(),
        };
        if last {
            self.context.call_guard.complete();
        }
    }
}
