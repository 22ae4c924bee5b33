//! What a block is, once its end is known: calls at once, calls if nothing but calls follows, or text.

use super::super::block::{Block, Ended};
use super::super::budget::{OFFLOADED_STEPS, StepBudget};
use super::super::opener::{self, Opener};
use super::super::read::{Meant, Reading, read};
use super::{Parser, Piece, Place, Trial};

/// The largest block that is read on the thread that serves others, bytes.
const MAX_INLINE_BLOCK_BYTES: usize = 64 * 1024;

impl Parser {
    /// Whether a block waits for [`Parser::resume`], to be called on a thread for blocking work.
    pub(in super::super) fn is_postponed(&self) -> bool {
        self.postponed.is_some()
    }

    /// Whether a block is open: what ends it may take long to be read.
    pub(in super::super) fn is_in_block(&self) -> bool {
        self.block.is_some()
    }

    /// Whether a call was passed on whose arguments were too complex to be checked.
    pub(in super::super) fn is_unchecked(&self) -> bool {
        self.unchecked
    }

    /// Judges the block that was postponed, and goes on behind it.
    pub(in super::super) fn resume(&mut self, out: &mut Vec<Piece>) {
        let Some(ended) = self.postponed.take() else { return };
        let Some(block) = self.block.take() else { return };
        self.offload();
        self.judge(block, ended, out);
        self.advance(out);
    }

    pub(super) fn offload(&mut self) {
        (self.budget, self.offloaded) = (StepBudget::new(OFFLOADED_STEPS), true);
    }

    /// Decides what a block is, now that its end is known; `false` if that was postponed.
    pub(super) fn judge(&mut self, block: Block, ended: Ended, out: &mut Vec<Piece>) -> bool {
        let Ended { end, closed } = ended;
        let example = self.lead.is_example(&self.held[..block.start]);
        let meant = if block.is_marked() && !example { Meant::Surely } else { Meant::Perhaps };
        let hopeless = example && !block.is_marked();
        let (content, whole) = block.content(&self.held[..end], closed);
        let large = end - block.start > MAX_INLINE_BLOCK_BYTES;
        let readings = if hopeless || (large && !self.offloaded) {
            None
        } else {
            read(content, whole, meant, &self.offer, &mut self.budget)
        };
        if !self.offloaded && !hopeless && (large || self.budget.is_spent()) {
            (self.block, self.postponed) = (Some(block), Some(ended));
            return false;
        }
        self.unchecked |= self.budget.is_spent() && readings.is_some();
        match readings {
            Some(readings) => self.take(&block, end, readings, example, out),
            None => self.refuse(end, out),
        }
        true
    }

    fn take(
        &mut self,
        block: &Block,
        end: usize,
        readings: Vec<Reading>,
        example: bool,
        out: &mut Vec<Piece>,
    ) {
        if block.is_marked() && !example && !block.in_line {
            self.release_trial(block.start, out);
            self.accept(block.start, end, readings, out);
            return;
        }
        self.trial.push(Trial { start: block.start, end, readings, in_line: block.in_line });
        self.at = end;
        self.place = Place::Trial;
    }

    /// The block up to here is text.
    pub(super) fn refuse(&mut self, end: usize, out: &mut Vec<Piece>) {
        self.trial.clear();
        self.at = end;
        self.place = Place::Line { code: false };
        self.put(end, out);
    }

    fn accept(&mut self, start: usize, end: usize, readings: Vec<Reading>, out: &mut Vec<Piece>) {
        // Of several broken calls in a block, the first has its text.
        let mut text = Some(self.held[start..end].to_owned());
        for reading in readings {
            match reading {
                Reading::Good(call) => {
                    self.called = true;
                    out.push(Piece::Call(call));
                    self.over |= self.offer.one_call;
                }
                Reading::Bad(why) => {
                    out.push(Piece::Broken { text: text.take().unwrap_or_default(), why });
                    self.called = true;
                }
            }
            if self.over {
                break;
            }
        }
        (self.sent, self.at, self.place) = (end, end, Place::Fresh);
    }

    pub(super) fn on_trial(&mut self, out: &mut Vec<Piece>) -> bool {
        let rest = &self.held[self.at..];
        let blank = &rest[..rest.len() - rest.trim_start().len()];
        let line_over = blank.contains('\n');
        self.at += blank.len();
        if line_over && self.trial.iter().all(|trial| trial.in_line) {
            self.accept_trial(out);
            return true;
        }
        let rest = &self.held[self.at..];
        if rest.is_empty() {
            return false;
        }
        if rest.starts_with("</") {
            match opener::closing(rest) {
                Some(Some(length)) => {
                    self.at += length;
                    return true;
                }
                Some(None) => {}
                None => return false,
            }
        }
        match opener::opener(rest, &self.offer) {
            opener::Found::Open => false,
            opener::Found::Yes(opener @ (Opener::Tag { .. } | Opener::Json | Opener::Fence { .. })) => {
                if self.trial.iter().all(|trial| trial.in_line) {
                    self.accept_trial(out);
                    return true;
                }
                self.open(opener, false, out)
            }
            opener::Found::Yes(Opener::OtherFence { .. } | Opener::Result) | opener::Found::No => {
                self.trial.clear();
                self.place = Place::LineStart;
                self.put(self.at, out);
                true
            }
        }
    }

    pub(super) fn accept_trial(&mut self, out: &mut Vec<Piece>) {
        for Trial { start, end, readings, .. } in std::mem::take(&mut self.trial) {
            if !self.over {
                self.accept(start, end, readings, out);
            }
        }
    }

    /// What was on trial turns out to be text, because a proper call follows.
    fn release_trial(&mut self, start: usize, out: &mut Vec<Piece>) {
        if !self.trial.is_empty() {
            self.trial.clear();
            self.put(start, out);
        }
    }
}
