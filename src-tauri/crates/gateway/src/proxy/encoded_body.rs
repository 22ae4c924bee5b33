//! The response body of a streamed reply.
//!
//! Each upstream event becomes one write, without a task or a channel in between. So a client that stops reading stops
//! the upstream, and a client that disconnects cancels the upstream call.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::error::ProxyError;
use super::request_context::{ActiveReply, missing_end_error};
use super::response_store::PendingResponse;
use protocol::Event;
use upstreams::BoxEventStream;

/// A response body that encodes events one by one.
pub(super) struct EncodedBody {
    events: BoxEventStream,
    reply: ActiveReply,
    /// Set if the response is to be stored.
    pending: Option<PendingResponse>,
    /// The time from the start of the request to the first event.
    first_event_after: Duration,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl EncodedBody {
    pub(super) fn new(
        events: BoxEventStream,
        serving: ActiveReply,
        pending: Option<PendingResponse>,
    ) -> Self {
        let (first_event_after, closing) = (serving.context.started_at.elapsed(), serving.context.closing());
        Self { events, reply: serving, pending, first_event_after, closing, ended: false }
    }

    fn encode(&mut self, event: &Event) -> String {
        let reply = &mut self.reply;
        let Event::Done { usage, .. } = event else {
            let frames = reply.encoder.encode_event(event);
            reply.record_sent(frames.as_bytes());
            return frames;
        };
        self.ended = true;
        reply.encoder.set_timings(self.first_event_after, reply.context.started_at.elapsed());
        let frames = reply.encoder.encode_event(event);
        reply.store_response(self.pending.take());
        reply.record_sent(frames.as_bytes());
        reply.complete_stream(Some(*usage));
        frames
    }

    fn finish(&mut self, frames: String) -> String {
        self.ended = true;
        frames
    }
}

impl Stream for EncodedBody {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let final_frames = match self.events.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => return Poll::Ready(Some(Ok(self.encode(&event).into()))),
            Poll::Ready(Some(Err(failure))) => self.reply.fail_stream(&failure),
            Poll::Ready(None) => self.reply.fail_stream(&missing_end_error()),
            Poll::Pending if self.closing.as_mut().poll(cx).is_ready() => {
                self.reply.interrupt(&ProxyError::Stopping)
            }
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(Ok(self.finish(final_frames).into())))
    }
}
