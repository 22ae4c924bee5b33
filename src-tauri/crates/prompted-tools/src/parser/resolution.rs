//! Resolution of a block whose end is known: calls, tentative calls (if only calls follow), or text.

use super::super::budget::{OFFLOADED_STEPS, StepBudget};
use super::super::call_reader::{Confidence, ParsedCall, read_calls};
use super::super::call_start::{self, CallStart};
use super::super::candidate::{CallCandidate, CandidateEnd};
use super::{CallParser, ParserState, Segment, Tentative};

/// Maximum size in bytes of a block that is read on an async thread.
const MAX_INLINE_BLOCK_BYTES: usize = 64 * 1024;

impl CallParser {
    /// Whether a block waits for [`CallParser::resume`], to be called on a blocking thread.
    pub(in super::super) fn is_postponed(&self) -> bool {
        self.postponed.is_some()
    }

    /// Whether a block is open; reading it at its end may be slow.
    pub(in super::super) fn is_in_candidate(&self) -> bool {
        self.candidate.is_some()
    }

    /// Whether a call was returned whose arguments were too complex to be checked.
    pub(in super::super) fn is_unchecked(&self) -> bool {
        self.unchecked
    }

    /// Resolves the postponed block and continues after it.
    pub(in super::super) fn resume(&mut self, out: &mut Vec<Segment>) {
        let Some(ended) = self.postponed.take() else { return };
        let Some(block) = self.candidate.take() else { return };
        self.use_offload_budget();
        self.resolve(block, ended, out);
        self.advance(out);
    }

    pub(super) fn use_offload_budget(&mut self) {
        (self.budget, self.offloaded) = (StepBudget::new(OFFLOADED_STEPS), true);
    }

    /// Resolves a block whose end is known; `false` if that was postponed.
    pub(super) fn resolve(
        &mut self,
        block: CallCandidate,
        ended: CandidateEnd,
        out: &mut Vec<Segment>,
    ) -> bool {
        let CandidateEnd { end, closed } = ended;
        let example = self.preceding.is_example(&self.held[..block.start]);
        let confidence =
            if block.has_marks() && !example { Confidence::Certain } else { Confidence::Possible };
        let hopeless = example && !block.has_marks();
        let (content, whole) = block.content(&self.held[..end], closed);
        let large = end - block.start > MAX_INLINE_BLOCK_BYTES;
        let calls = if hopeless || (large && !self.offloaded) {
            None
        } else {
            read_calls(content, whole, confidence, &self.tools, &mut self.budget)
        };
        if !self.offloaded && !hopeless && (large || self.budget.is_exhausted()) {
            (self.candidate, self.postponed) = (Some(block), Some(ended));
            return false;
        }
        self.unchecked |= self.budget.is_exhausted() && calls.is_some();
        match calls {
            Some(readings) => self.hold_or_accept(&block, end, readings, example, out),
            None => self.reject(end, out),
        }
        true
    }

    fn hold_or_accept(
        &mut self,
        block: &CallCandidate,
        end: usize,
        calls: Vec<ParsedCall>,
        example: bool,
        out: &mut Vec<Segment>,
    ) {
        if block.has_marks() && !example && !block.in_line {
            self.emit_tentative_as_text(block.start, out);
            self.accept(block.start, end, calls, out);
            return;
        }
        self.tentative.push(Tentative { start: block.start, end, calls, in_line: block.in_line });
        self.at = end;
        self.state = ParserState::Tentative;
    }

    /// Treats the block up to `end` as text.
    pub(super) fn reject(&mut self, end: usize, out: &mut Vec<Segment>) {
        self.tentative.clear();
        self.at = end;
        self.state = ParserState::Line { code: false };
        self.emit(end, out);
    }

    fn accept(&mut self, start: usize, end: usize, calls: Vec<ParsedCall>, out: &mut Vec<Segment>) {
        // If a block has several broken calls, the first one carries the text.
        let mut text = Some(self.held[start..end].to_owned());
        for reading in calls {
            match reading {
                ParsedCall::Valid(call) => {
                    self.called = true;
                    out.push(Segment::Call(call));
                    self.finished |= self.tools.single_tool_call;
                }
                ParsedCall::Invalid(why) => {
                    out.push(Segment::Broken { text: text.take().unwrap_or_default(), reason: why });
                    self.called = true;
                }
            }
            if self.finished {
                break;
            }
        }
        (self.emitted, self.at, self.state) = (end, end, ParserState::Fresh);
    }

    pub(super) fn parse_tentative(&mut self, out: &mut Vec<Segment>) -> bool {
        let rest = &self.held[self.at..];
        let blank = &rest[..rest.len() - rest.trim_start().len()];
        let line_over = blank.contains('\n');
        self.at += blank.len();
        if line_over && self.tentative.iter().all(|trial| trial.in_line) {
            self.accept_tentative(out);
            return true;
        }
        let rest = &self.held[self.at..];
        if rest.is_empty() {
            return false;
        }
        if rest.starts_with("</") {
            match call_start::match_closing_tag(rest) {
                Some(Some(length)) => {
                    self.at += length;
                    return true;
                }
                Some(None) => {}
                None => return false,
            }
        }
        match call_start::match_call_start(rest, &self.tools) {
            call_start::Match::NeedMore => false,
            call_start::Match::Yes(
                opener @ (CallStart::Tag { .. } | CallStart::Json | CallStart::Fence { .. }),
            ) => {
                if self.tentative.iter().all(|trial| trial.in_line) {
                    self.accept_tentative(out);
                    return true;
                }
                self.open_candidate(opener, false, out)
            }
            call_start::Match::Yes(CallStart::OtherFence { .. } | CallStart::ToolResult)
            | call_start::Match::No => {
                self.tentative.clear();
                self.state = ParserState::LineStart;
                self.emit(self.at, out);
                true
            }
        }
    }

    pub(super) fn accept_tentative(&mut self, out: &mut Vec<Segment>) {
        for Tentative { start, end, calls: readings, .. } in std::mem::take(&mut self.tentative) {
            if !self.finished {
                self.accept(start, end, readings, out);
            }
        }
    }

    /// Emits the tentative calls as text, because a tagged call follows.
    fn emit_tentative_as_text(&mut self, start: usize, out: &mut Vec<Segment>) {
        if !self.tentative.is_empty() {
            self.tentative.clear();
            self.emit(start, out);
        }
    }
}
