//! An answer whose bytes are in the client's dialect already, on its way through.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::Inner;
use super::cost;
use super::problem::{Problem, tell};
use super::retry;
use super::stream::INTERRUPTED;
use crate::accounts::Lease;
use crate::dialects::Encode;
use crate::journal::{Entry, Outcome};
use crate::upstreams::api::Relay;
use crate::upstreams::{Failure, FailureKind, Model};

/// A relayed stream: what comes from upstream is written as it is, and its end is noted.
pub(super) struct RelayStream {
    pub(super) proxy: Arc<Inner>,
    pub(super) relay: Box<Relay>,
    /// Only for the event that ends a broken stream.
    pub(super) encoder: Box<dyn Encode>,
    pub(super) entry: Entry,
    pub(super) lease: Lease,
    pub(super) model: Model,
    pub(super) closing: Pin<Box<WaitForCancellationFutureOwned>>,
    /// The outcome is noted; what may still come is the end of the body.
    pub(super) noted: bool,
    pub(super) over: bool,
}

impl Stream for RelayStream {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        let bytes = match Pin::new(&mut *self.relay).poll_next(cx) {
            Poll::Ready(Some(Ok(bytes))) => bytes,
            Poll::Ready(Some(Err(failure))) => self.broken(&failure),
            Poll::Ready(None) if self.noted => return Poll::Ready(None),
            Poll::Ready(None) => {
                self.broken(&Failure::new(FailureKind::Interrupted, "the reply ended without its end"))
            }
            Poll::Pending if self.noted => return Poll::Pending,
            Poll::Pending if self.closing.as_mut().poll(cx).is_ready() => {
                self.interrupted(&Problem::Stopping)
            }
            Poll::Pending => return Poll::Pending,
        };
        self.entry.sent(&bytes);
        // Clients that have the end mark may leave at once: by then the record must be closed.
        if self.relay.is_complete() && !self.noted {
            self.complete();
        }
        Poll::Ready(Some(Ok(bytes)))
    }
}

impl RelayStream {
    fn complete(&mut self) {
        retry::note_end(&self.proxy, &mut self.lease, &self.model);
        if let Some(usage) = self.relay.seen().usage {
            cost::note(&mut self.entry, &self.model, &self.lease, usage);
        }
        self.close(Outcome { status: 200, code: None, fault: None, interrupted: false });
    }

    fn broken(&mut self, failure: &Failure) -> Bytes {
        retry::note_failure(&self.proxy, &mut self.lease, &self.model, failure);
        if let Some(usage) = failure.so_far {
            cost::note(&mut self.entry, &self.model, &self.lease, usage);
        }
        self.interrupted(&Problem::Upstream(failure.clone()))
    }

    fn interrupted(&mut self, problem: &Problem) -> Bytes {
        let told = tell(problem);
        self.close(Outcome {
            status: 200,
            code: Some(INTERRUPTED),
            fault: Some(told.fault),
            interrupted: true,
        });
        self.over = true;
        self.encoder.broken(INTERRUPTED, &told.message).into()
    }

    fn close(&mut self, outcome: Outcome) {
        self.noted = true;
        self.entry.close(outcome);
    }
}
