//! What happens to a reply's bytes on their way to text events. Pure: no I/O, no clock.

use crate::chat::{
    Event, FinishReason, InvalidUtf8, Request, StopFilterOutput, StopSequenceFilter, TokenCounter, Usage,
    Utf8StreamDecoder,
};
use crate::upstreams::tools::{Heard, Hearing, Question};

/// A reply in quotes is held as a whole up to this size; a longer one passes as it is.
const MAX_QUOTED_BYTES: usize = 64 * 1024 * 1024;
const ASKED_AGAIN: &str = "asked_again";

/// What some bytes became.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Shaped {
    /// What can go out now.
    pub(super) events: Vec<Event>,
    pub(super) end: Option<End>,
}

/// Why nothing comes after these events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Finish(FinishReason),
    /// The reply is over, and something in it has to be asked for once more.
    Again(Question),
    /// The bytes are not UTF-8.
    Invalid,
}

/// Joins characters, takes off the quotes of a collected reply, tells thoughts and calls from text, and honours stop
/// sequences and the token limit: they are about the text, and no call is cut in half.
pub(super) struct Shaper {
    joiner: Utf8StreamDecoder,
    quotes: Quotes,
    hearing: Hearing,
    cutter: StopSequenceFilter,
    max_tokens: Option<u64>,
    meter: TokenCounter,
    thoughts: TokenCounter,
    thinking: bool,
    heard: bool,
    asked_again: bool,
}

/// The site sometimes answers with the whole text as one JSON string, where the client asked for no stream.
enum Quotes {
    Ignored,
    /// Nothing but perhaps whitespace came.
    Awaited,
    Held(String),
}

