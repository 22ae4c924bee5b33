//! Pipeline from a reply's bytes to text events. Pure: no I/O, no clock.

use prompted_tools::{RepairPrompt, ReplyParser, ReplyPart};
use protocol::{
    Event, FinishReason, InvalidUtf8, Request, StopFilterOutput, StopSequenceFilter, TokenCounter, Usage,
    Utf8StreamDecoder,
};

/// Largest quoted reply that is collected and unquoted, bytes. A larger one passes unchanged.
const MAX_QUOTED_BYTES: usize = 64 * 1024 * 1024;
const REPAIRED_NOTE: &str = "asked_again";

/// Result of processing some bytes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct TextOutput {
    /// Events that can be sent now.
    pub(super) events: Vec<Event>,
    pub(super) end: Option<End>,
}

/// Reason why no events follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Finish(FinishReason),
    /// The reply has ended and needs a follow-up call.
    Repair(RepairPrompt),
    /// The bytes are not UTF-8.
    Invalid,
}

/// Pipeline of one reply. It decodes UTF-8, unquotes a collected reply, separates reasoning and tool calls from text,
/// and applies stop sequences and the token limit, which concern text only: no call is cut.
pub(super) struct TextPipeline {
    decoder: Utf8StreamDecoder,
    unquote: UnquoteState,
    parser: ReplyParser,
    stop_filter: StopSequenceFilter,
    max_tokens: Option<u64>,
    output_tokens: TokenCounter,
    reasoning_tokens: TokenCounter,
    in_reasoning: bool,
    received_bytes: usize,
    received_any: bool,
    repaired: bool,
}

/// State of unquoting: the site sometimes sends the whole text as one JSON string if no stream was requested.
enum UnquoteState {
    Off,
    /// Only whitespace has arrived.
    Undecided,
    Buffering(String),
}

impl TextPipeline {
    pub(super) fn new(request: &Request) -> Self {
        Self {
            decoder: Utf8StreamDecoder::new(),
            unquote: if request.stream { UnquoteState::Off } else { UnquoteState::Undecided },
            parser: ReplyParser::new(request),
            stop_filter: StopSequenceFilter::new(&request.stop),
            max_tokens: request.max_tokens,
            output_tokens: TokenCounter::new(request.max_tokens),
            reasoning_tokens: TokenCounter::new(request.max_tokens),
            in_reasoning: false,
            received_bytes: 0,
            received_any: false,
            repaired: false,
        }
    }

    /// Turns unquoting off, for text that is known to be the reply itself.
    pub(super) fn without_unquoting(mut self) -> Self {
        self.unquote = UnquoteState::Off;
        self
    }

    /// Processes the next bytes. Slow work is postponed, see [`TextPipeline::is_postponed`].
    pub(super) fn push(&mut self, bytes: &[u8]) -> TextOutput {
        self.received_bytes += bytes.len();
        match self.decoder.push(bytes) {
            Ok(text) => {
                let text = self.unquote.pass(text);
                self.push_text(text)
            }
            Err(error) => self.finish_invalid(error),
        }
    }

    /// Whether so many more bytes may reach the token limit, and the tokenizer that finds it is not loaded. A token is at
    /// least one byte long.
    pub(super) fn needs_tokenizer(&self, bytes: usize) -> bool {
        let may_reach = |max| (self.received_bytes + bytes) as u64 > max;
        self.max_tokens.is_some_and(may_reach) && !self.output_tokens.is_tokenizer_loaded()
    }

    /// Whether work is postponed until [`TextPipeline::resume`], to be called on a blocking thread.
    pub(super) fn is_postponed(&self) -> bool {
        self.parser.is_postponed()
    }

    /// Executes the postponed work of [`TextPipeline::push`].
    pub(super) fn resume(&mut self) -> TextOutput {
        let (mut parts, mut output) = (Vec::new(), TextOutput::default());
        self.parser.resume(&mut parts);
        self.emit_parts(parts, &mut output);
        if self.parser.is_over() {
            self.conclude(&mut output);
        }
        output
    }

