//! Splits arriving bytes into whole lines. Pure.

use bytes::{Bytes, BytesMut};

/// Longest line, bytes. A line holds one event, and an event may hold an image as a data URL.
const MAX_LINE_BYTES: usize = 32 * 1024 * 1024;

/// Error of a line longer than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct LineTooLong;

/// Buffer of an incomplete line. Whole lines are not copied.
#[derive(Debug, Default)]
pub(super) struct LineBuffer {
    partial: BytesMut,
}

impl LineBuffer {
    /// The lines that these bytes complete, with their line ends; empty if there are none.
    pub(super) fn push(&mut self, bytes: Bytes) -> Result<Bytes, LineTooLong> {
        let Some(end) = memchr::memrchr(b'\n', &bytes) else {
            self.buffer(&bytes)?;
            return Ok(Bytes::new());
        };
        if self.partial.is_empty() {
            let whole = bytes.slice(..=end);
            self.buffer(&bytes[end + 1..])?;
            return Ok(whole);
        }
        self.partial.extend_from_slice(&bytes[..=end]);
        let whole = std::mem::take(&mut self.partial).freeze();
        self.buffer(&bytes[end + 1..])?;
        Ok(whole)
    }

    /// The last line, if it has no end.
    pub(super) fn finish(&mut self) -> Bytes {
        std::mem::take(&mut self.partial).freeze()
    }

    fn buffer(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.partial.len() + bytes.len() > MAX_LINE_BYTES {
            return Err(LineTooLong);
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

/// The payload of a `data:` line, `None` for any other line.
pub(super) fn data_payload(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"data:")?;
    Some(rest.trim_ascii())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_chunking_gives_complete_lines_and_loses_nothing(
            text in "[ab\\n\\r]{0,60}", cuts in prop::collection::vec(0usize..9, 0..20),
        ) {
            let mut lines = LineBuffer::default();
            let mut out = Vec::new();
            let mut rest = text.as_bytes();
            let ends = cuts.into_iter().chain([usize::MAX]);
            for cut in ends {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                let whole = lines.push(Bytes::copy_from_slice(head)).unwrap();
                prop_assert!(whole.is_empty() || whole.ends_with(b"\n"));
                out.extend_from_slice(&whole);
                rest = tail;
            }
            out.extend_from_slice(&lines.finish());
            prop_assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn r05_a_line_without_an_end_is_rejected() {
        let mut lines = LineBuffer::default();
        let piece = Bytes::from(vec![b'x'; 1024 * 1024]);
        let kept = (0..40).take_while(|_| lines.push(piece.clone()).is_ok()).count();
        assert_eq!(kept, 32);
    }
}
