//! A running reply: no task and no channel of its own. Dropping it ends the call.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::Stream;
use futures_util::future::poll_fn;

use super::text::{End, Shaped, Shaper};
use crate::chat::{Event, FinishReason, Usage};
use crate::upstreams::tools::Question;
use crate::upstreams::transport::aside;
use crate::upstreams::transport::body::{BodyReadError, BodyReader};
use crate::upstreams::transport::prompt::PromptTokens;
use crate::upstreams::{UpstreamError, UpstreamErrorKind};

/// The events of one reply.
pub(super) struct ReplyStream {
    /// `None` once nothing more is read.
    source: Option<BodyReader>,
    /// `None` while it works on another thread.
    shaper: Option<Shaper>,
    prompt: PromptTokens,
    events: VecDeque<Event>,
    stage: Stage,
    spoke: bool,
    again: Option<Again>,
}

/// The whole text of a second reply.
pub(super) type Asking = Pin<Box<dyn Future<Output = Result<String, UpstreamError>> + Send>>;
/// Asks the model once more, where a call to the upstream is left for that.
pub(super) type Again = Box<dyn FnOnce(Question) -> Asking + Send>;

/// What a [`Shaper`] does on a thread for blocking work.
type Shaping = Pin<Box<dyn Future<Output = (Shaper, Shaped)> + Send>>;

enum Stage {
    Reading,
    Shaping(Shaping),
    Asking(Asking),
    Finishing(FinishReason),
    Failing(UpstreamError),
    Over,
}

impl ReplyStream {
    /// A reply that comes in pieces.
    pub(super) fn pieces(
        source: BodyReader,
        shaper: Shaper,
        prompt: PromptTokens,
        again: Option<Again>,
    ) -> Self {
        Self::new(Some(source), shaper, prompt, again)
    }

    /// A reply that is all there.
    pub(super) fn whole(text: &str, shaper: Shaper, prompt: PromptTokens, again: Option<Again>) -> Self {
        let mut shaper = shaper.unquoted();
        let shaped = shaper.push(text.as_bytes());
        let mut stream = Self::new(None, shaper, prompt, again);
        stream.take(shaped);
        stream
    }

    fn new(source: Option<BodyReader>, shaper: Shaper, prompt: PromptTokens, again: Option<Again>) -> Self {
        let (events, stage) = (VecDeque::new(), Stage::Reading);
        Self { source, shaper: Some(shaper), prompt, events, stage, spoke: false, again }
    }

