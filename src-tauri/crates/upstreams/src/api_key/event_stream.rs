//! Translated reply: decodes the host's chunks into events. Dropping it ends the call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::decode::{ChunkDecoder, ChunkOutcome};
use super::error_mapping;
use super::line_buffer::{LineBuffer, data_payload};
use crate::transport::body::{BodyReadError, BodyReader};
use crate::{UpstreamError, UpstreamErrorKind};
use protocol::Event;
use storage::secrets::Secret;

/// The events of one reply.
pub(super) struct EventStream {
    /// The body; `None` after its end.
    reader: Option<BodyReader>,
    line_buffer: LineBuffer,
    decoder: ChunkDecoder,
    secret: Secret,
    pending: VecDeque<Event>,
    failure: Option<UpstreamError>,
    done: bool,
}

impl EventStream {
    /// Creates the stream of a streamed reply.
    pub(super) fn from_stream(source: BodyReader, secret: Secret, decoder: ChunkDecoder) -> Self {
        let lines = LineBuffer::default();
        Self {
            reader: Some(source),
            line_buffer: lines,
            decoder,
            secret,
            pending: VecDeque::new(),
            failure: None,
            done: false,
        }
    }

    /// Creates the stream of a complete reply.
    ///
    /// # Errors
    /// The reply is empty.
    pub(super) fn from_complete(
        body: &Bytes,
        secret: Secret,
        decoder: ChunkDecoder,
    ) -> Result<Self, UpstreamError> {
        let lines = LineBuffer::default();
        let mut stream = Self {
            reader: None,
            line_buffer: lines,
            decoder,
            secret,
            pending: VecDeque::new(),
            failure: None,
            done: false,
        };
        stream.push_event(body);
        stream.end();
        match stream.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(stream),
        }
    }

    /// The model that answers, by the host's name; known from the first event on.
    pub(super) fn model(&self) -> Option<&str> {
        self.decoder.model()
    }

    /// Waits for the first event, so that a failure before it can still be answered by another account.
    pub(super) async fn wait_for_first_event(mut self, deadline: Instant) -> Result<Self, UpstreamError> {
        let late = || UpstreamError::new(UpstreamErrorKind::Timeout, "the API did not answer in time");
        let fill = poll_fn(|cx| self.poll_until_pending(cx));
        timeout_at(deadline, fill).await.map_err(|_| late())?;
        match self.failure.take_if(|_| self.pending.is_empty()) {
            Some(failure) => Err(failure),
            None => Ok(self),
        }
    }

    /// Reads until there is an event, a failure or the end.
    fn poll_until_pending(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.pending.is_empty() && self.failure.is_none() {
            let Some(source) = &mut self.reader else { break };
            match ready!(source.poll_chunk(cx)) {
                Ok(Some(bytes)) => match self.line_buffer.push(bytes) {
                    Ok(whole) => self.push_lines(&whole),
                    Err(_) => self
                        .fail(UpstreamErrorKind::BadResponse, "an event of the answer is larger than 32 MB"),
                },
                Ok(None) => {
                    let last = self.line_buffer.finish();
                    self.push_lines(&last);
                    if !self.done {
                        self.fail(UpstreamErrorKind::Empty, "the reply ended without its end mark");
                    }
                    self.reader = None;
                }
                Err(broken) => self.fail_body(&broken),
            }
        }
        Poll::Ready(())
    }

    fn push_lines(&mut self, whole: &[u8]) {
        for line in whole.split(|byte| *byte == b'\n') {
            if self.done || self.failure.is_some() {
                return;
            }
            match data_payload(line) {
                Some(b"[DONE]") => self.end(),
                Some(payload) if !payload.is_empty() => self.push_event(payload),
                Some(_) | None => {}
            }
        }
    }

    fn push_event(&mut self, payload: &[u8]) {
        let Ok(json) = serde_json::from_slice::<Value>(payload) else {
            return self.fail(UpstreamErrorKind::BadResponse, "an event of the answer is not JSON");
        };
        let mut events = Vec::new();
        match self.decoder.push(json, &mut events) {
            ChunkOutcome::Decoded => self.pending.extend(events),
            ChunkOutcome::Error(error) => {
                let failure = error_mapping::stream_error(&error, &self.secret, self.decoder.has_output());
                self.failure = Some(failure);
            }
        }
    }

    fn end(&mut self) {
        if !self.decoder.has_output() {
            return self.fail(UpstreamErrorKind::Empty, "the API answered with nothing");
        }
        let mut events = Vec::new();
        self.decoder.finish(&mut events);
        self.pending.extend(events);
        self.done = true;
    }

    fn fail(&mut self, before_output: UpstreamErrorKind, detail: &str) {
        if self.failure.is_none() {
            let kind = if self.decoder.has_output() { UpstreamErrorKind::Interrupted } else { before_output };
            self.failure = Some(UpstreamError::new(kind, detail));
        }
    }

    fn fail_body(&mut self, broken: &BodyReadError) {
        let spoke = self.decoder.has_output();
        self.failure = Some(if spoke { broken.after_output() } else { broken.before_output() });
    }
}

impl Stream for EventStream {
    type Item = Result<Event, UpstreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let stream = self.get_mut();
        ready!(stream.poll_until_pending(cx));
        if let Some(event) = stream.pending.pop_front() {
            return Poll::Ready(Some(Ok(event)));
        }
        let Some(mut failure) = stream.failure.take() else { return Poll::Ready(None) };
        stream.reader = None;
        failure.partial_usage = Some(stream.decoder.usage());
        Poll::Ready(Some(Err(failure)))
    }
}
