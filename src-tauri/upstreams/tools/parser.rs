//! Tells calls from text while a reply comes, in time that grows with its length only.
//!
//! A call can begin where a line begins, outside code fences and code spans; in the middle of a line only a tag can, and
//! only after the end of a sentence. What cannot become a call any more passes at once. Whatever slices a reply comes
//! in, the pieces are the same once neighbouring texts are joined: every decision depends on the text before it alone.

mod verdict;

use std::sync::Arc;

use super::block::{Block, Ended};
use super::budget::{INLINE_STEPS, StepBudget};
use super::lead::{Lead, closes, may_close};
use super::offer::Offer;
use super::opener::{self, Opener};
use super::read::{Found, Reading};

/// The longest block that is held back; a longer one is passed on as text.
const LONGEST_BLOCK: usize = 8 * 1024 * 1024;
/// White space at the beginning of a reply or after a call is held up to here, because it belongs to the call.
const LONGEST_SPACE: usize = 1024;
/// A piece of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Call(Found),
    /// Meant as a call, but none that can be made.
    Broken {
        text: String,
        why: String,
    },
}

impl Piece {
    /// The size of what is in it, bytes.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Call(call) => call.name.len() + call.arguments.len(),
            Self::Broken { text, why } => text.len() + why.len(),
        }
    }
}

/// Takes a reply's text and gives its pieces.
#[derive(Debug)]
pub(super) struct Parser {
    offer: Arc<Offer>,
    held: String,
    /// Up to here `held` was put out.
    sent: usize,
    /// Up to here `held` is judged.
    at: usize,
    /// The end of the text that was put out before `held`.
    lead: Lead,
    place: Place,
    block: Option<Block>,
    /// Blocks that are calls if nothing but calls follows.
    trial: Vec<Trial>,
    called: bool,
    over: bool,
    /// For checking arguments, until more text comes.
    budget: StepBudget,
    /// This is no thread that serves others.
    offloaded: bool,
    /// The end of `block`, which takes too long to be judged here.
    postponed: Option<Ended>,
    /// Arguments counted as fitting because the budget was spent.
    unchecked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
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
    Block,
    /// Behind a block that is on trial.
    Trial,
}

#[derive(Debug)]
struct Trial {
    start: usize,
    end: usize,
    readings: Vec<Reading>,
    /// The end of the line decides already.
    in_line: bool,
}

impl Parser {
    pub(super) fn new(offer: Arc<Offer>) -> Self {
        Self {
            offer,
            held: String::new(),
            sent: 0,
            at: 0,
            lead: Lead::default(),
            place: Place::Fresh,
            block: None,
            trial: Vec::new(),
            called: false,
            over: false,
            budget: StepBudget::new(INLINE_STEPS),
            offloaded: false,
            postponed: None,
            unchecked: false,
        }
    }

    /// Takes the next text. What would take long is postponed: see [`Parser::is_postponed`].
    pub(super) fn push(&mut self, text: &str, out: &mut Vec<Piece>) {
        self.resume(out);
        if self.over {
            return;
        }
        if self.held.is_empty() && matches!(self.place, Place::Line { .. }) && !text.bytes().any(is_sign) {
            self.lead.gone(text);
            push_text(out, text);
            return;
        }
        self.held.push_str(text);
        (self.budget, self.offloaded) = (StepBudget::new(INLINE_STEPS), false);
        self.advance(out);
    }

    /// Decides all that can be decided now.
    fn advance(&mut self, out: &mut Vec<Piece>) {
        while !self.over && self.step(out) {}
        self.put_judged(out);
        self.compact();
    }

    /// Says that the reply is over. Takes long where a block is still open.
    pub(super) fn finish(&mut self, out: &mut Vec<Piece>) {
        self.resume(out);
        if self.over {
            return;
        }
        self.offload();
        if let Some(block) = self.block.take() {
            let end = self.held.len();
            self.judge(block, Ended { end, closed: false }, out);
        }
        if self.trial.is_empty() {
            let blank = self.place == Place::Fresh && self.called && self.held[self.sent..].trim().is_empty();
            self.put(if blank { self.sent } else { self.held.len() }, out);
        } else if self.trial.last().is_some_and(|trial| self.held[trial.end..].trim().is_empty()) {
            self.accept_trial(out);
        } else {
            self.put(self.held.len(), out);
        }
        self.over = true;
    }

    /// Nothing that still comes matters: one call was asked for and made, or the model plays the tool.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// One decision; `false` once more text is needed.
    fn step(&mut self, out: &mut Vec<Piece>) -> bool {
        match self.place {
            Place::Fresh => self.fresh(out),
            Place::LineStart => self.line_start(out),
            Place::Line { code } => self.line(code, out),
            Place::Fence { mark, length, in_line } => self.fence(mark, length, in_line),
            Place::Block => self.in_block(out),
            Place::Trial => self.on_trial(out),
        }
    }

    fn fresh(&mut self, out: &mut Vec<Piece>) -> bool {
        let rest = &self.held[self.at..];
        let blank = rest.len() - rest.trim_start().len();
        self.at += blank;
        if self.at - self.sent > LONGEST_SPACE {
            self.place = Place::LineStart;
            return true;
        }
        self.at < self.held.len() && self.line_start(out)
    }

