//! Passthrough of a reply: its bytes reach the client unchanged, in whole lines, and are only observed.
//!
//! A line is held back until it is complete: a client cannot use a part of an event, and an error line can then still
//! be withheld. The usage chunk is left out if only the proxy requested it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::future::poll_fn;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use super::error_mapping;
use super::line_buffer::{LineBuffer, data_payload};
use super::usage_observer::{LineKind, Observed, UsageObserver};
use crate::transport::body::{BodyReadError, BodyReader};
use crate::{UpstreamError, UpstreamErrorKind};
use storage::secrets::Secret;

/// Largest opening of a reply before its first output, bytes.
const MAX_OPENING_BYTES: usize = 1024 * 1024;
/// Time limit for the end of the body after the end mark. Waiting for it lets the connection be reused.
const BODY_END_TIMEOUT: Duration = Duration::from_millis(500);

/// A complete response body, with what was observed in it.
#[derive(Debug)]
pub struct CompleteResponse {
    pub body: Bytes,
    pub observed: Observed,
}

/// Stream of passed-through lines. Dropping it ends the upstream call.
pub struct Passthrough {
    reader: BodyReader,
    line_buffer: LineBuffer,
    observer: UsageObserver,
    secret: Secret,
    drop_usage: bool,
    /// Whole lines that wait to be sent.
    ready: BytesMut,
    state: PassthroughState,
    has_output: bool,
    /// Whether the previous line was left out; the blank line after it is then left out too.
    dropped_event: bool,
}

enum PassthroughState {
    Reading,
    /// The end mark has arrived; the end of the body is awaited until the timer fires.
    Done(Pin<Box<Sleep>>),
    Failed(UpstreamError),
    Closed,
}

impl Passthrough {
    pub(super) fn new(source: BodyReader, secret: Secret, drop_usage: bool, observer: UsageObserver) -> Self {
        Self {
            reader: source,
            line_buffer: LineBuffer::default(),
            observer,
            secret,
            drop_usage,
            ready: BytesMut::new(),
            state: PassthroughState::Reading,
            has_output: false,
            dropped_event: false,
        }
    }

    /// Returns the model that answers, if the host has named it.
    pub fn model(&self) -> Option<&str> {
        self.observer.model()
    }

    /// Returns the facts observed so far. The usage is estimated if the host reported none.
    pub fn observed(&self) -> Observed {
        self.observer.observed()
    }

    /// Whether the end mark has passed and only the end of the body is missing.
    pub fn is_complete(&self) -> bool {
        matches!(self.state, PassthroughState::Done(_)) && self.ready.is_empty()
    }

