//! Streaming scanner that finds the end of a JSON value in one pass, without buffering.

/// The result of scanning a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScanResult {
    /// The value is not complete.
    NeedMore,
    /// The value ended before this byte of the chunk.
    End(usize),
    /// This byte of the chunk is not valid here; it was not consumed.
    Unexpected(usize),
}

/// State of the scanner inside a JSON value.
#[derive(Debug, Default, Clone)]
pub(super) struct JsonScanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether invalid bytes, such as line breaks inside strings, are skipped.
    pub(super) lenient: bool,
}

impl JsonScanner {
    pub(super) fn lenient() -> Self {
        Self { lenient: true, ..Self::default() }
    }

    /// Scans the next bytes of an object or array.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> ScanResult {
        let mut at = 0;
        while at < bytes.len() {
            if self.escaped {
                self.escaped = false;
                at += 1;
                continue;
            }
            let rest = bytes[at..].iter();
            let next = if self.in_string {
                rest.copied().position(|byte| !is_plain_in_string(byte))
            } else {
                rest.copied().position(|byte| !is_plain_in_structure(byte))
            };
            at += next.unwrap_or(bytes.len() - at);
            let Some(&byte) = bytes.get(at) else { break };
            match (self.in_string, byte) {
                (_, b'"') => self.in_string = !self.in_string,
                (true, b'\\') => self.escaped = true,
                (false, b'{' | b'[') => self.depth += 1,
                (false, b'}' | b']') => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return ScanResult::End(at + 1);
                    }
                }
                _ if self.lenient => {}
                _ => return ScanResult::Unexpected(at),
            }
            at += 1;
        }
        ScanResult::NeedMore
    }
}

fn is_plain_in_string(byte: u8) -> bool {
    byte != b'"' && byte != b'\\' && byte != b'\n'
}

fn is_plain_in_structure(byte: u8) -> bool {
    !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b'<' | b'`' | b'\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_in_any_chunking() {
        let text = r#"{"a": ["}", {"b": "\"]"}], "c": "中文"} rest"#;
        let end = text.find(" rest").unwrap();
        for cut in 1..text.len() {
            let mut scanner = JsonScanner::default();
            let mut taken = 0;
            let found = text.as_bytes().chunks(cut).find_map(|slice| match scanner.feed(slice) {
                ScanResult::End(at) => Some(taken + at),
                ScanResult::NeedMore | ScanResult::Unexpected(_) => {
                    taken += slice.len();
                    None
                }
            });
            assert_eq!(found, Some(end));
        }
    }

    #[test]
    fn non_json_is_detected_at_once() {
        assert_eq!(JsonScanner::default().feed(b"{\"a\": \"x\ny\"}"), ScanResult::Unexpected(8));
        assert_eq!(JsonScanner::default().feed(b"{\"a\": 1</tool_call>"), ScanResult::Unexpected(7));
        assert_eq!(JsonScanner::lenient().feed(b"{\"a\": \"x\ny\"}"), ScanResult::End(12));
    }
}