    /// Waits for the first event, so that a failure before it can still be answered by another account.
    pub(super) async fn primed(mut self) -> Result<Self, UpstreamError> {
        match poll_fn(|cx| self.poll_event(cx)).await {
            Some(Ok(event)) => self.events.push_front(event),
            Some(Err(failure)) => return Err(failure),
            None => return Err(empty()),
        }
        Ok(self)
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, UpstreamError>>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Reading => {
                    self.stage = Stage::Reading;
                    ready!(self.poll_read(cx));
                }
                Stage::Asking(mut asking) => {
                    let Poll::Ready(reply) = asking.as_mut().poll(cx) else {
                        self.stage = Stage::Asking(asking);
                        return Poll::Pending;
                    };
                    let reply = reply.ok();
                    self.offload(|shaper| shaper.answer(reply));
                }
                Stage::Shaping(mut shaping) => {
                    let Poll::Ready((shaper, shaped)) = shaping.as_mut().poll(cx) else {
                        self.stage = Stage::Shaping(shaping);
                        return Poll::Pending;
                    };
                    self.shaper = Some(shaper);
                    self.stage = Stage::Reading;
                    self.take(shaped);
                }
                Stage::Finishing(finish) => {
                    let Poll::Ready(usage) = self.poll_usage(cx) else {
                        self.stage = Stage::Finishing(finish);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Some(Ok(Event::Done { finish, usage })));
                }
                Stage::Failing(mut failure) => {
                    if self.spoke {
                        let Poll::Ready(usage) = self.poll_usage(cx) else {
                            self.stage = Stage::Failing(failure);
                            return Poll::Pending;
                        };
                        failure.partial_usage = Some(usage);
                    }
                    return Poll::Ready(Some(Err(failure)));
                }
                Stage::Over => return Poll::Ready(None),
            }
        }
    }

    fn poll_usage(&mut self, cx: &mut Context<'_>) -> Poll<Usage> {
        let prompt_tokens = ready!(self.prompt.poll(cx));
        let usage = self.shaper.as_ref().map(|shaper| shaper.usage(prompt_tokens));
        Poll::Ready(usage.unwrap_or_default())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let chunk = match &mut self.source {
            Some(source) => ready!(source.poll_chunk(cx)),
            None => Ok(None),
        };
        match chunk {
            Ok(Some(bytes)) => self.shape(|shaper| shaper.push(&bytes)),
            Ok(None) if self.shaper.as_ref().is_some_and(Shaper::finishes_slowly) => {
                self.offload(Shaper::finish);
            }
            Ok(None) => self.shape(Shaper::finish),
            Err(broken) => self.break_off(&broken),
        }
        Poll::Ready(())
    }

    fn shape(&mut self, work: impl FnOnce(&mut Shaper) -> Shaped) {
        let Some(shaped) = self.shaper.as_mut().map(work) else { return };
        self.take(shaped);
    }

    /// Lets a thread for blocking work do it.
    fn offload(&mut self, work: impl FnOnce(&mut Shaper) -> Shaped + Send + 'static) {
        let Some(mut shaper) = self.shaper.take() else { return };
        self.stage = Stage::Shaping(Box::pin(aside::offload(move || {
            let shaped = work(&mut shaper);
            (shaper, shaped)
        })));
    }

    fn take(&mut self, shaped: Shaped) {
        let Shaped { events, end } = shaped;
        match end {
            None if self.shaper.as_ref().is_some_and(Shaper::is_postponed) => self.offload(Shaper::resume),
            None => {}
            Some(End::Finish(_) | End::Again(_)) if !self.heard() => {
                self.end(Stage::Failing(empty()));
            }
            Some(End::Finish(finish)) => self.end(Stage::Finishing(finish)),
            Some(End::Again(question)) => {
                self.speak(events);
                return self.ask_again(question);
            }
            Some(End::Invalid) if self.spoke || !is_nothing(&events) => {
                self.end(Stage::Failing(not_text(UpstreamErrorKind::Interrupted)));
            }
            Some(End::Invalid) => return self.end(Stage::Failing(not_text(UpstreamErrorKind::BadResponse))),
        }
        self.speak(events);
    }

    /// Whether the upstream said anything.
    fn heard(&self) -> bool {
        self.shaper.as_ref().is_some_and(Shaper::heard)
    }

    fn speak(&mut self, events: Vec<Event>) {
        self.spoke |= !events.is_empty();
        self.events.extend(events);
    }

    fn ask_again(&mut self, question: Question) {
        match self.again.take() {
            Some(again) => self.end(Stage::Asking(again(question))),
            None => self.shape(|shaper| shaper.answer(None)),
        }
    }

    fn break_off(&mut self, broken: &BodyReadError) {
        let failure = if self.spoke { broken.after_output() } else { broken.before_output() };
        self.end(Stage::Failing(failure));
    }

    fn end(&mut self, stage: Stage) {
        self.source = None;
        self.stage = stage;
    }
}

impl Stream for ReplyStream {
    type Item = Result<Event, UpstreamError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

/// Whether there is no more than the mark of bytes that are no text.
fn is_nothing(events: &[Event]) -> bool {
    matches!(events, [Event::Text(text)] if *text == char::REPLACEMENT_CHARACTER.to_string())
}

fn empty() -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Empty, "the site answered with nothing")
}

fn not_text(kind: UpstreamErrorKind) -> UpstreamError {
    UpstreamError::new(kind, "the answer is not valid UTF-8 text")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use futures_util::{StreamExt, stream};
    use reqwest::Body;
    use tokio::time::Instant;

    use super::*;
    use crate::chat::Request;

    enum Then {
        End,
        Hang,
        Break,
    }

    fn request(stream: bool, stop: &[&str]) -> Request {
        let stop = stop.iter().map(|&stop| stop.to_owned()).collect();
        Request { stream, stop, ..Request::default() }
    }

    fn reply(request: &Request, pieces: &[&'static [u8]], then: Then) -> ReplyStream {
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
        ReplyStream::pieces(source, Shaper::new(request), PromptTokens::Known(7), None)
    }

    async fn all(stream: ReplyStream) -> Result<(Vec<String>, Result<Event, UpstreamError>), UpstreamError> {
        let mut events: Vec<_> = stream.primed().await?.collect().await;
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
    async fn each_piece_is_one_event_and_the_end_carries_the_usage() {
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
    async fn a_stop_sequence_ends_the_call_without_waiting_for_its_end() {
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