    /// Waits for the first output, so that another account can still be tried after an earlier error.
    pub(super) async fn wait_for_first_event(mut self, deadline: Instant) -> Result<Self, UpstreamError> {
        let late = || UpstreamError::new(UpstreamErrorKind::Timeout, "the API did not answer in time");
        timeout_at(deadline, poll_fn(|cx| self.poll_first(cx))).await.map_err(|_| late())??;
        Ok(self)
    }

    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        while !self.has_output {
            match std::mem::replace(&mut self.state, PassthroughState::Closed) {
                PassthroughState::Failed(failure) => return Poll::Ready(Err(failure)),
                stage
                @ (PassthroughState::Reading | PassthroughState::Done(_) | PassthroughState::Closed) => {
                    self.state = stage
                }
            }
            if self.ready.len() > MAX_OPENING_BYTES {
                let detail = "nothing but openings and comments came";
                return Poll::Ready(Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail)));
            }
            let chunk = ready!(self.reader.poll_chunk(cx));
            self.receive(chunk, true);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            if !self.ready.is_empty() {
                return Poll::Ready(Some(Ok(self.ready.split().freeze())));
            }
            match &mut self.state {
                PassthroughState::Reading => {
                    let chunk = ready!(self.reader.poll_chunk(cx));
                    if let Some(whole) = self.receive(chunk, false) {
                        return Poll::Ready(Some(Ok(whole)));
                    }
                }
                PassthroughState::Done(timer) => match self.reader.poll_chunk(cx) {
                    Poll::Pending => {
                        ready!(timer.as_mut().poll(cx));
                        self.state = PassthroughState::Closed;
                    }
                    Poll::Ready(Ok(Some(_))) => {}
                    Poll::Ready(Ok(None) | Err(_)) => self.state = PassthroughState::Closed,
                },
                PassthroughState::Failed(failure) => {
                    let mut failure = failure.clone();
                    failure.partial_usage = self.observer.observed().usage;
                    self.state = PassthroughState::Closed;
                    return Poll::Ready(Some(Err(failure)));
                }
                PassthroughState::Closed => return Poll::Ready(None),
            }
        }
    }

    /// Processes a chunk. Lines that pass are returned if they need no copy, else they are added to `ready`.
    fn receive(&mut self, chunk: Result<Option<Bytes>, BodyReadError>, hold: bool) -> Option<Bytes> {
        match chunk {
            Ok(Some(bytes)) => match self.line_buffer.push(bytes) {
                Ok(whole) => (self.forward_lines(&whole, hold) && !whole.is_empty()).then_some(whole),
                Err(_) => {
                    self.fail(UpstreamErrorKind::BadResponse, "an event of the answer is larger than 32 MB");
                    None
                }
            },
            Ok(None) => {
                let last = self.line_buffer.finish();
                self.forward_lines(&last, true);
                if matches!(self.state, PassthroughState::Reading) {
                    self.fail(UpstreamErrorKind::Empty, "the reply ended without its end mark");
                }
                None
            }
            Err(broken) => {
                let failure = if self.has_output { broken.after_output() } else { broken.before_output() };
                self.state = PassthroughState::Failed(failure);
                None
            }
        }
    }

    /// Observes lines. Returns whether all of them pass and none was copied into `ready`.
    fn forward_lines(&mut self, whole: &Bytes, hold: bool) -> bool {
        let (mut start, mut handled) = (0, 0);
        while start < whole.len() && matches!(self.state, PassthroughState::Reading) {
            let end = memchr::memchr(b'\n', &whole[start..]).map_or(whole.len(), |at| start + at + 1);
            if !self.forward_line(&whole[start..end]) {
                self.ready.extend_from_slice(&whole[handled..start]);
                handled = end;
            }
            start = end;
        }
        let untouched = handled == 0 && matches!(self.state, PassthroughState::Reading) && !hold;
        if !untouched {
            self.ready.extend_from_slice(&whole[handled..start]);
        }
        if matches!(self.state, PassthroughState::Done(_)) {
            // The blank line that makes it an event, whether or not it has come yet.
            let end: &[u8] = if self.ready.ends_with(b"\n") { b"\n" } else { b"\n\n" };
            self.ready.extend_from_slice(end);
        }
        untouched
    }

    /// Observes one line. Returns whether it passes to the client.
    fn forward_line(&mut self, line: &[u8]) -> bool {
        if line.trim_ascii().is_empty() {
            return !std::mem::take(&mut self.dropped_event);
        }
        let Some(payload) = data_payload(line) else { return true };
        match self.observer.observe_line(payload) {
            LineKind::Opening => true,
            LineKind::Content => {
                self.has_output = true;
                true
            }
            LineKind::Usage => {
                self.dropped_event = self.drop_usage;
                !self.drop_usage
            }
            LineKind::Done if self.has_output => {
                self.state = PassthroughState::Done(Box::pin(sleep(BODY_END_TIMEOUT)));
                true
            }
            LineKind::Done => self.fail(UpstreamErrorKind::Empty, "the API answered with nothing"),
            LineKind::Error(error) => {
                self.state = PassthroughState::Failed(error_mapping::stream_error(
                    &error,
                    &self.secret,
                    self.has_output,
                ));
                false
            }
            LineKind::Malformed => {
                self.fail(UpstreamErrorKind::BadResponse, "an event of the answer is not JSON")
            }
        }
    }

    /// Sets the error state. Returns `false`, because the line does not pass to the client.
    fn fail(&mut self, before_output: UpstreamErrorKind, detail: &str) -> bool {
        let kind = if self.has_output { UpstreamErrorKind::Interrupted } else { before_output };
        self.state = PassthroughState::Failed(UpstreamError::new(kind, detail));
        false
    }
}

impl Stream for Passthrough {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_bytes(cx)
    }
}