    fn line_start(&mut self, out: &mut Vec<Piece>) -> bool {
        let rest = &self.held[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        let rest = &self.held[self.at..];
        if rest.is_empty() {
            return false;
        }
        if rest.starts_with("</") && self.called && self.place == Place::Fresh {
            return self.after_closing();
        }
        match opener::opener(rest, &self.offer) {
            opener::Found::Open => false,
            opener::Found::Yes(opener) => self.open(opener, false, out),
            opener::Found::No => {
                self.place = Place::Line { code: false };
                // A backtick opens a code span; what else was looked at is text.
                self.at += usize::from(rest.starts_with(['<', '{', '[', '~']));
                true
            }
        }
    }

    /// A closing tag that is left over from a call belongs to it.
    fn after_closing(&mut self) -> bool {
        match opener::closing(&self.held[self.at..]) {
            Some(Some(length)) => {
                self.at += length;
                self.sent = self.at;
                true
            }
            Some(None) => {
                self.place = Place::Line { code: false };
                true
            }
            None => false,
        }
    }

    fn line(&mut self, code: bool, out: &mut Vec<Piece>) -> bool {
        let rest = &self.held.as_bytes()[self.at..];
        let Some(found) = rest.iter().copied().position(is_sign) else {
            self.at = self.held.len();
            return false;
        };
        let byte = rest[found];
        self.at += found;
        match byte {
            b'\n' => {
                self.at += 1;
                self.place = Place::LineStart;
            }
            b'`' => {
                self.at += 1;
                self.place = Place::Line { code: !code };
            }
            _ if code || !self.after_a_sentence() => self.at += 1,
            _ => match opener::tag(&self.held[self.at..], &self.offer) {
                opener::Found::Open => return false,
                opener::Found::Yes(opener @ Opener::Tag { .. })
                    if !self.lead.is_example(&self.held[..self.at]) =>
                {
                    return self.open(opener, true, out);
                }
                opener::Found::No | opener::Found::Yes(_) => self.at += 1,
            },
        }
        true
    }

    /// Passes over a line of a foreign fence; its end is a line that holds nothing but the mark.
    fn fence(&mut self, mark: char, length: usize, in_line: bool) -> bool {
        let rest = &self.held[self.at..];
        let end = rest.find('\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let may_close = !in_line && may_close(line, mark);
        let Some(end) = end else {
            if may_close {
                return false;
            }
            self.at = self.held.len();
            self.place = Place::Fence { mark, length, in_line: true };
            return false;
        };
        let over = may_close && closes(line, mark, length);
        self.at += end + 1;
        self.place = if over { Place::LineStart } else { Place::Fence { mark, length, in_line: false } };
        true
    }

    fn after_a_sentence(&self) -> bool {
        self.lead.after_a_sentence(&self.held[..self.at])
    }

    fn open(&mut self, opener: Opener, in_line: bool, out: &mut Vec<Piece>) -> bool {
        match opener {
            Opener::Result if self.called => {
                if self.place != Place::Fresh {
                    self.put(self.at, out);
                }
                self.over = true;
                self.sent = self.held.len();
                self.at = self.sent;
            }
            Opener::Result => {
                self.at += 1;
                self.place = Place::Line { code: false };
            }
            Opener::OtherFence { body, mark, length } => {
                self.at += body;
                self.place = Place::Fence { mark, length, in_line: false };
            }
            opener @ (Opener::Tag { .. } | Opener::Json | Opener::Fence { .. }) => {
                if self.place != Place::Fresh && self.trial.is_empty() {
                    self.put(self.at, out);
                }
                let block = Block::new(self.at, opener, in_line);
                self.at = block.scan();
                self.block = Some(block);
                self.place = Place::Block;
            }
        }
        true
    }

    fn in_block(&mut self, out: &mut Vec<Piece>) -> bool {
        let Some(mut block) = self.block.take() else { return false };
        let limit = self.held.floor_char_boundary(block.start + LONGEST_BLOCK);
        if let Some(ended) = block.find_end(&self.held[..limit]) {
            return self.judge(block, ended, out);
        }
        if self.held.len() >= block.start + LONGEST_BLOCK {
            self.refuse(limit, out);
            return true;
        }
        self.block = Some(block);
        false
    }

    /// Puts out what cannot become a call any more.
    fn put_judged(&mut self, out: &mut Vec<Piece>) {
        match self.place {
            Place::Fresh | Place::Block | Place::Trial => {}
            Place::LineStart | Place::Line { .. } | Place::Fence { .. } => self.put(self.at, out),
        }
    }

    fn put(&mut self, to: usize, out: &mut Vec<Piece>) {
        if to > self.sent {
            push_text(out, &self.held[self.sent..to]);
            self.sent = to;
        }
    }

    /// Forgets what was put out, except for its end.
    fn compact(&mut self) {
        let gone = self.sent;
        if gone == 0 {
            return;
        }
        self.lead.gone(&self.held[..gone]);
        self.held.drain(..gone);
        self.sent -= gone;
        self.at -= gone;
        if let Some(block) = &mut self.block {
            block.shift(gone);
        }
        if let Some(ended) = &mut self.postponed {
            ended.end -= gone;
        }
        for trial in &mut self.trial {
            trial.start -= gone;
            trial.end -= gone;
        }
    }
}

/// What matters in the middle of a line.
fn is_sign(byte: u8) -> bool {
    matches!(byte, b'\n' | b'`' | b'<')
}

fn push_text(out: &mut Vec<Piece>, text: &str) {
    match out.last_mut() {
        Some(Piece::Text(last)) => last.push_str(text),
        _ => out.push(Piece::Text(text.to_owned())),
    }
}
