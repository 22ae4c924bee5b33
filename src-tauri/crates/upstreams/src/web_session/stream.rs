//! Stream of a running reply, without a task or channel of its own. Dropping it ends the call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::future::poll_fn;

use super::text_pipeline::{End, TextOutput, TextPipeline};
use crate::transport::body::{BodyReadError, BodyReader};
use crate::transport::offload;
use crate::transport::prompt_tokens::PromptTokens;
use crate::{UpstreamError, UpstreamErrorKind};
use prompted_tools::RepairPrompt;
use protocol::{Event, FinishReason, Usage};

/// The events of one reply.
pub(super) struct WebReplyStream {
    /// The body; `None` after its end.
    reader: Option<BodyReader>,
    /// A chunk that waits for the tokenizer.
    held_chunk: Option<Bytes>,
    /// `None` while the pipeline runs on another thread.
    pipeline: Option<TextPipeline>,
    prompt: PromptTokens,
    events: VecDeque<Event>,
    state: StreamState,
    has_output: bool,
    repair_call: Option<RepairCall>,
}

/// The text of a follow-up call's reply.
pub(super) type RepairFuture = Pin<Box<dyn Future<Output = Result<String, UpstreamError>> + Send>>;
/// Makes the follow-up call.
pub(super) type RepairCall = Box<dyn FnOnce(RepairPrompt) -> RepairFuture + Send>;

/// Work of the [`TextPipeline`] on a blocking thread.
type PipelineFuture = Pin<Box<dyn Future<Output = (TextPipeline, TextOutput)> + Send>>;

enum StreamState {
    Reading,
    Working(PipelineFuture),
    Repairing(RepairFuture),
    Finishing(FinishReason),
    Failed(UpstreamError),
    Closed,
}

impl WebReplyStream {
    /// Creates the stream of a streamed reply.
    pub(super) fn from_stream(
        source: BodyReader,
        shaper: TextPipeline,
        prompt: PromptTokens,
        again: Option<RepairCall>,
    ) -> Self {
        Self::new(Some(source), shaper, prompt, again)
    }

    /// Creates the stream of a complete reply.
    pub(super) fn from_complete(
        text: &str,
        shaper: TextPipeline,
        prompt: PromptTokens,
        repair_call: Option<RepairCall>,
    ) -> Self {
        let mut shaper = shaper.without_unquoting();
        let shaped = shaper.push(text.as_bytes());
        let mut stream = Self::new(None, shaper, prompt, repair_call);
        stream.receive(shaped);
        stream
    }

    fn new(
        source: Option<BodyReader>,
        shaper: TextPipeline,
        prompt: PromptTokens,
        repair_call: Option<RepairCall>,
    ) -> Self {
        let (events, stage) = (VecDeque::new(), StreamState::Reading);
        Self {
            reader: source,
            held_chunk: None,
            pipeline: Some(shaper),
            prompt,
            events,
            state: stage,
            has_output: false,
            repair_call,
        }
    }