    /// Whether [`TextPipeline::finish`] may be slow and is to be called on a blocking thread.
    pub(super) fn is_finish_slow(&self) -> bool {
        self.parser.is_finish_slow()
    }

    /// Processes the end of the reply.
    pub(super) fn finish(&mut self) -> TextOutput {
        if let Err(error) = self.decoder.finish() {
            return self.finish_invalid(error);
        }
        let last = self.unquote.finish();
        let mut output = self.push_text(last);
        if output.end.is_none() {
            let mut parts = Vec::new();
            let question = self.parser.finish(&mut parts);
            self.emit_parts(parts, &mut output);
            match question.filter(|_| output.end.is_none()) {
                Some(question) => output.end = Some(End::Repair(question)),
                None => self.conclude(&mut output),
            }
        }
        output
    }

    /// Processes the reply of the follow-up call; `None` if the call was not possible. May be slow if there is a reply.
    pub(super) fn receive_repair(&mut self, reply: Option<String>) -> TextOutput {
        self.repaired |= reply.is_some();
        let (mut parts, mut output) = (Vec::new(), TextOutput::default());
        self.parser.receive_repair(reply, &mut parts);
        self.emit_parts(parts, &mut output);
        self.conclude(&mut output);
        output
    }

    /// The usage of all events that were sent.
    pub(super) fn usage(&self, prompt_tokens: u64) -> Usage {
        let reasoning_tokens = self.reasoning_tokens.total();
        Usage {
            prompt_tokens,
            completion_tokens: self.output_tokens.total() + reasoning_tokens,
            reasoning_tokens,
            estimated: true,
            note: self.parser.note().or(self.repaired.then_some(REPAIRED_NOTE)),
            ..Usage::default()
        }
    }

    /// Whether the upstream sent any text, even if no event was sent.
    pub(super) fn received_any(&self) -> bool {
        self.received_any
    }

    fn push_text(&mut self, text: String) -> TextOutput {
        let mut output = TextOutput::default();
        if !text.is_empty() {
            self.received_any = true;
            let mut parts = Vec::new();
            self.parser.push(text, &mut parts);
            self.emit_parts(parts, &mut output);
            if self.parser.is_over() {
                self.conclude(&mut output);
            }
        }
        output
    }

    fn emit_parts(&mut self, parts: Vec<ReplyPart>, output: &mut TextOutput) {
        for piece in parts {
            if output.end.is_some() {
                return;
            }
            match piece {
                ReplyPart::Reasoning(thought) => self.emit_reasoning(thought, output),
                ReplyPart::Text(text) => {
                    let StopFilterOutput { text, matched: met } = self.stop_filter.push(text);
                    self.emit_text(text, output);
                    if let Some(stop) = met.filter(|_| output.end.is_none()) {
                        let called = self.parser.called();
                        let finish =
                            if called { FinishReason::ToolCalls } else { FinishReason::StopSequence(stop) };
                        output.end = Some(End::Finish(finish));
                    }
                }
                ReplyPart::Call { name, arguments } => self.emit_call(name, arguments, output),
            }
        }
    }

    fn emit_reasoning(&mut self, thought: String, output: &mut TextOutput) {
        self.in_reasoning = true;
        let admitted = self.reasoning_tokens.push(thought);
        if !admitted.text.is_empty() {
            output.events.push(Event::Reasoning(admitted.text));
        }
        if admitted.limit_reached {
            output.end = Some(End::Finish(FinishReason::Length));
        }
    }

    fn emit_text(&mut self, text: String, output: &mut TextOutput) {
        if text.is_empty() {
            return;
        }
        self.end_reasoning();
        let admitted = self.output_tokens.push(text);
        if !admitted.text.is_empty() {
            output.events.push(Event::Text(admitted.text));
        }
        if admitted.limit_reached {
            output.end = Some(End::Finish(FinishReason::Length));
        }
    }

