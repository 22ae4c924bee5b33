//! Reply specifications inside prompts, which the mock reads, and the words of a reply.

use std::fmt::Write as _;
use std::time::Duration;

use crate::machine::nanoseconds;

/// Mark in every chunk, so that chunks can be counted at the client. The JSON around them contains no such
/// byte.
pub(crate) const MARK: u8 = b'~';
/// Mark before the timestamp of a chunk.
const STAMP_MARK: u8 = b'@';
const STAMP_DIGITS: usize = 16;

const REPLY_WORDS: [&str; 8] = [
    "the proxy answers ",
    "with a few words ",
    "of plain text ",
    "in every chunk, ",
    "as a model does ",
    "when it is asked ",
    "for a longer ",
    "reply.\n",
];

/// Specification of the mock's reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ReplySpec {
    /// Number of chunks; 0 for one small reply that is not streamed.
    pub(crate) chunks: usize,
    pub(crate) gap: Duration,
    /// Whether chunks contain the time at which they were written.
    pub(crate) stamped: bool,
}

impl ReplySpec {
    pub(crate) const WHOLE: Self = Self { chunks: 0, gap: Duration::ZERO, stamped: false };

    /// The prompt that contains the specification.
    pub(crate) fn prompt(self) -> String {
        let Self { chunks, gap, stamped } = self;
        format!("bench: chunks={chunks} gap_us={} stamped={} .", gap.as_micros(), u8::from(stamped))
    }

    /// Reads the specification in a request body; the default is a small reply.
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let words = text.split_once("bench: ").map_or("", |(_, words)| words);
        let mut spec = Self::WHOLE;
        for word in words.split(' ').take(3) {
            let (name, value) = word.split_once('=').unwrap_or_default();
            let value = value.parse().unwrap_or(0);
            match name {
                "chunks" => spec.chunks = value,
                "gap_us" => spec.gap = Duration::from_micros(value as u64),
                "stamped" => spec.stamped = value == 1,
                _ => {}
            }
        }
        spec
    }
}

/// Appends the text of a chunk.
pub(crate) fn chunk(out: &mut String, index: usize, stamped: bool) {
    out.push(char::from(MARK));
    out.push_str(REPLY_WORDS[index % (REPLY_WORDS.len() - 1)]);
    if stamped {
        let _ = write!(out, "@{:016x} ", nanoseconds());
    }
}

/// The text of a small reply.
pub(crate) fn whole() -> String {
    REPLY_WORDS.concat()
}

/// Number of chunks in a part of a reply.
pub(crate) fn count(piece: &[u8]) -> usize {
    piece.iter().filter(|&&byte| byte == MARK).count()
}

/// Times at which the chunks in a part of a reply were written, nanoseconds.
pub(crate) fn stamps(piece: &[u8]) -> impl Iterator<Item = u64> {
    piece.split(|&byte| byte == STAMP_MARK).skip(1).filter_map(|after| {
        let digits = std::str::from_utf8(after.get(..STAMP_DIGITS)?).ok()?;
        u64::from_str_radix(digits, 16).ok()
    })
}
