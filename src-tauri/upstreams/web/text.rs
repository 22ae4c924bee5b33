//! What happens to a reply's bytes on their way to text events. Pure: no I/O, no clock.

use crate::chat::{Finish, InvalidUtf8, Request, StopCut, StopCutter, TokenMeter, Utf8Joiner};

/// A reply in quotes is held as a whole up to this size; a longer one passes as it is.
const MAX_QUOTED_BYTES: usize = 64 * 1024 * 1024;

/// What some bytes became.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shaped {
    /// What can go out now; may be empty.
    pub(super) text: String,
    pub(super) end: Option<End>,
}

/// Why nothing comes after this text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Finish(Finish),
    /// The bytes are not UTF-8.
    Invalid,
}

/// Joins characters, takes off the quotes of a collected reply, and honours stop sequences and the token limit.
pub(super) struct Shaper {
    joiner: Utf8Joiner,
    quotes: Quotes,
    cutter: StopCutter,
    meter: TokenMeter,
    heard: bool,
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
            joiner: Utf8Joiner::new(),
            quotes: if request.stream { Quotes::Ignored } else { Quotes::Awaited },
            cutter: StopCutter::new(&request.stop),
            meter: TokenMeter::new(request.max_tokens),
            heard: false,
        }
    }

    /// For text that is known to be the reply itself.
    pub(super) fn unquoted(mut self) -> Self {
        self.quotes = Quotes::Ignored;
        self
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Shaped {
        match self.joiner.push(bytes) {
            Ok(text) => {
                let text = self.quotes.pass(text);
                self.cut(text)
            }
            Err(error) => self.invalid(error),
        }
    }

    /// Says that the reply is over.
    pub(super) fn finish(&mut self) -> Shaped {
        if let Err(error) = self.joiner.finish() {
            return self.invalid(error);
        }
        let last = self.quotes.finish();
        let mut shaped = self.cut(last);
        if shaped.end.is_none() {
            let held = self.cutter.finish();
            let rest = self.limit(held);
            shaped.text.push_str(&rest.text);
            shaped.end = rest.end.or(Some(End::Finish(Finish::Stop)));
        }
        shaped
    }

    /// The tokens of all text that went out.
    pub(super) fn tokens(&self) -> u64 {
        self.meter.total()
    }

    /// Whether the upstream said anything, even if nothing of it went out.
    pub(super) fn heard(&self) -> bool {
        self.heard
    }

    fn cut(&mut self, text: String) -> Shaped {
        self.heard |= !text.is_empty();
        let StopCut { text, met } = self.cutter.push(text);
        let mut shaped = self.limit(text);
        if met && shaped.end.is_none() {
            shaped.end = Some(End::Finish(Finish::Stop));
        }
        shaped
    }

    fn limit(&mut self, text: String) -> Shaped {
        if text.is_empty() {
            return Shaped { text, end: None };
        }
        let admitted = self.meter.admit(text);
        Shaped { text: admitted.text, end: admitted.full.then_some(End::Finish(Finish::Length)) }
    }

    fn invalid(&mut self, error: InvalidUtf8) -> Shaped {
        let mut held = self.quotes.pass(error.text);
        held.push_str(&self.quotes.finish());
        let mut shaped = self.cut(held);
        if shaped.end.is_none() {
            let rest = self.cutter.finish();
            shaped.text.push_str(&self.limit(rest).text);
            shaped.end = Some(End::Invalid);
        }
        shaped
    }
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

    fn run(request: &Request, chunks: &[&[u8]]) -> (Vec<String>, End) {
        let mut shaper = Shaper::new(request);
        let mut texts = Vec::new();
        for chunk in chunks {
            let Shaped { text, end } = shaper.push(chunk);
            texts.extend((!text.is_empty()).then_some(text));
            if let Some(end) = end {
                return (texts, end);
            }
        }
        let Shaped { text, end } = shaper.finish();
        texts.extend((!text.is_empty()).then_some(text));
        (texts, end.expect("finish always ends"))
    }

    const STOPPED: End = End::Finish(Finish::Stop);
    const FULL: End = End::Finish(Finish::Length);

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
            (vec!["all ".into()], STOPPED)
        );
        assert_eq!(run(&request(true, Some(2), &[]), &[b"one", b" two", b" three"]).1, FULL);
        assert_eq!(run(&request(true, Some(2), &[]), &[b"one", b" two"]).1, STOPPED);
        assert_eq!(run(&request(true, Some(1), &["END"]), &[b"one two END"]), (vec!["one".into()], FULL));
        assert_eq!(run(&request(true, Some(1), &["two!"]), &[b"one", b"two"]).1, FULL);
    }
}
