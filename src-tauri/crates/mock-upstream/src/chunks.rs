//! Lazy sequence of the chunks of a body.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use bytes::Bytes;

use super::fault::BadUtf8;

/// Filler of replies of a given size. ASCII, so that it can be cut anywhere.
const FILLER_SENTENCE: &str = "All work and no play makes Jack a dull mammoth. ";
const FILLER_CHUNK_BYTES: usize = 16 * 1024;

/// The chunks left to send. Large bodies are not held in memory.
#[derive(Debug, Clone)]
pub(super) enum BodyChunks {
    List(VecDeque<Bytes>),
    Slices {
        rest: Bytes,
        size: NonZeroUsize,
    },
    /// `left` bytes of repeated `unit`.
    Filler {
        before: Bytes,
        unit: Bytes,
        left: u64,
        after: Bytes,
    },
}

impl BodyChunks {
    pub(super) fn empty() -> Self {
        Self::List(VecDeque::new())
    }

    pub(super) fn single(bytes: impl Into<Bytes>) -> Self {
        Self::from_list([bytes.into()])
    }

    /// Chunks of a list. Empty ones are omitted: in chunked encoding they would be the end.
    pub(super) fn from_list(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self::List(pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }

    /// One chunk per word, with the white space after it.
    pub(super) fn words(text: &str) -> Self {
        Self::from_list(
            text.split_inclusive(char::is_whitespace).map(|word| Bytes::copy_from_slice(word.as_bytes())),
        )
    }

    /// Filler of `size` bytes; `u64::MAX` is practically endless.
    pub(super) fn filler(size: u64) -> Self {
        Self::Filler { before: Bytes::new(), unit: filler_text().into(), left: size, after: Bytes::new() }
    }

    pub(super) fn sliced(self, size: NonZeroUsize) -> Self {
        match self {
            Self::List(_) | Self::Slices { .. } => Self::Slices { rest: self.concat(), size },
            Self::Filler { before, unit, left, after } => {
                Self::Filler { before, unit: unit.slice(..size.get().min(unit.len())), left, after }
            }
        }
    }

    /// Inserts bytes that are not UTF-8. Filler is unchanged.
    pub(super) fn with_bad_utf8(mut self, kind: BadUtf8) -> Self {
        if let Self::List(list) = &mut self {
            match kind {
                BadUtf8::Invalid => list.insert(list.len().min(1), Bytes::from_static(b"\xff\xc0\x80")),
                BadUtf8::Cut => list.push_back(Bytes::from_static(b"\xf0\x9f\xa6")),
            }
        }
        self
    }

    /// The first chunks only, then an error event of the API's streams.
    pub(super) fn with_error(mut self, after: usize) -> Self {
        if let Self::List(list) = &mut self {
            list.truncate(after);
            list.push_back(Bytes::from_static(
                b"data: {\"error\": {\"message\": \"litellm.APIError: overloaded\", \"type\": null, \"param\": null, \"code\": \"500\"}}\n\n",
            ));
        }
        self
    }

    /// All chunks joined; filler is reduced to one unit.
    pub(super) fn concat(self) -> Bytes {
        match self {
            Self::List(list) => list.into_iter().flatten().collect(),
            Self::Slices { rest, .. } => rest,
            Self::Filler { unit, .. } => unit,
        }
    }

    /// Total size in bytes.
    pub(super) fn total(&self) -> u64 {
        match self {
            Self::List(list) => list.iter().map(|piece| piece.len() as u64).sum(),
            Self::Slices { rest, .. } => rest.len() as u64,
            Self::Filler { before, left, after, .. } => {
                left.saturating_add((before.len() + after.len()) as u64)
            }
        }
    }

    pub(super) fn next(&mut self) -> Option<Bytes> {
        match self {
            Self::List(list) => list.pop_front(),
            Self::Slices { rest, .. } if rest.is_empty() => None,
            Self::Slices { rest, size } => Some(rest.split_to(size.get().min(rest.len()))),
            Self::Filler { before, .. } if !before.is_empty() => Some(std::mem::take(before)),
            Self::Filler { left: 0, after, .. } => {
                Some(std::mem::take(after)).filter(|after| !after.is_empty())
            }
            Self::Filler { unit, left, .. } => {
                let size = unit.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= size as u64;
                Some(unit.slice(..size))
            }
        }
    }
}

/// The text of one chunk of filler.
pub(super) fn filler_text() -> String {
    FILLER_SENTENCE.chars().cycle().take(FILLER_CHUNK_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut chunks: BodyChunks) -> Vec<Bytes> {
        std::iter::from_fn(|| chunks.next()).collect()
    }

    #[test]
    fn words_join_to_the_text() {
        let text = " a  mammoth\n\tsings ünï ";
        assert_eq!(all(BodyChunks::words(text)).concat(), text.as_bytes());
        assert_eq!(all(BodyChunks::words("one two")), ["one ", "two"]);
        assert!(all(BodyChunks::words("")).is_empty());
    }

    #[test]
    fn slices_go_through_characters() {
        let slices = all(BodyChunks::words("ü x").sliced(NonZeroUsize::MIN));
        assert_eq!(slices.len(), 4);
        assert_eq!(slices.concat(), "ü x".as_bytes());
    }

    #[test]
    fn filler_has_the_wanted_size() {
        let chunks = BodyChunks::filler(40_000);
        assert_eq!(chunks.total(), 40_000);
        assert_eq!(all(chunks).concat().len(), 40_000);
    }
}