    fn emit_call(&mut self, name: String, arguments: String, output: &mut TextOutput) {
        let held = self.stop_filter.finish();
        self.emit_text(held, output);
        if output.end.is_some() {
            return;
        }
        self.end_reasoning();
        if self.output_tokens.push(format!("{name}{arguments}")).limit_reached {
            output.end = Some(End::Finish(FinishReason::Length));
            return;
        }
        output.events.push(Event::Call { id: call_id(), name });
        output.events.push(Event::CallArguments(arguments));
    }

    /// Ends the reasoning. It counts against the token limit too.
    fn end_reasoning(&mut self) {
        if std::mem::take(&mut self.in_reasoning) {
            let left = self.max_tokens.map(|max| max.saturating_sub(self.reasoning_tokens.total()));
            self.output_tokens = TokenCounter::new(left);
        }
    }

    fn conclude(&mut self, output: &mut TextOutput) {
        if output.end.is_none() {
            let held = self.stop_filter.finish();
            self.emit_text(held, output);
        }
        if output.end.is_none() {
            let finish = if self.parser.called() { FinishReason::ToolCalls } else { FinishReason::Stop };
            output.end = Some(End::Finish(finish));
        }
    }

    fn finish_invalid(&mut self, error: InvalidUtf8) -> TextOutput {
        let mut held = self.unquote.pass(error.text);
        held.push_str(&self.unquote.finish());
        let mut output = self.push_text(held);
        if output.end.is_none() {
            let mut parts = Vec::new();
            if self.parser.finish(&mut parts).is_some() {
                self.parser.receive_repair(None, &mut parts);
            }
            self.emit_parts(parts, &mut output);
        }
        if output.end.is_none() {
            let rest = self.stop_filter.finish();
            self.emit_text(rest, &mut output);
            output.end = Some(End::Invalid);
        }
        output
    }
}

/// Random id of a tool call: unique within a conversation, and valid in every dialect.
fn call_id() -> String {
    let mut random = [0; 12];
    getrandom::fill(&mut random).expect("the operating system has a source of random bytes");
    format!("call_{}", hex::encode(random))
}

impl UnquoteState {
    /// Returns the part of the text that need not wait.
    fn pass(&mut self, text: String) -> String {
        match self {
            Self::Off => text,
            Self::Undecided => match text.trim_start().chars().next() {
                None => text,
                Some('"') => {
                    *self = Self::Buffering(text);
                    String::new()
                }
                Some(_) => {
                    *self = Self::Off;
                    text
                }
            },
            Self::Buffering(held) => {
                held.push_str(&text);
                if held.len() <= MAX_QUOTED_BYTES { String::new() } else { self.release() }
            }
        }
    }

    fn release(&mut self) -> String {
        match std::mem::replace(self, Self::Off) {
            Self::Buffering(held) => held,
            Self::Off | Self::Undecided => String::new(),
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

    fn texts(shaped: TextOutput) -> (Vec<String>, Option<End>) {
        let texts = shaped.events.into_iter().map(|event| match event {
            Event::Text(text) => text,
            other => format!("{other:?}"),
        });
        (texts.collect(), shaped.end)
    }

    fn run(request: &Request, chunks: &[&[u8]]) -> (Vec<String>, End) {
        let mut shaper = TextPipeline::new(request);
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
    fn f20_a_truncated_character_becomes_a_replacement_character() {
        let (texts, end) = run(&request(true, None, &["zz"]), &[b"ok z", b"\xf0\x9f"]);
        assert_eq!((texts.concat().as_str(), end), ("ok z\u{fffd}", End::Invalid));
        let (texts, end) = run(&request(true, None, &[]), &[b"ok \xff", b"more"]);
        assert_eq!((texts.concat().as_str(), end), ("ok \u{fffd}", End::Invalid));
    }

    #[test]
    fn a_quoted_complete_reply_is_unquoted() {
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
    fn stop_and_length_are_distinguished() {
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
