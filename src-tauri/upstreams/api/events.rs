//! A translated reply: chunks of the host in, events out. Dropping it ends the call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::decode::{Chunk, Decoder};
use super::lines::{Lines, data};
use super::refusal;
use crate::chat::Event;
use crate::secrets::Secret;
use crate::upstreams::transport::body::{BodyReadError, BodyReader};
use crate::upstreams::{UpstreamError, UpstreamErrorKind};

/// The events of one reply.
pub(super) struct EventStream {
    /// `None` once nothing more is read.
    source: Option<BodyReader>,
    lines: Lines,
    decoder: Decoder,
    secret: Secret,
    ready: VecDeque<Event>,
    failure: Option<UpstreamError>,
    done: bool,
}

impl EventStream {
    /// A reply that comes in pieces.
    pub(super) fn pieces(source: BodyReader, secret: Secret, decoder: Decoder) -> Self {
        let lines = Lines::default();
        Self {
            source: Some(source),
            lines,
            decoder,
            secret,
            ready: VecDeque::new(),
            failure: None,
            done: false,
        }
    }

    /// A reply that is all there.
    ///
    /// # Errors
    /// If there is nothing in it.
    pub(super) fn whole(body: &Bytes, secret: Secret, decoder: Decoder) -> Result<Self, UpstreamError> {
        let lines = Lines::default();
        let mut stream =
            Self { source: None, lines, decoder, secret, ready: VecDeque::new(), failure: None, done: false };
        stream.event(body);
        stream.end();
        match stream.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(stream),
        }
    }

    /// The model that answers, as the host calls it; known with the first event.
    pub(super) fn model(&self) -> Option<&str> {
        self.decoder.model()
    }

    /// Waits for the first event, so that a failure before it can still be answered by another account.
    pub(super) async fn primed(mut self, deadline: Instant) -> Result<Self, UpstreamError> {
        let late = || UpstreamError::new(UpstreamErrorKind::Timeout, "the API did not answer in time");
        let fill = poll_fn(|cx| self.poll_fill(cx));
        timeout_at(deadline, fill).await.map_err(|_| late())?;
        match self.failure.take_if(|_| self.ready.is_empty()) {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }

    /// Reads until there is an event, a failure or the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.ready.is_empty() && self.failure.is_none() {
            let Some(source) = &mut self.source else { break };
            match ready!(source.poll_chunk(cx)) {
                Ok(Some(bytes)) => match self.lines.push(bytes) {
                    Ok(whole) => self.read(&whole),
                    Err(_) => self
                        .fail(UpstreamErrorKind::BadResponse, "an event of the answer is larger than 32 MB"),
                },
                Ok(None) => {
                    let last = self.lines.finish();
                    self.read(&last);
                    if !self.done {
                        self.fail(UpstreamErrorKind::Empty, "the reply ended without its end mark");
                    }
                    self.source = None;
                }
                Err(broken) => self.break_off(&broken),
            }
        }
        Poll::Ready(())
    }

    fn read(&mut self, whole: &[u8]) {
        for line in whole.split(|byte| *byte == b'\n') {
            if self.done || self.failure.is_some() {
                return;
            }
            match data(line) {
                Some(b"[DONE]") => self.end(),
                Some(payload) if !payload.is_empty() => self.event(payload),
                Some(_) | None => {}
            }
        }
    }

    fn event(&mut self, payload: &[u8]) {
        let Ok(json) = serde_json::from_slice::<Value>(payload) else {
            return self.fail(UpstreamErrorKind::BadResponse, "an event of the answer is not JSON");
        };
        let mut events = Vec::new();
        match self.decoder.chunk(json, &mut events) {
            Chunk::Fine => self.ready.extend(events),
            Chunk::Error(error) => {
                let failure = refusal::in_band(&error, &self.secret, self.decoder.spoke());
                self.failure = Some(failure);
            }
        }
    }

    fn end(&mut self) {
        if !self.decoder.spoke() {
            return self.fail(UpstreamErrorKind::Empty, "the API answered with nothing");
        }
        let mut events = Vec::new();
        self.decoder.finish(&mut events);
        self.ready.extend(events);
        self.done = true;
    }

    fn fail(&mut self, before_output: UpstreamErrorKind, detail: &str) {
        if self.failure.is_none() {
            let kind = if self.decoder.spoke() { UpstreamErrorKind::Interrupted } else { before_output };
            self.failure = Some(UpstreamError::new(kind, detail));
        }
    }

    fn break_off(&mut self, broken: &BodyReadError) {
        let spoke = self.decoder.spoke();
        self.failure = Some(if spoke { broken.after_output() } else { broken.before_output() });
    }
}

impl Stream for EventStream {
    type Item = Result<Event, UpstreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        ready!(stream.poll_fill(cx));
        if let Some(event) = stream.ready.pop_front() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(mut failure) = stream.failure.take() else { return Poll::Ready(None) };
        stream.source = None;
        failure.partial_usage = Some(stream.decoder.usage());
        Poll::Ready(Some(Err(failure)))
    }
}
