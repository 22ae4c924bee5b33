//! The response body of a passthrough reply, whose bytes are in the client's dialect already.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::error::ProxyError;
use super::request_context::{ActiveReply, missing_end_error};
use upstreams::api_key::Passthrough;

/// A response body that forwards upstream bytes unchanged and observes the end of the stream.
pub(super) struct PassthroughBody {
    upstream: Box<Passthrough>,
    reply: ActiveReply,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    state: PassthroughState,
}

#[derive(PartialEq, Eq)]
enum PassthroughState {
    Running,
    /// The end marker has passed and the record is closed. Only the end of the body may follow.
    Complete,
    Ended,
}

impl PassthroughBody {
    pub(super) fn new(relay: Box<Passthrough>, serving: ActiveReply) -> Self {
        let closing = serving.context.closing();
        Self { upstream: relay, reply: serving, closing, state: PassthroughState::Running }
    }

    fn forward(&mut self, bytes: Bytes) -> Bytes {
        self.reply.record_sent(&bytes);
        // A client may disconnect as soon as it has the end marker, so the record must be closed before.
        if self.state == PassthroughState::Running && self.upstream.is_complete() {
            self.state = PassthroughState::Complete;
            self.reply.complete_stream(self.upstream.observed().usage);
        }
        bytes
    }

    fn finish(&mut self, frames: String) -> Bytes {
        self.state = PassthroughState::Ended;
        frames.into()
    }
}

impl Stream for PassthroughBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.state == PassthroughState::Ended {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut *self.upstream).poll_next(cx);
        let final_frames = match polled {
            Poll::Ready(Some(Ok(bytes))) => return Poll::Ready(Some(Ok(self.forward(bytes)))),
            Poll::Ready(None) if self.state == PassthroughState::Complete => return Poll::Ready(None),
            Poll::Ready(Some(Err(failure))) => self.reply.fail_stream(&failure),
            Poll::Ready(None) => self.reply.fail_stream(&missing_end_error()),
            Poll::Pending
                if self.state == PassthroughState::Running && self.closing.as_mut().poll(cx).is_ready() =>
            {
                self.reply.interrupt(&ProxyError::Stopping)
            }
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(Ok(self.finish(final_frames))))
    }
}
