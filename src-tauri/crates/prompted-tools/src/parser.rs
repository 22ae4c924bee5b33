//! Streaming parser that separates tool calls from text, in linear time.
//!
//! A call can begin where a line begins, outside code fences and code spans; in the middle of a line only a tag can, and
//! only after the end of a sentence. Text that cannot become a call passes at once. The segments do not depend on how
//! the reply is split into chunks, once adjacent texts are joined: every decision depends only on the text before it.

mod resolution;

use std::sync::Arc;

use super::budget::{INLINE_STEPS, StepBudget};
use super::call_reader::{ParsedCall, ValidCall};
use super::call_start::{self, CallStart};
use super::candidate::{CallCandidate, CandidateEnd};
use super::preceding_text::{PrecedingText, closes_fence, may_close_fence};
use super::tool_set::ToolSet;

/// Maximum size of a block that is held; a larger one is passed on as text.
const MAX_CANDIDATE_BYTES: usize = 8 * 1024 * 1024;
/// Maximum of white space that is held at the beginning of a reply or after a call, because it belongs to the call.
const MAX_LEADING_SPACE_BYTES: usize = 1024;
/// A part of a reply: text, a call, or a broken call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Text(String),
    Call(ValidCall),
    /// A call that is not valid.
    Broken {
        text: String,
        reason: String,
    },
}

impl Segment {
    /// Size of the content in bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Call(call) => call.name.len() + call.arguments.len(),
            Self::Broken { text, reason } => text.len() + reason.len(),
        }
    }
}

/// Streaming parser of a reply's text.
#[derive(Debug)]
pub(super) struct CallParser {
    tools: Arc<ToolSet>,
    held: String,
    /// Offset in `held` up to which text was emitted.
    emitted: usize,
    /// Offset in `held` up to which text is decided.
    at: usize,
    /// The end of the text emitted before `held`.
    preceding: PrecedingText,
    state: ParserState,
    candidate: Option<CallCandidate>,
    /// Blocks that are calls if only calls follow.
    tentative: Vec<Tentative>,
    called: bool,
    finished: bool,
    /// Steps for checking arguments until the next text.
    budget: StepBudget,
    /// Whether the parser runs on a blocking thread.
    offloaded: bool,
    /// The end of `block`, where resolving it was postponed to a blocking thread.
    postponed: Option<CandidateEnd>,
    /// Whether arguments were not checked because the budget was exhausted.
    unchecked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParserState {
    /// At the beginning of the reply or after a call, apart from white space.
    Fresh,
    LineStart,
    Line {
        code: bool,
    },
    /// Inside a code fence of other content.
    Fence {
        mark: char,
        length: usize,
        in_line: bool,
    },
    Candidate,
    /// After a tentative call.
    Tentative,
}

#[derive(Debug)]
struct Tentative {
    start: usize,
    end: usize,
    calls: Vec<ParsedCall>,
    /// Whether the block began in the middle of a line, so that the end of the line confirms the calls.
    in_line: bool,
}

impl CallParser {
    pub(super) fn new(tools: Arc<ToolSet>) -> Self {
        Self {
            tools,
            held: String::new(),
            emitted: 0,
            at: 0,
            preceding: PrecedingText::default(),
            state: ParserState::Fresh,
            candidate: None,
            tentative: Vec::new(),
            called: false,
            finished: false,
            budget: StepBudget::new(INLINE_STEPS),
            offloaded: false,
            postponed: None,
            unchecked: false,
        }
    }

    /// Parses the next text. Slow work is postponed: see [`CallParser::is_postponed`].
    pub(super) fn push(&mut self, text: &str, out: &mut Vec<Segment>) {
        self.resume(out);
        if self.finished {
            return;
        }
        if self.held.is_empty()
            && matches!(self.state, ParserState::Line { .. })
            && !text.bytes().any(is_significant)
        {
            self.preceding.push(text);
            push_text(out, text);
            return;
        }
        self.held.push_str(text);
        (self.budget, self.offloaded) = (StepBudget::new(INLINE_STEPS), false);
        self.advance(out);
    }