    /// Waits for the first event, so that another account can still be tried after an earlier error.
    pub(super) async fn wait_for_first_event(mut self) -> Result<Self, UpstreamError> {
        match poll_fn(|cx| self.poll_event(cx)).await {
            Some(Ok(event)) => self.events.push_front(event),
            Some(Err(failure)) => return Err(failure),
            None => return Err(empty_reply_error()),
        }
        Ok(self)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, UpstreamError>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match std::mem::replace(&mut self.state, StreamState::Closed) {
                StreamState::Reading => {
                    self.state = StreamState::Reading;
                    ready!(self.poll_reader(cx));
                }
                StreamState::Repairing(mut asking) => {
                    let Poll::Ready(reply) = asking.as_mut().poll(cx) else {
                        self.state = StreamState::Repairing(asking);
                        return Poll::Pending;
                    };
                    let reply = reply.ok();
                    self.run_offloaded(|shaper| shaper.receive_repair(reply));
                }
                StreamState::Working(mut shaping) => {
                    let Poll::Ready((shaper, shaped)) = shaping.as_mut().poll(cx) else {
                        self.state = StreamState::Working(shaping);
                        return Poll::Pending;
                    };
                    self.pipeline = Some(shaper);
                    self.state = StreamState::Reading;
                    self.receive(shaped);
                }
                StreamState::Finishing(finish) => {
                    let Poll::Ready(usage) = self.poll_usage(cx) else {
                        self.state = StreamState::Finishing(finish);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(Ok(Event::Done { finish, usage })));
                }
                StreamState::Failed(mut failure) => {
                    if self.has_output {
                        let Poll::Ready(usage) = self.poll_usage(cx) else {
                            self.state = StreamState::Failed(failure);
                            return Poll::Pending;
                        };
                        failure.partial_usage = Some(usage);
                    }
                    return Poll::Ready(Some(Err(failure)));
                }
                StreamState::Closed => return Poll::Ready(None),
            }
        }
    }

    fn poll_usage(&mut self, cx: &mut Context<'_>) -> Poll<Usage> {
        let prompt_tokens = ready!(self.prompt.poll(cx));
        let usage = self.pipeline.as_ref().map(|shaper| shaper.usage(prompt_tokens));
        Poll::Ready(usage.unwrap_or_default())
    }

    fn poll_reader(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let chunk = match (self.held_chunk.take(), &mut self.reader) {
            (Some(held), _) => Ok(Some(held)),
            (None, Some(source)) => ready!(source.poll_chunk(cx)),
            (None, None) => Ok(None),
        };
        match chunk {
            Ok(Some(bytes)) if self.waits_for_tokenizer(bytes.len(), cx) => {
                self.held_chunk = Some(bytes);
                return Poll::Pending;
            }
            Ok(Some(bytes)) => self.run_pipeline(|shaper| shaper.push(&bytes)),
            Ok(None) if self.pipeline.as_ref().is_some_and(TextPipeline::is_finish_slow) => {
                self.run_offloaded(TextPipeline::finish);
            }
            Ok(None) => self.run_pipeline(TextPipeline::finish),
            Err(broken) => self.fail_body(&broken),
        }
        Poll::Ready(())
    }

    /// Whether the next bytes may reach the token limit while another thread loads the tokenizer.
    fn waits_for_tokenizer(&mut self, bytes: usize, cx: &mut Context<'_>) -> bool {
        self.pipeline.as_ref().is_some_and(|shaper| shaper.needs_tokenizer(bytes))
            && self.prompt.poll_tokenizer(cx).is_pending()
    }

    fn run_pipeline(&mut self, work: impl FnOnce(&mut TextPipeline) -> TextOutput) {
        let Some(shaped) = self.pipeline.as_mut().map(work) else { return };
        self.receive(shaped);
    }

    /// Runs work of the pipeline on a blocking thread.
    fn run_offloaded(&mut self, work: impl FnOnce(&mut TextPipeline) -> TextOutput + Send + 'static) {
        let Some(mut shaper) = self.pipeline.take() else { return };
        self.state = StreamState::Working(Box::pin(offload::offload(move || {
            let shaped = work(&mut shaper);
            (shaper, shaped)
        })));
    }

    fn receive(&mut self, output: TextOutput) {
        let TextOutput { events, end } = output;
        match end {
            None if self.pipeline.as_ref().is_some_and(TextPipeline::is_postponed) => {
                self.run_offloaded(TextPipeline::resume)
            }
            None => {}
            Some(End::Finish(_) | End::Repair(_)) if !self.received_any() => {
                self.set_final_state(StreamState::Failed(empty_reply_error()));
            }
            Some(End::Finish(finish)) => self.set_final_state(StreamState::Finishing(finish)),
            Some(End::Repair(question)) => {
                self.queue_events(events);
                return self.start_repair(question);
            }
            Some(End::Invalid) if self.has_output || !is_only_replacement_character(&events) => {
                self.set_final_state(StreamState::Failed(invalid_utf8_error(UpstreamErrorKind::Interrupted)));
            }
            Some(End::Invalid) => {
                return self.set_final_state(StreamState::Failed(invalid_utf8_error(
                    UpstreamErrorKind::BadResponse,
                )));
            }
        }
        self.queue_events(events);
    }

    /// Whether the upstream sent any text.
    fn received_any(&self) -> bool {
        self.pipeline.as_ref().is_some_and(TextPipeline::received_any)
    }

    fn queue_events(&mut self, events: Vec<Event>) {
        self.has_output |= !events.is_empty();
        self.events.extend(events);
    }

    fn start_repair(&mut self, question: RepairPrompt) {
        match self.repair_call.take() {
            Some(again) => self.set_final_state(StreamState::Repairing(again(question))),
            None => self.run_pipeline(|shaper| shaper.receive_repair(None)),
        }
    }

    fn fail_body(&mut self, broken: &BodyReadError) {
        let failure = if self.has_output { broken.after_output() } else { broken.before_output() };
        self.set_final_state(StreamState::Failed(failure));
    }

    fn set_final_state(&mut self, stage: StreamState) {
        self.reader = None;
        self.state = stage;
    }
}

impl Stream for WebReplyStream {
    type Item = Result<Event, UpstreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

/// Whether the events hold only the replacement character of bytes that are not UTF-8.
fn is_only_replacement_character(events: &[Event]) -> bool {
    matches!(events, [Event::Text(text)] if *text == char::REPLACEMENT_CHARACTER.to_string())
}

fn empty_reply_error() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Empty, "the site answered with nothing")
}

