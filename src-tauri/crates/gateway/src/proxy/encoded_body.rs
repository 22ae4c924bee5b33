//! A streamed reply on its way to the client.
//!
//! One upstream event becomes one write: nothing waits for anything else, and there is no task or channel in between,
//! so a client that stops reading stops the upstream, and one that leaves ends it.

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

/// A reply that is encoded event by event.
pub(super) struct EncodedBody {
    events: BoxEventStream,
    reply: ActiveReply,
    /// For a reply that its client may come back to.
    pending: Option<PendingResponse>,
    /// How long the first event took.
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