    /// Decides as much as possible.
    fn advance(&mut self, out: &mut Vec<Segment>) {
        while !self.finished && self.step(out) {}
        self.emit_judged(out);
        self.compact();
    }

    /// Ends the reply. Slow if a block is open.
    pub(super) fn finish(&mut self, out: &mut Vec<Segment>) {
        self.resume(out);
        if self.finished {
            return;
        }
        self.use_offload_budget();
        if let Some(block) = self.candidate.take() {
            let end = self.held.len();
            self.resolve(block, CandidateEnd { end, closed: false }, out);
        }
        if self.tentative.is_empty() {
            let blank = self.state == ParserState::Fresh
                && self.called
                && self.held[self.emitted..].trim().is_empty();
            self.emit(if blank { self.emitted } else { self.held.len() }, out);
        } else if self.tentative.last().is_some_and(|trial| self.held[trial.end..].trim().is_empty()) {
            self.accept_tentative(out);
        } else {
            self.emit(self.held.len(), out);
        }
        self.finished = true;
    }

    /// Whether the rest of the reply is ignored: the only allowed call was made, or the model wrote a tool result.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// Makes one decision; `false` if more text is needed.
    fn step(&mut self, out: &mut Vec<Segment>) -> bool {
        match self.state {
            ParserState::Fresh => self.parse_fresh(out),
            ParserState::LineStart => self.parse_line_start(out),
            ParserState::Line { code } => self.parse_line(code, out),
            ParserState::Fence { mark, length, in_line } => self.skip_fence(mark, length, in_line),
            ParserState::Candidate => self.parse_candidate(out),
            ParserState::Tentative => self.parse_tentative(out),
        }
    }

    fn parse_fresh(&mut self, out: &mut Vec<Segment>) -> bool {
        let rest = &self.held[self.at..];
        let blank = rest.len() - rest.trim_start().len();
        self.at += blank;
        if self.at - self.emitted > MAX_LEADING_SPACE_BYTES {
            self.state = ParserState::LineStart;
            return true;
        }
        self.at < self.held.len() && self.parse_line_start(out)
    }