fn invalid_utf8_error(kind: UpstreamErrorKind) -> UpstreamError {
    UpstreamError::new(kind, "the answer is not valid UTF-8 text")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{StreamExt, stream};
    use reqwest::Body;
    use tokio::time::Instant;

    use super::*;
    use protocol::Request;

    enum Then {
        End,
        Hang,
        Break,
    }

    fn request(stream: bool, stop: &[&str]) -> Request {
        let stop = stop.iter().map(|&stop| stop.to_owned()).collect();
        Request { stream, stop, ..Request::default() }
    }

    fn reply(request: &Request, pieces: &[&'static [u8]], then: Then) -> WebReplyStream {
        let said =
            stream::iter(pieces.to_vec()).map(|piece| Ok::<_, std::io::Error>(Bytes::from_static(piece)));
        let broken = stream::iter([Err(std::io::ErrorKind::ConnectionReset.into())]);
        let body = match then {
            Then::End => Body::wrap_stream(said),
            Then::Hang => Body::wrap_stream(said.chain(stream::pending())),
            Then::Break => Body::wrap_stream(said.chain(broken)),
        };
        let first_byte = Instant::now() + Duration::from_secs(60);
        let source = BodyReader::new(body, first_byte, Duration::from_secs(120), 1000);
        WebReplyStream::from_stream(source, TextPipeline::new(request), PromptTokens::Known(7), None)
    }

    async fn all(
        stream: WebReplyStream,
    ) -> Result<(Vec<String>, Result<Event, UpstreamError>), UpstreamError> {
        let mut events: Vec<_> = stream.wait_for_first_event().await?.collect().await;
        let last = events.pop().expect("a reply has an end");
        let texts = events.into_iter().map(|event| match event.expect("only the last event is a failure") {
            Event::Text(text) => text,
            other => panic!("{other:?} in the middle"),
        });
        Ok((texts.collect(), last))
    }

    fn done(finish: FinishReason, completion_tokens: u64) -> Event {
        let usage = Usage { prompt_tokens: 7, completion_tokens, estimated: true, ..Usage::default() };
        Event::Done { finish, usage }
    }

    #[tokio::test(start_paused = true)]
    async fn each_chunk_is_one_event_and_done_carries_the_usage() {
        let (texts, last) = all(reply(&request(true, &[]), &[b"Hello", b" world"], Then::End)).await.unwrap();
        assert_eq!(texts, ["Hello", " world"]);
        assert_eq!(last.unwrap(), done(FinishReason::Stop, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn f10_an_empty_success_is_a_failure() {
        for pieces in [vec![], vec![b"" as &[u8]], vec![b"\"\""]] {
            let failure = all(reply(&request(false, &[]), &pieces, Then::End)).await.unwrap_err();
            assert_eq!(failure.kind, UpstreamErrorKind::Empty);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn f16_f17_a_stall_is_a_timeout_before_the_first_text_and_an_interruption_after() {
        let failure = all(reply(&request(true, &[]), &[], Then::Hang)).await.unwrap_err();
        assert_eq!(failure.kind, UpstreamErrorKind::Timeout);
        let (texts, last) = all(reply(&request(true, &[]), &[b"a" as &[u8]; 5], Then::Hang)).await.unwrap();
        assert_eq!(
            (texts.concat().as_str(), last.unwrap_err().kind),
            ("aaaaa", UpstreamErrorKind::Interrupted)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn f18_a_reset_is_an_interruption_and_nothing_comes_after_it() {
        let (texts, last) = all(reply(&request(true, &[]), &[b"a" as &[u8]; 5], Then::Break)).await.unwrap();
        let failure = last.unwrap_err();
        assert_eq!((texts.concat().as_str(), failure.kind), ("aaaaa", UpstreamErrorKind::Interrupted));
        let usage = failure.partial_usage.unwrap();
        assert!(usage.prompt_tokens == 7 && usage.completion_tokens > 0, "the tokens so far are kept");
        let failure = all(reply(&request(true, &[]), &[], Then::Break)).await.unwrap_err();
        assert_eq!(failure.kind, UpstreamErrorKind::Unreachable);
    }

    #[tokio::test(start_paused = true)]
    async fn f20_bytes_that_are_not_text_end_the_reply() {
        let (texts, last) = all(reply(&request(true, &[]), &[b"ok", b"\xff"], Then::Hang)).await.unwrap();
        assert_eq!(
            (texts.concat().as_str(), last.unwrap_err().kind),
            ("ok\u{fffd}", UpstreamErrorKind::Interrupted)
        );
        let failure = all(reply(&request(true, &[]), &[b"\x8b\x08"], Then::Hang)).await.unwrap_err();
        assert_eq!(failure.kind, UpstreamErrorKind::BadResponse);
    }

    #[tokio::test(start_paused = true)]
    async fn f13_a_reply_above_the_cap_is_cut_with_an_error() {
        let (texts, last) =
            all(reply(&request(true, &[]), &[&[b'x'; 600], &[b'x'; 600]], Then::End)).await.unwrap();
        assert_eq!((texts.len(), last.unwrap_err().kind), (1, UpstreamErrorKind::Interrupted));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_sequence_ends_the_call_early() {
        let (texts, last) =
            all(reply(&request(true, &["STOP"]), &[b"a ST", b"OP"], Then::Hang)).await.unwrap();
        assert_eq!(
            (texts.concat().as_str(), last.unwrap()),
            ("a ", done(FinishReason::StopSequence("STOP".into()), 2))
        );
        let (texts, last) = all(reply(&request(true, &["a"]), &[b"a"], Then::Hang)).await.unwrap();
        assert_eq!((texts.len(), last.unwrap()), (0, done(FinishReason::StopSequence("a".into()), 0)));
    }
}
