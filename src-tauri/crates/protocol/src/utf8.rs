//! Streaming UTF-8 decoder.

/// Error for bytes that are not UTF-8. The rest of the stream is not decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reply is not valid UTF-8")]
pub struct InvalidUtf8 {
    /// The valid text before the invalid bytes, then one U+FFFD.
    pub text: String,
}

/// Decoder of UTF-8 in chunks. An incomplete character at the end of a chunk, at most three bytes, waits for the next.
#[derive(Debug, Default)]
pub struct Utf8StreamDecoder {
    incomplete: Vec<u8>,
}

impl Utf8StreamDecoder {
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes the next chunk. The text is empty if no character is complete.
    ///
    /// # Errors
    /// [`InvalidUtf8`] if the bytes cannot be the beginning of valid text.
    pub fn push(&mut self, bytes: &[u8]) -> Result<String, InvalidUtf8> {
        if self.incomplete.is_empty() {
            return self.decode(bytes);
        }
        let mut joined = std::mem::take(&mut self.incomplete);
        joined.extend_from_slice(bytes);
        self.decode(&joined)
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`InvalidUtf8`] if the last character is incomplete.
    pub fn finish(&mut self) -> Result<(), InvalidUtf8> {
        if self.incomplete.is_empty() {
            return Ok(());
        }
        self.incomplete.clear();
        Err(InvalidUtf8 { text: char::REPLACEMENT_CHARACTER.to_string() })
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<String, InvalidUtf8> {
        let error = match std::str::from_utf8(bytes) {
            Ok(text) => return Ok(text.to_owned()),
            Err(error) => error,
        };
        let (good, rest) = bytes.split_at(error.valid_up_to());
        let mut text = String::from_utf8_lossy(good).into_owned();
        if error.error_len().is_none() {
            self.incomplete.extend_from_slice(rest);
            return Ok(text);
        }
        text.push(char::REPLACEMENT_CHARACTER);
        Err(InvalidUtf8 { text })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_slices(bytes: &[u8], cuts: &[usize]) -> Result<String, InvalidUtf8> {
        let mut decoder = Utf8StreamDecoder::new();
        let mut text = String::new();
        let mut rest = bytes;
        for cut in cuts {
            let (head, tail) = rest.split_at((*cut).min(rest.len()));
            text.push_str(&decoder.push(head)?);
            rest = tail;
        }
        text.push_str(&decoder.push(rest)?);
        decoder.finish().map(|()| text)
    }

    proptest! {
        #[test]
        fn f20_any_slicing_decodes_to_the_same_text(text in ".*", cuts in prop::collection::vec(0usize..4, 0..60)) {
            prop_assert_eq!(decode_slices(text.as_bytes(), &cuts).unwrap(), text);
        }

        #[test]
        fn f20_any_bytes_are_valid_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40), cuts in prop::collection::vec(0usize..4, 0..40)) {
            prop_assert_eq!(decode_slices(&bytes, &cuts).ok(), String::from_utf8(bytes).ok());
        }
    }

    #[test]
    fn f20_four_byte_characters_in_one_byte_slices() {
        let mut joiner = Utf8StreamDecoder::new();
        let slices: Vec<_> = "🦣".bytes().map(|byte| joiner.push(&[byte]).unwrap()).collect();
        assert_eq!(slices, ["", "", "", "🦣"]);
    }

    #[test]
    fn f20_bad_bytes_end_in_one_replacement_character() {
        let mut joiner = Utf8StreamDecoder::new();
        assert_eq!(joiner.push(b"ok \xff\xfe more").unwrap_err().text, "ok \u{fffd}");
        let mut joiner = Utf8StreamDecoder::new();
        assert_eq!(joiner.push("ok🦣".as_bytes().split_last().unwrap().1).unwrap(), "ok");
        assert_eq!(joiner.finish().unwrap_err().text, "\u{fffd}");
    }
}
