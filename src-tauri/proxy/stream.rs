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

use super::exchange::{Serving, without_end};
use super::problem::Problem;
use super::threads::Pending;
use crate::chat::Event;
use crate::upstreams::BoxEventStream;

/// A reply that is encoded event by event.
pub(super) struct ReplyStream {
    events: BoxEventStream,
    serving: Serving,
    /// For a reply that its client may come back to.
    pending: Option<Pending>,
    /// How long the first event took.
    first: Duration,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl ReplyStream {
    pub(super) fn new(events: BoxEventStream, serving: Serving, pending: Option<Pending>) -> Self {
        let (first, closing) = (serving.exchange.began.elapsed(), serving.exchange.closing());
        Self { events, serving, pending, first, closing, ended: false }
    }

    fn event(&mut self, event: &Event) -> String {
        let serving = &mut self.serving;
        let Event::Done { usage, .. } = event else {
            let frames = serving.encoder.encode_event(event);
            serving.sent(frames.as_bytes());
            return frames;
        };
        self.ended = true;
        serving.encoder.set_timings(self.first, serving.exchange.began.elapsed());
        let frames = serving.encoder.encode_event(event);
        serving.keep(self.pending.take());
        serving.sent(frames.as_bytes());
        serving.stream_complete(Some(*usage));
        frames
    }

    fn last(&mut self, frames: String) -> String {
        self.ended = true;
        frames
    }
}

impl Stream for ReplyStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let failed = match self.events.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => return Poll::Ready(Some(Ok(self.event(&event).into()))),
            Poll::Ready(Some(Err(failure))) => self.serving.stream_failed(&failure),
            Poll::Ready(None) => self.serving.stream_failed(&without_end()),
            Poll::Pending if self.closing.as_mut().poll(cx).is_ready() => {
                self.serving.interrupt(&Problem::Stopping)
            }
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(Ok(self.last(failed).into())))
    }
}