    fn parse_line_start(&mut self, out: &mut Vec<Segment>) -> bool {
        let rest = &self.held[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.held[self.at..];
        if rest.is_empty() {
            return false;
        }
        if rest.starts_with("</") && self.called && self.state == ParserState::Fresh {
            return self.skip_closing_tag();
        }
        match call_start::match_call_start(rest, &self.tools) {
            call_start::Match::NeedMore => false,
            call_start::Match::Yes(opener) => self.open_candidate(opener, false, out),
            call_start::Match::No => {
                self.state = ParserState::Line { code: false };
                // A backtick opens a code span; any other of the characters is text.
                self.at += usize::from(rest.starts_with(['<', '{', '[', '~']));
                true
            }
        }
    }

    /// Skips a closing tag left over from a call.
    fn skip_closing_tag(&mut self) -> bool {
        match call_start::match_closing_tag(&self.held[self.at..]) {
            Some(Some(length)) => {
                self.at += length;
                self.emitted = self.at;
                true
            }
            Some(None) => {
                self.state = ParserState::Line { code: false };
                true
            }
            None => false,
        }
    }

    fn parse_line(&mut self, code: bool, out: &mut Vec<Segment>) -> bool {
        let rest = &self.held.as_bytes()[self.at..];
        let Some(found) = rest.iter().copied().position(is_significant) else {
            self.at = self.held.len();
            return false;
        };
        let byte = rest[found];
        self.at += found;
        match byte {
            b'\n' => {
                self.at += 1;
                self.state = ParserState::LineStart;
            }
            b'`' => {
                self.at += 1;
                self.state = ParserState::Line { code: !code };
            }
            _ if code || !self.ends_a_sentence() => self.at += 1,
            _ => match call_start::match_tag(&self.held[self.at..], &self.tools) {
                call_start::Match::NeedMore => return false,
                call_start::Match::Yes(opener @ CallStart::Tag { .. })
                    if !self.preceding.is_example(&self.held[..self.at]) =>
                {
                    return self.open_candidate(opener, true, out);
                }
                call_start::Match::No | call_start::Match::Yes(_) => self.at += 1,
            },
        }
        true
    }

    /// Skips a line of another fence, which ends with a line of only its marker.
    fn skip_fence(&mut self, mark: char, length: usize, in_line: bool) -> bool {
        let rest = &self.held[self.at..];
        let end = rest.find('\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let may_close = !in_line && may_close_fence(line, mark);
        let Some(end) = end else {
            if may_close {
                return false;
            }
            self.at = self.held.len();
            self.state = ParserState::Fence { mark, length, in_line: true };
            return false;
        };
        let over = may_close && closes_fence(line, mark, length);
        self.at += end + 1;
        self.state =
            if over { ParserState::LineStart } else { ParserState::Fence { mark, length, in_line: false } };
        true
    }

    fn ends_a_sentence(&self) -> bool {
        self.preceding.ends_a_sentence(&self.held[..self.at])
    }

    fn open_candidate(&mut self, opener: CallStart, in_line: bool, out: &mut Vec<Segment>) -> bool {
        match opener {
            CallStart::ToolResult if self.called => {
                if self.state != ParserState::Fresh {
                    self.emit(self.at, out);
                }
                self.finished = true;
                self.emitted = self.held.len();
                self.at = self.emitted;
            }
            CallStart::ToolResult => {
                self.at += 1;
                self.state = ParserState::Line { code: false };
            }
            CallStart::OtherFence { body, mark, length } => {
                self.at += body;
                self.state = ParserState::Fence { mark, length, in_line: false };
            }
            opener @ (CallStart::Tag { .. } | CallStart::Json | CallStart::Fence { .. }) => {
                if self.state != ParserState::Fresh && self.tentative.is_empty() {
                    self.emit(self.at, out);
                }
                let block = CallCandidate::new(self.at, opener, in_line);
                self.at = block.scan_from();
                self.candidate = Some(block);
                self.state = ParserState::Candidate;
            }
        }
        true
    }

    fn parse_candidate(&mut self, out: &mut Vec<Segment>) -> bool {
        let Some(mut block) = self.candidate.take() else { return false };
        let limit = self.held.floor_char_boundary(block.start + MAX_CANDIDATE_BYTES);
        if let Some(ended) = block.find_end(&self.held[..limit]) {
            return self.resolve(block, ended, out);
        }
        if self.held.len() >= block.start + MAX_CANDIDATE_BYTES {
            self.reject(limit, out);
            return true;
        }
        self.candidate = Some(block);
        false
    }

    /// Emits the text that cannot become a call.
    fn emit_judged(&mut self, out: &mut Vec<Segment>) {
        match self.state {
            ParserState::Fresh | ParserState::Candidate | ParserState::Tentative => {}
            ParserState::LineStart | ParserState::Line { .. } | ParserState::Fence { .. } => {
                self.emit(self.at, out)
            }
        }
    }

    fn emit(&mut self, to: usize, out: &mut Vec<Segment>) {
        if to > self.emitted {
            push_text(out, &self.held[self.emitted..to]);
            self.emitted = to;
        }
    }

    /// Drops the emitted text, except for its end.
    fn compact(&mut self) {
        let gone = self.emitted;
        if gone == 0 {
            return;
        }
        self.preceding.push(&self.held[..gone]);
        self.held.drain(..gone);
        self.emitted -= gone;
        self.at -= gone;
        if let Some(block) = &mut self.candidate {
            block.shift(gone);
        }
        if let Some(ended) = &mut self.postponed {
            ended.end -= gone;
        }
        for trial in &mut self.tentative {
            trial.start -= gone;
            trial.end -= gone;
        }
    }
}

/// Whether a byte in the middle of a line may begin a call, a code span or a line.
fn is_significant(byte: u8) -> bool {
    matches!(byte, b'\n' | b'`' | b'<')
}

fn push_text(out: &mut Vec<Segment>, text: &str) {
    match out.last_mut() {
        Some(Segment::Text(last)) => last.push_str(text),
        _ => out.push(Segment::Text(text.to_owned())),
    }
}
