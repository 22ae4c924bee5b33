//! A streamed reply on its way to the client.
//!
//! One upstream event becomes one write: nothing waits for anything else, and there is no task or channel in between,
//! so a client that stops reading stops the upstream, and one that leaves ends it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::Inner;
use super::cost;
use super::problem::{Problem, tell};
use super::retry;
use super::threads::Pending;
use crate::accounts::Lease;
use crate::chat::Event;
use crate::dialects::Encode;
use crate::journal::{Entry, Outcome};
use crate::upstreams::{Events, Failure, FailureKind, Model};

/// The code of the error event that ends a broken stream.
pub(super) const INTERRUPTED: &str = "stream_interrupted";

pub(super) struct ReplyStream {
    pub(super) proxy: Arc<Inner>,
    pub(super) events: Events,
    pub(super) encoder: Box<dyn Encode>,
    /// For a reply that its client may come back to.
    pub(super) pending: Option<Pending>,
    pub(super) began: Instant,
    /// How long the first event took.
    pub(super) first: Duration,
    pub(super) entry: Entry,
    pub(super) lease: Lease,
    pub(super) model: Model,
    pub(super) closing: Pin<Box<WaitForCancellationFutureOwned>>,
    pub(super) ended: bool,
}

impl Stream for ReplyStream {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let frames = match self.events.as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(event))) => self.event(&event),
            Poll::Ready(Some(Err(failure))) => self.broken(&failure),
            Poll::Ready(None) => {
                self.broken(&Failure::new(FailureKind::Interrupted, "the reply ended without its end"))
            }
            Poll::Pending if self.closing.as_mut().poll(cx).is_ready() => {
                self.interrupted(&Problem::Stopping)
            }
            Poll::Pending => return Poll::Pending,
        };
        self.entry.sent(frames.as_bytes());
        Poll::Ready(Some(Ok(frames.into())))
    }
}

impl ReplyStream {
    fn event(&mut self, event: &Event) -> String {
        if let Event::Done { usage, .. } = event {
            retry::note_end(&self.proxy, &mut self.lease, &self.model);
            cost::note(&mut self.entry, &self.model, &self.lease, *usage);
            self.close(Outcome { status: 200, code: None, fault: None, interrupted: false });
            self.encoder.took(self.first, self.began.elapsed());
            let frames = self.encoder.frames(event);
            if let Some((pending, kept)) = self.pending.take().zip(self.encoder.kept()) {
                self.proxy.threads.keep(&pending, kept, Instant::now());
            }
            return frames;
        }
        self.encoder.frames(event)
    }

    fn broken(&mut self, failure: &Failure) -> String {
        retry::note_failure(&self.proxy, &mut self.lease, &self.model, failure);
        if let Some(usage) = failure.so_far {
            cost::note(&mut self.entry, &self.model, &self.lease, usage);
        }
        self.interrupted(&Problem::Upstream(failure.clone()))
    }

    fn interrupted(&mut self, problem: &Problem) -> String {
        let told = tell(problem);
        self.close(Outcome {
            status: 200,
            code: Some(INTERRUPTED),
            fault: Some(told.fault),
            interrupted: true,
        });
        self.encoder.broken(INTERRUPTED, &told.message)
    }

    fn close(&mut self, outcome: Outcome) {
        self.ended = true;
        self.entry.close(outcome);
    }
}