impl Shaper {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            joiner: Utf8StreamDecoder::new(),
            quotes: if request.stream { Quotes::Ignored } else { Quotes::Awaited },
            hearing: Hearing::of(request),
            cutter: StopSequenceFilter::new(&request.stop),
            max_tokens: request.max_tokens,
            meter: TokenCounter::new(request.max_tokens),
            thoughts: TokenCounter::new(request.max_tokens),
            thinking: false,
            heard: false,
            asked_again: false,
        }
    }

    /// For text that is known to be the reply itself.
    pub(super) fn unquoted(mut self) -> Self {
        self.quotes = Quotes::Ignored;
        self
    }

    /// Takes the next bytes. What would take long is postponed: see [`Shaper::is_postponed`].
    pub(super) fn push(&mut self, bytes: &[u8]) -> Shaped {
        match self.joiner.push(bytes) {
            Ok(text) => {
                let text = self.quotes.pass(text);
                self.hear(text)
            }
            Err(error) => self.invalid(error),
        }
    }

    /// Whether something waits for [`Shaper::resume`], to be called on a thread for blocking work.
    pub(super) fn is_postponed(&self) -> bool {
        self.hearing.is_postponed()
    }

    /// Does what [`Shaper::push`] postponed because it takes long.
    pub(super) fn resume(&mut self) -> Shaped {
        let (mut heard, mut shaped) = (Vec::new(), Shaped::default());
        self.hearing.resume(&mut heard);
        self.shape(heard, &mut shaped);
        if self.hearing.is_over() {
            self.conclude(&mut shaped);
        }
        shaped
    }

    /// Whether [`Shaper::finish`] may take long, so that it belongs on a thread for blocking work.
    pub(super) fn finishes_slowly(&self) -> bool {
        self.hearing.finishes_slowly()
    }

    /// Says that the reply is over.
    pub(super) fn finish(&mut self) -> Shaped {
        if let Err(error) = self.joiner.finish() {
            return self.invalid(error);
        }
        let last = self.quotes.finish();
        let mut shaped = self.hear(last);
        if shaped.end.is_none() {
            let mut heard = Vec::new();
            let question = self.hearing.finish(&mut heard);
            self.shape(heard, &mut shaped);
            match question.filter(|_| shaped.end.is_none()) {
                Some(question) => shaped.end = Some(End::Again(question)),
                None => self.conclude(&mut shaped),
            }
        }
        shaped
    }

    /// Takes what was answered to the question of [`End::Again`]; `None` where it could not be asked. May take long where
    /// there is an answer.
    pub(super) fn answer(&mut self, reply: Option<String>) -> Shaped {
        self.asked_again |= reply.is_some();
        let (mut heard, mut shaped) = (Vec::new(), Shaped::default());
        self.hearing.answer(reply, &mut heard);
        self.shape(heard, &mut shaped);
        self.conclude(&mut shaped);
        shaped
    }

    /// The tokens of all that went out, and what the log has to know.
    pub(super) fn usage(&self, prompt_tokens: u64) -> Usage {
        let reasoning_tokens = self.thoughts.total();
        Usage {
            prompt_tokens,
            completion_tokens: self.meter.total() + reasoning_tokens,
            reasoning_tokens,
            estimated: true,
            note: self.hearing.note().or(self.asked_again.then_some(ASKED_AGAIN)),
            ..Usage::default()
        }
    }

    /// Whether the upstream said anything, even if nothing of it went out.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    fn hear(&mut self, text: String) -> Shaped {
        let mut shaped = Shaped::default();
        if !text.is_empty() {
            self.heard = true;
            let mut heard = Vec::new();
            self.hearing.push(text, &mut heard);
            self.shape(heard, &mut shaped);
            if self.hearing.is_over() {
                self.conclude(&mut shaped);
            }
        }
        shaped
    }

    fn shape(&mut self, heard: Vec<Heard>, shaped: &mut Shaped) {
        for piece in heard {
            if shaped.end.is_some() {
                return;
            }
            match piece {
                Heard::Reasoning(thought) => self.think(thought, shaped),
                Heard::Text(text) => {
                    let StopFilterOutput { text, matched: met } = self.cutter.push(text);
                    self.say(text, shaped);
                    if let Some(stop) = met.filter(|_| shaped.end.is_none()) {
                        let called = self.hearing.called();
                        let finish =
                            if called { FinishReason::ToolCalls } else { FinishReason::StopSequence(stop) };
                        shaped.end = Some(End::Finish(finish));
                    }
                }
                Heard::Call { name, arguments } => self.call(name, arguments, shaped),
            }
        }
    }

    fn think(&mut self, thought: String, shaped: &mut Shaped) {
        self.thinking = true;
        let admitted = self.thoughts.push(thought);
        if !admitted.text.is_empty() {
            shaped.events.push(Event::Reasoning(admitted.text));
        }
        if admitted.limit_reached {
            shaped.end = Some(End::Finish(FinishReason::Length));
        }
    }

    fn say(&mut self, text: String, shaped: &mut Shaped) {
        if text.is_empty() {
            return;
        }
        self.speak();
        let admitted = self.meter.push(text);
        if !admitted.text.is_empty() {
            shaped.events.push(Event::Text(admitted.text));
        }
        if admitted.limit_reached {
            shaped.end = Some(End::Finish(FinishReason::Length));
        }
    }

    fn call(&mut self, name: String, arguments: String, shaped: &mut Shaped) {
        let held = self.cutter.finish();
        self.say(held, shaped);
        if shaped.end.is_some() {
            return;
        }
        self.speak();
        if self.meter.push(format!("{name}{arguments}")).limit_reached {
            shaped.end = Some(End::Finish(FinishReason::Length));
            return;
        }
        shaped.events.push(Event::Call { id: call_id(), name });
        shaped.events.push(Event::CallArguments(arguments));
    }

    /// What was thought counts against the limit too.
    fn speak(&mut self) {
        if std::mem::take(&mut self.thinking) {
            let left = self.max_tokens.map(|max| max.saturating_sub(self.thoughts.total()));
            self.meter = TokenCounter::new(left);
        }
    }

    fn conclude(&mut self, shaped: &mut Shaped) {
        if shaped.end.is_none() {
            let held = self.cutter.finish();
            self.say(held, shaped);
        }
        if shaped.end.is_none() {
            let finish = if self.hearing.called() { FinishReason::ToolCalls } else { FinishReason::Stop };
            shaped.end = Some(End::Finish(finish));
        }
    }

    fn invalid(&mut self, error: InvalidUtf8) -> Shaped {
        let mut held = self.quotes.pass(error.text);
        held.push_str(&self.quotes.finish());
        let mut shaped = self.hear(held);
        if shaped.end.is_none() {
            let mut heard = Vec::new();
            if self.hearing.finish(&mut heard).is_some() {
                self.hearing.answer(None, &mut heard);
            }
            self.shape(heard, &mut shaped);
        }
        if shaped.end.is_none() {
            let rest = self.cutter.finish();
            self.say(rest, &mut shaped);
            shaped.end = Some(End::Invalid);
        }
        shaped
    }
}

