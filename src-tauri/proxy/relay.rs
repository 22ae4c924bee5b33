//! An answer whose bytes are in the client's dialect already, on its way through.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::exchange::{Serving, without_end};
use super::problem::Problem;
use crate::upstreams::api::Passthrough;

/// A relayed stream: what comes from upstream is written as it is, and its end is noted.
pub(super) struct RelayStream {
    relay: Box<Passthrough>,
    serving: Serving,
    closing: Pin<Box<WaitForCancellationFutureOwned>>,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Running,
    /// The end mark has passed and the record is closed; what may still come is the end of the body.
    Complete,
    Over,
}

impl RelayStream {
    pub(super) fn new(relay: Box<Passthrough>, serving: Serving) -> Self {
        let closing = serving.exchange.closing();
        Self { relay, serving, closing, state: State::Running }
    }

    fn passed(&mut self, bytes: Bytes) -> Bytes {
        self.serving.sent(&bytes);
        // Clients that have the end mark may leave at once: by then the record must be closed.
        if self.state == State::Running && self.relay.is_complete() {
            self.state = State::Complete;
            self.serving.stream_complete(self.relay.observed().usage);
        }
        bytes
    }

    fn last(&mut self, frames: String) -> Bytes {
        self.state = State::Over;
        frames.into()
    }
}

impl Stream for RelayStream {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.state == State::Over {
            return Poll::Ready(None);
        }
        let polled = Pin::new(&mut *self.relay).poll_next(cx);
        let failed = match polled {
            Poll::Ready(Some(Ok(bytes))) => return Poll::Ready(Some(Ok(self.passed(bytes)))),
            Poll::Ready(None) if self.state == State::Complete => return Poll::Ready(None),
            Poll::Ready(Some(Err(failure))) => self.serving.stream_failed(&failure),
            Poll::Ready(None) => self.serving.stream_failed(&without_end()),
            Poll::Pending if self.state == State::Running && self.closing.as_mut().poll(cx).is_ready() => {
                self.serving.interrupt(&Problem::Stopping)
            }
            Poll::Pending => return Poll::Pending,
        };
        Poll::Ready(Some(Ok(self.last(failed))))
    }
}
