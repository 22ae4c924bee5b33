//! Tells calls from text while a reply comes, in time that grows with its length only.
//!
//! A call can begin where a line begins, outside code fences and code spans; in the middle of a line only a tag can, and
//! only after the end of a sentence. What cannot become a call any more passes at once. Whatever slices a reply comes
//! in, the pieces are the same once neighbouring texts are joined: every decision depends on the text before it alone.

mod resolution;

use std::sync::Arc;

use super::budget::{INLINE_STEPS, StepBudget};
use super::call_reader::{ParsedCall, ValidCall};
use super::call_start::{self, CallStart};
use super::candidate::{CallCandidate, CandidateEnd};
use super::preceding_text::{PrecedingText, closes_fence, may_close_fence};
use super::tool_set::ToolSet;

/// The longest block that is held back; a longer one is passed on as text.
const MAX_CANDIDATE_BYTES: usize = 8 * 1024 * 1024;
/// White space at the beginning of a reply or after a call is held up to here, because it belongs to the call.
const MAX_LEADING_SPACE_BYTES: usize = 1024;
/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Text(String),
    Call(ValidCall),
    /// Meant as a call, but none that can be made.
    Broken {
        text: String,
        reason: String,
    },
}

impl Segment {
    /// The size of what is in it, bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Call(call) => call.name.len() + call.arguments.len(),
            Self::Broken { text, reason } => text.len() + reason.len(),
        }
    }
}

/// Takes a reply's text and gives its pieces.
#[derive(Debug)]
pub(super) struct CallParser {
    tools: Arc<ToolSet>,
    held: String,
    /// Up to here `held` was put out.
    emitted: usize,
    /// Up to here `held` is judged.
    at: usize,
    /// The end of the text that was put out before `held`.
    preceding: PrecedingText,
    state: ParserState,
    candidate: Option<CallCandidate>,
    /// Blocks that are calls if nothing but calls follows.
    tentative: Vec<Tentative>,
    called: bool,
    finished: bool,
    /// For checking arguments, until more text comes.
    budget: StepBudget,
    /// This is no thread that serves others.
    offloaded: bool,
    /// The end of `block`, which takes too long to be judged here.
    postponed: Option<CandidateEnd>,
    /// Arguments counted as fitting because the budget was spent.
    unchecked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParserState {
    /// Only white space since the beginning, or since a call.
    Fresh,
    LineStart,
    Line {
        code: bool,
    },
    /// In a code fence of something else.
    Fence {
        mark: char,
        length: usize,
        in_line: bool,
    },
    Candidate,
    /// Behind a block that is on trial.
    Tentative,
}

#[derive(Debug)]
struct Tentative {
    start: usize,
    end: usize,
    calls: Vec<ParsedCall>,
    /// The end of the line decides already.
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

    /// Takes the next text. What would take long is postponed: see [`CallParser::is_postponed`].
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

    /// Decides all that can be decided now.
    fn advance(&mut self, out: &mut Vec<Segment>) {
        while !self.finished && self.step(out) {}
        self.emit_judged(out);
        self.compact();
    }

    /// Says that the reply is over. Takes long where a block is still open.
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

    /// Nothing that still comes matters: one call was asked for and made, or the model plays the tool.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// One decision; `false` once more text is needed.
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
                // A backtick opens a code span; what else was looked at is text.
                self.at += usize::from(rest.starts_with(['<', '{', '[', '~']));
                true
            }
        }
    }

    /// A closing tag that is left over from a call belongs to it.
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

    /// Passes over a line of a foreign fence; its end is a line that holds nothing but the mark.
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

    /// Puts out what cannot become a call any more.
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

    /// Forgets what was put out, except for its end.
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

/// What matters in the middle of a line.
fn is_significant(byte: u8) -> bool {
    matches!(byte, b'\n' | b'`' | b'<')
}

fn push_text(out: &mut Vec<Segment>, text: &str) {
    match out.last_mut() {
        Some(Segment::Text(last)) => last.push_str(text),
        _ => out.push(Segment::Text(text.to_owned())),
    }
}