/// Unique over a conversation, and the same in every dialect.
fn call_id() -> String {
    let mut random = [0; 12];
    getrandom::fill(&mut random).expect("the operating system has a source of random bytes");
    random.iter().fold("call_".to_owned(), |id, byte| format!("{id}{byte:02x}"))
}

impl Quotes {
    /// What of the text need not wait.
    fn pass(&mut self, text: String) -> String {
        match self {
            Self::Ignored => text,
            Self::Awaited => match text.trim_start().chars().next() {
                None => text,
                Some('"') => {
                    *self = Self::Held(text);
                    String::new()
                }
                Some(_) => {
                    *self = Self::Ignored;
                    text
                }
            },
            Self::Held(held) => {
                held.push_str(&text);
                if held.len() <= MAX_QUOTED_BYTES { String::new() } else { self.release() }
            }
        }
    }

    fn release(&mut self) -> String {
        match std::mem::replace(self, Self::Ignored) {
            Self::Held(held) => held,
            Self::Ignored | Self::Awaited => String::new(),
        }
    }

    fn finish(&mut self) -> String {
        let held = self.release();
        serde_json::from_str(&held).unwrap_or(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(stream: bool, max_tokens: Option<u64>, stop: &[&str]) -> Request {
        let stop = stop.iter().map(|&stop| stop.to_owned()).collect();
        Request { stream, max_tokens, stop, ..Request::default() }
    }

    fn texts(shaped: Shaped) -> (Vec<String>, Option<End>) {
        let texts = shaped.events.into_iter().map(|event| match event {
            Event::Text(text) => text,
            other => format!("{other:?}"),
        });
        (texts.collect(), shaped.end)
    }

    fn run(request: &Request, chunks: &[&[u8]]) -> (Vec<String>, End) {
        let mut shaper = Shaper::new(request);
        let mut all = Vec::new();
        for chunk in chunks {
            let (texts, end) = texts(shaper.push(chunk));
            all.extend(texts);
            if let Some(end) = end {
                return (all, end);
            }
        }
        let (texts, end) = texts(shaper.finish());
        all.extend(texts);
        (all, end.expect("finish always ends"))
    }

    const STOPPED: End = End::Finish(FinishReason::Stop);
    const FULL: End = End::Finish(FinishReason::Length);

    #[test]
    fn each_chunk_passes_at_once() {
        let (texts, end) = run(&request(true, None, &[]), &[b"one ", b"two", b""]);
        assert_eq!((texts.join("|").as_str(), end), ("one |two", STOPPED));
    }

    #[test]
    fn f20_a_cut_character_ends_in_a_replacement() {
        let (texts, end) = run(&request(true, None, &["zz"]), &[b"ok z", b"\xf0\x9f"]);
        assert_eq!((texts.concat().as_str(), end), ("ok z\u{fffd}", End::Invalid));
        let (texts, end) = run(&request(true, None, &[]), &[b"ok \xff", b"more"]);
        assert_eq!((texts.concat().as_str(), end), ("ok \u{fffd}", End::Invalid));
    }

    #[test]
    fn a_collected_reply_in_quotes_is_unwrapped() {
        let chunks: &[&[u8]] = &[b"\"say \\\"hi\\", b"\"\\n\""];
        assert_eq!(run(&request(false, None, &[]), chunks).0, ["say \"hi\"\n"]);
        assert_eq!(run(&request(true, None, &[]), chunks).0.concat(), "\"say \\\"hi\\\"\\n\"");
    }

    #[test]
    fn quotes_that_are_part_of_the_text_stay() {
        for text in ["\"Yes\" and \"no\"", "\"open", "say \"hi\"", "\"a\"\"b\""] {
            assert_eq!(run(&request(false, None, &[]), &[text.as_bytes()]).0, [text]);
        }
    }

    #[test]
    fn stop_and_length_are_told_apart() {
        assert_eq!(
            run(&request(true, None, &["END"]), &[b"all E", b"ND more"]),
            (vec!["all ".into()], End::Finish(FinishReason::StopSequence("END".into())))
        );
        assert_eq!(run(&request(true, Some(2), &[]), &[b"one", b" two", b" three"]).1, FULL);
        assert_eq!(run(&request(true, Some(2), &[]), &[b"one", b" two"]).1, STOPPED);
        assert_eq!(run(&request(true, Some(1), &["END"]), &[b"one two END"]), (vec!["one".into()], FULL));
        assert_eq!(run(&request(true, Some(1), &["two!"]), &[b"one", b"two"]).1, FULL);
    }
}
