//! A block that may be a call, while the parser looks for its end.

use serde::de::IgnoredAny;

use super::call_start::CallStart;
use super::json_scanner::{JsonScanner, ScanResult};
use super::preceding_text::closes_fence;

/// A block that may be a call. Offsets count in the text held by the parser.
#[derive(Debug)]
pub(super) struct CallCandidate {
    pub(super) start: usize,
    /// Whether the block began in the middle of a line.
    pub(super) in_line: bool,
    body: usize,
    /// End of the content, once it is known.
    content: Option<usize>,
    at: usize,
    close: Option<String>,
    has_marks: bool,
    state: CandidateState,
}

#[derive(Debug)]
enum CandidateState {
    /// Inside a JSON value that began at `from`.
    Json { from: usize, scanner: JsonScanner },
    /// After a JSON value that ended at `end`.
    Tail { end: usize },
    /// Content of any kind up to the closing tag.
    Literal,
    /// Inside a code fence, in the line that began at `line`.
    Fence { line: usize, mark: char, length: usize },
}

/// End of a block, and whether the block is closed or only cut by the end of the reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct CandidateEnd {
    pub(super) end: usize,
    pub(super) closed: bool,
}

impl CallCandidate {
    pub(super) fn new(start: usize, opener: CallStart, in_line: bool) -> Self {
        let json = |from, scanner| CandidateState::Json { from, scanner };
        let (body, at, close, marked, mode) = match opener {
            CallStart::Tag { body, scan, json: false, close } => {
                (body, scan, close, true, CandidateState::Literal)
            }
            CallStart::Tag { body, scan, json: true, close } => {
                let scanner = if close.is_some() { JsonScanner::default() } else { JsonScanner::lenient() };
                (body, scan, close, true, json(start + scan, scanner))
            }
            CallStart::Json => (0, 0, None, false, json(start, JsonScanner::lenient())),
            CallStart::Fence { body, mark, length } => {
                (body, body, None, false, CandidateState::Fence { line: start + body, mark, length })
            }
            CallStart::OtherFence { body, .. } => (body, body, None, false, CandidateState::Literal),
            CallStart::ToolResult => (0, 0, None, false, CandidateState::Literal),
        };
        Self {
            start,
            in_line,
            body: start + body,
            content: None,
            at: start + at,
            close,
            has_marks: marked,
            state: mode,
        }
    }

    /// Offset where the search for the end continues.
    pub(super) fn scan_from(&self) -> usize {
        self.at
    }

    /// Whether the block has the tags of a call, so that it counts as a (broken) call even if it cannot be
    /// read.
    pub(super) fn has_marks(&self) -> bool {
        self.has_marks
    }

    /// The content of a block that ends with `text`, and whether it is complete.
    pub(super) fn content<'a>(&self, text: &'a str, closed: bool) -> (&'a str, bool) {
        let content = &text[self.body..self.content.unwrap_or(text.len())];
        let CandidateState::Fence { mark, .. } = self.state else { return (content, closed) };
        let inner = content.trim_end().trim_end_matches(mark);
        (inner, closed || inner.len() < content.trim_end().len())
    }

    /// Searches the new text for the end.
    pub(super) fn find_end(&mut self, text: &str) -> Option<CandidateEnd> {
        loop {
            match &mut self.state {
                CandidateState::Json { .. } => {
                    if let Some(found) = self.scan_json(text)? {
                        return Some(found);
                    }
                }
                CandidateState::Tail { end } => {
                    let end = *end;
                    if let Some(found) = self.scan_tail(text, end)? {
                        return Some(found);
                    }
                }
                CandidateState::Literal => return self.scan_literal(text),
                CandidateState::Fence { line, mark, length } => {
                    let next = text[self.at..].find('\n');
                    let Some(next) = next else {
                        self.at = text.len();
                        return None;
                    };
                    let end = self.at + next;
                    if closes_fence(&text[*line..end], *mark, *length) {
                        self.content = Some(*line);
                        return Some(CandidateEnd { end, closed: true });
                    }
                    self.at = end + 1;
                    *line = self.at;
                }
            }
        }
    }

    /// Continues inside JSON. `Some(None)` after a change of mode.
    fn scan_json(&mut self, text: &str) -> Option<Option<CandidateEnd>> {
        let CandidateState::Json { from, scanner } = &mut self.state else { return Some(None) };
        match scanner.feed(&text.as_bytes()[self.at..]) {
            ScanResult::NeedMore => {
                self.at = text.len();
                None
            }
            ScanResult::End(length) => {
                self.at += length;
                if self.close.is_none() {
                    return Some(Some(CandidateEnd { end: self.at, closed: true }));
                }
                let good = serde_json::from_str::<IgnoredAny>(&text[*from..self.at]).is_ok();
                self.state =
                    if good { CandidateState::Tail { end: self.at } } else { CandidateState::Literal };
                Some(None)
            }
            ScanResult::Unexpected(length) => {
                self.at += length;
                match self.match_closing_tag(text)? {
                    Some(ended) => Some(Some(ended)),
                    None => {
                        self.state = CandidateState::Literal;
                        Some(None)
                    }
                }
            }
        }
    }

    /// Continues after a value: surplus brackets, the closing tag, and further values belong to the block.
    fn scan_tail(&mut self, text: &str, end: usize) -> Option<Option<CandidateEnd>> {
        let junk = |c: char| c.is_whitespace() || matches!(c, '}' | ']' | ';' | ',');
        self.at += text[self.at..].find(|c| !junk(c)).unwrap_or(text.len() - self.at);
        let rest = &text[self.at..];
        if rest.is_empty() {
            return None;
        }
        if rest.starts_with(['{', '[']) {
            self.state = CandidateState::Json { from: self.at, scanner: JsonScanner::default() };
            return Some(None);
        }
        let ended = self.match_closing_tag(text)?.unwrap_or_else(|| {
            self.content = Some(end);
            CandidateEnd { end, closed: true }
        });
        Some(Some(ended))
    }

    fn scan_literal(&mut self, text: &str) -> Option<CandidateEnd> {
        let close = self.close.as_deref().unwrap_or("\n");
        match text[self.at..].find(close) {
            Some(found) => {
                self.content = Some(self.at + found);
                Some(CandidateEnd { end: self.at + found + close.len(), closed: true })
            }
            None => {
                let keep = text.ceil_char_boundary(text.len().saturating_sub(close.len() - 1));
                self.at = self.at.max(keep);
                None
            }
        }
    }

    /// Matches the closing tag. `None`: more text is needed. `Some(None)`: no closing tag.
    fn match_closing_tag(&mut self, text: &str) -> Option<Option<CandidateEnd>> {
        let Some(close) = self.close.as_deref() else { return Some(None) };
        let rest = &text[self.at..];
        if rest.starts_with(close) {
            self.content = Some(self.at);
            return Some(Some(CandidateEnd { end: self.at + close.len(), closed: true }));
        }
        if close.starts_with(rest) { None } else { Some(None) }
    }

    /// Adjusts the offsets after the first `removed` bytes of the text were dropped.
    pub(super) fn shift(&mut self, removed: usize) {
        self.start -= removed;
        self.body -= removed;
        self.at -= removed;
        self.content = self.content.map(|content| content - removed);
        match &mut self.state {
            CandidateState::Json { from, .. } => *from -= removed,
            CandidateState::Tail { end } => *end -= removed,
            CandidateState::Fence { line, .. } => *line -= removed,
            CandidateState::Literal => {}
        }
    }
}
