//! A reply whose bytes pass to the client as they are, in whole lines, and are only observed.
//!
//! A line is held back until it is complete: an event is of no use to a client before, and a line that turns out to be an
//! error can then still be kept from it. What the client did not ask for (the usage chunk that we ask for) is left out.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::future::poll_fn;
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use super::lines::{Lines, data};
use super::observe::{Meaning, Observer, Seen};
use super::refusal;
use crate::secrets::Secret;
use crate::upstreams::transport::body::{BodyReadError, BodyReader};
use crate::upstreams::{UpstreamError, UpstreamErrorKind};

/// What may come before the first words of a reply, bytes.
const OPENING_BYTES: usize = 1024 * 1024;
/// After the end mark the body ends at once; waiting for it lets the connection be used again.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// A body that came whole, and what was seen of it.
#[derive(Debug)]
pub struct Whole {
    pub body: Bytes,
    pub seen: Seen,
}

/// A stream on its way through. Dropping it ends the upstream call.
pub struct Relay {
    source: BodyReader,
    lines: Lines,
    observer: Observer,
    secret: Secret,
    drop_usage: bool,
    /// Whole lines that wait to go out.
    ready: BytesMut,
    stage: Stage,
    spoke: bool,
    /// The line before was left out, so the blank one behind it is too.
    left_out: bool,
}

enum Stage {
    Reading,
    /// The end mark came; only the end of the body is missing.
    Done(Pin<Box<Sleep>>),
    Failing(UpstreamError),
    Over,
}

impl Relay {
    pub(super) fn new(source: BodyReader, secret: Secret, drop_usage: bool, observer: Observer) -> Self {
        Self {
            source,
            lines: Lines::default(),
            observer,
            secret,
            drop_usage,
            ready: BytesMut::new(),
            stage: Stage::Reading,
            spoke: false,
            left_out: false,
        }
    }

    /// What was seen so far; after the end, all there is. Where the host told no usage it is estimated.
    pub fn seen(&self) -> Seen {
        self.observer.seen()
    }

    /// Whether the end mark has passed: what comes is only the end of the body.
    pub fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Done(_)) && self.ready.is_empty()
    }

    /// Waits for the first words, so that a failure before them can still be answered by another account.
    pub(super) async fn primed(mut self, deadline: Instant) -> Result<Self, UpstreamError> {
        let late = || UpstreamError::new(UpstreamErrorKind::Timeout, "the API did not answer in time");
        timeout_at(deadline, poll_fn(|cx| self.poll_first(cx))).await.map_err(|_| late())??;
        Ok(self)
    }

    fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        while !self.spoke {
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Failing(failure) => return Poll::Ready(Err(failure)),
                stage @ (Stage::Reading | Stage::Done(_) | Stage::Over) => self.stage = stage,
            }
            if self.ready.len() > OPENING_BYTES {
                let detail = "nothing but openings and comments came";
                return Poll::Ready(Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail)));
            }
            let chunk = ready!(self.source.poll_chunk(cx));
            self.take(chunk, true);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            if !self.ready.is_empty() {
                return Poll::Ready(Some(Ok(self.ready.split().freeze())));
            }
            match &mut self.stage {
                Stage::Reading => {
                    let chunk = ready!(self.source.poll_chunk(cx));
                    if let Some(whole) = self.take(chunk, false) {
                        return Poll::Ready(Some(Ok(whole)));
                    }
                }
                Stage::Done(patience) => match self.source.poll_chunk(cx) {
                    Poll::Pending => {
                        ready!(patience.as_mut().poll(cx));
                        self.stage = Stage::Over;
                    }
                    Poll::Ready(Ok(Some(_))) => {}
                    Poll::Ready(Ok(None) | Err(_)) => self.stage = Stage::Over,
                },
                Stage::Failing(failure) => {
                    let mut failure = failure.clone();
                    failure.partial_usage = self.observer.seen().usage;
                    self.stage = Stage::Over;
                    return Poll::Ready(Some(Err(failure)));
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }

    /// Looks at what came. Lines that pass are given back where they need no copy, else they wait in `ready`.
    fn take(&mut self, chunk: Result<Option<Bytes>, BodyReadError>, hold: bool) -> Option<Bytes> {
        match chunk {
            Ok(Some(bytes)) => match self.lines.push(bytes) {
                Ok(whole) => (self.pass(&whole, hold) && !whole.is_empty()).then_some(whole),
                Err(_) => {
                    self.fail(UpstreamErrorKind::BadResponse, "an event of the answer is larger than 32 MB");
                    None
                }
            },
            Ok(None) => {
                let last = self.lines.finish();
                self.pass(&last, true);
                if matches!(self.stage, Stage::Reading) {
                    self.fail(UpstreamErrorKind::Empty, "the reply ended without its end mark");
                }
                None
            }
            Err(broken) => {
                let failure = if self.spoke { broken.after_output() } else { broken.before_output() };
                self.stage = Stage::Failing(failure);
                None
            }
        }
    }

    /// Observes lines; `true` if all of them pass and none was copied into `ready`.
    fn pass(&mut self, whole: &Bytes, hold: bool) -> bool {
        let (mut start, mut handled) = (0, 0);
        while start < whole.len() && matches!(self.stage, Stage::Reading) {
            let end = memchr::memchr(b'\n', &whole[start..]).map_or(whole.len(), |at| start + at + 1);
            if !self.line(&whole[start..end]) {
                self.ready.extend_from_slice(&whole[handled..start]);
                handled = end;
            }
            start = end;
        }
        let untouched = handled == 0 && matches!(self.stage, Stage::Reading) && !hold;
        if !untouched {
            self.ready.extend_from_slice(&whole[handled..start]);
        }
        if matches!(self.stage, Stage::Done(_)) {
            // The blank line that makes it an event, whether or not it has come yet.
            let end: &[u8] = if self.ready.ends_with(b"\n") { b"\n" } else { b"\n\n" };
            self.ready.extend_from_slice(end);
        }
        untouched
    }

    /// Observes one line; `false` keeps it from the client.
    fn line(&mut self, line: &[u8]) -> bool {
        if line.trim_ascii().is_empty() {
            return !std::mem::take(&mut self.left_out);
        }
        let Some(payload) = data(line) else { return true };
        match self.observer.line(payload) {
            Meaning::Opening => true,
            Meaning::Content => {
                self.spoke = true;
                true
            }
            Meaning::Usage => {
                self.left_out = self.drop_usage;
                !self.drop_usage
            }
            Meaning::Done if self.spoke => {
                self.stage = Stage::Done(Box::pin(sleep(LAST_WAIT)));
                true
            }
            Meaning::Done => self.fail(UpstreamErrorKind::Empty, "the API answered with nothing"),
            Meaning::Error(error) => {
                self.stage = Stage::Failing(refusal::in_band(&error, &self.secret, self.spoke));
                false
            }
            Meaning::Nonsense => {
                self.fail(UpstreamErrorKind::BadResponse, "an event of the answer is not JSON")
            }
        }
    }

    /// Always `false`, for lines that do not pass.
    fn fail(&mut self, before_output: UpstreamErrorKind, detail: &str) -> bool {
        let kind = if self.spoke { UpstreamErrorKind::Interrupted } else { before_output };
        self.stage = Stage::Failing(UpstreamError::new(kind, detail));
        false
    }
}

impl Stream for Relay {
    type Item = Result<Bytes, UpstreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_bytes(cx)
    }
}
