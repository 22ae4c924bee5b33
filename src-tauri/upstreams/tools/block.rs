//! A block that may be a call, while its end is looked for.

use serde::de::IgnoredAny;

use super::lead::closes;
use super::opener::Opener;
use super::scan::{Scan, Scanner};

/// Offsets count in the text that the parser holds.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) start: usize,
    /// It began in the middle of a line.
    pub(super) in_line: bool,
    body: usize,
    /// Where the content ends, once that is known.
    content: Option<usize>,
    at: usize,
    close: Option<String>,
    marked: bool,
    mode: Mode,
}

#[derive(Debug)]
enum Mode {
    /// In a JSON value that began at `from`.
    Json { from: usize, scanner: Scanner },
    /// Behind a JSON value that ended at `end`.
    Tail { end: usize },
    /// The closing tag ends it, whatever comes before.
    Literal,
    /// In the line of a code fence that began at `line`.
    Fence { line: usize, mark: char, length: usize },
}

/// Where a block ends, and whether that is its own end or only the end of the reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    pub(super) end: usize,
    pub(super) closed: bool,
}

impl Block {
    pub(super) fn new(start: usize, opener: Opener, in_line: bool) -> Self {
        let json = |from, scanner| Mode::Json { from, scanner };
        let (body, at, close, marked, mode) = match opener {
            Opener::Tag { body, scan, json: false, close } => (body, scan, close, true, Mode::Literal),
            Opener::Tag { body, scan, json: true, close } => {
                let scanner = if close.is_some() { Scanner::default() } else { Scanner::lenient() };
                (body, scan, close, true, json(start + scan, scanner))
            }
            Opener::Json => (0, 0, None, false, json(start, Scanner::lenient())),
            Opener::Fence { body, mark, length } => {
                (body, body, None, false, Mode::Fence { line: start + body, mark, length })
            }
            Opener::OtherFence { body, .. } => (body, body, None, false, Mode::Literal),
            Opener::Result => (0, 0, None, false, Mode::Literal),
        };
        Self { start, in_line, body: start + body, content: None, at: start + at, close, marked, mode }
    }

    /// Where the search for the end begins.
    pub(super) fn scan(&self) -> usize {
        self.at
    }

    /// Whether it stands in the marks of a call, so that it is one even if it cannot be read.
    pub(super) fn is_marked(&self) -> bool {
        self.marked
    }

    /// The content of a block that ended with `text`, and whether it is complete.
    pub(super) fn content<'a>(&self, text: &'a str, closed: bool) -> (&'a str, bool) {
        let content = &text[self.body..self.content.unwrap_or(text.len())];
        let Mode::Fence { mark, .. } = self.mode else { return (content, closed) };
        let inner = content.trim_end().trim_end_matches(mark);
        (inner, closed || inner.len() < content.trim_end().len())
    }

    /// Looks for the end in what is new of the text.
    pub(super) fn find_end(&mut self, text: &str) -> Option<Ended> {
        loop {
            match &mut self.mode {
                Mode::Json { .. } => {
                    if let Some(found) = self.in_json(text)? {
                        return Some(found);
                    }
                }
                Mode::Tail { end } => {
                    let end = *end;
                    if let Some(found) = self.in_tail(text, end)? {
                        return Some(found);
                    }
                }
                Mode::Literal => return self.in_literal(text),
                Mode::Fence { line, mark, length } => {
                    let next = text[self.at..].find('\n');
                    let Some(next) = next else {
                        self.at = text.len();
                        return None;
                    };
                    let end = self.at + next;
                    if closes(&text[*line..end], *mark, *length) {
                        self.content = Some(*line);
                        return Some(Ended { end, closed: true });
                    }
                    self.at = end + 1;
                    *line = self.at;
                }
            }
        }
    }

    /// `Some(None)` after a change of mode.
    fn in_json(&mut self, text: &str) -> Option<Option<Ended>> {
        let Mode::Json { from, scanner } = &mut self.mode else { return Some(None) };
        match scanner.feed(&text.as_bytes()[self.at..]) {
            Scan::More => {
                self.at = text.len();
                None
            }
            Scan::End(length) => {
                self.at += length;
                if self.close.is_none() {
                    return Some(Some(Ended { end: self.at, closed: true }));
                }
                let good = serde_json::from_str::<IgnoredAny>(&text[*from..self.at]).is_ok();
                self.mode = if good { Mode::Tail { end: self.at } } else { Mode::Literal };
                Some(None)
            }
            Scan::Odd(length) => {
                self.at += length;
                match self.closing(text)? {
                    Some(ended) => Some(Some(ended)),
                    None => {
                        self.mode = Mode::Literal;
                        Some(None)
                    }
                }
            }
        }
    }

    /// After a good value only brackets too many, its closing tag, or another value belong to the block.
    fn in_tail(&mut self, text: &str, end: usize) -> Option<Option<Ended>> {
        let junk = |c: char| c.is_whitespace() || matches!(c, '}' | ']' | ';' | ',');
        self.at += text[self.at..].find(|c| !junk(c)).unwrap_or(text.len() - self.at);
        let rest = &text[self.at..];
        if rest.is_empty() {
            return None;
        }
        if rest.starts_with(['{', '[']) {
            self.mode = Mode::Json { from: self.at, scanner: Scanner::default() };
            return Some(None);
        }
        let ended = self.closing(text)?.unwrap_or_else(|| {
            self.content = Some(end);
            Ended { end, closed: true }
        });
        Some(Some(ended))
    }

    fn in_literal(&mut self, text: &str) -> Option<Ended> {
        let close = self.close.as_deref().unwrap_or("\n");
        match text[self.at..].find(close) {
            Some(found) => {
                self.content = Some(self.at + found);
                Some(Ended { end: self.at + found + close.len(), closed: true })
            }
            None => {
                let keep = text.ceil_char_boundary(text.len().saturating_sub(close.len() - 1));
                self.at = self.at.max(keep);
                None
            }
        }
    }

    /// The closing tag at this place: `None` while it may still become one, `Some(None)` if it is none.
    fn closing(&mut self, text: &str) -> Option<Option<Ended>> {
        let Some(close) = self.close.as_deref() else { return Some(None) };
        let rest = &text[self.at..];
        if rest.starts_with(close) {
            self.content = Some(self.at);
            return Some(Some(Ended { end: self.at + close.len(), closed: true }));
        }
        if close.starts_with(rest) { None } else { Some(None) }
    }

    /// The first `gone` bytes of the text were taken away.
    pub(super) fn shift(&mut self, gone: usize) {
        self.start -= gone;
        self.body -= gone;
        self.at -= gone;
        self.content = self.content.map(|content| content - gone);
        match &mut self.mode {
            Mode::Json { from, .. } => *from -= gone,
            Mode::Tail { end } => *end -= gone,
            Mode::Fence { line, .. } => *line -= gone,
            Mode::Literal => {}
        }
    }
}
