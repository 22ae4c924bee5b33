//! Sanitizing of foreign text for one line: terminals show the log, where escapes and line breaks can
//! mislead.

/// Maximum length of a stored model name, in characters.
pub(super) const MAX_MODEL_CHARS: usize = 200;
/// Maximum length of a stored name (client, account, request id, outcome), in characters.
pub(super) const MAX_NAME_CHARS: usize = 200;
/// Maximum length of a stored explanation, in characters.
pub(super) const MAX_REASON_CHARS: usize = 500;
/// Maximum length of a stored detail, in bytes.
pub(super) const MAX_DETAIL_BYTES: usize = 2048;

/// Returns at most `max` characters, with U+FFFD in place of each unprintable one.
pub(super) fn sanitize_text(text: impl AsRef<str> + Into<String>, max: usize) -> String {
    let original = text.as_ref();
    // Nearly every name is short and plain, and each record has many.
    if original.len() <= max && original.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.into();
    }
    original.chars().take(max).map(printable).collect()
}

/// Returns at most `max` bytes, with U+FFFD in place of each unprintable character.
pub(super) fn sanitize_bytes(text: &str, max: usize) -> String {
    let mut kept = String::new();
    for next in text.chars().map(printable) {
        if kept.len() + next.len_utf8() > max {
            break;
        }
        kept.push(next);
    }
    kept
}

fn printable(c: char) -> char {
    if c.is_control() || changes_direction(c) { char::REPLACEMENT_CHARACTER } else { c }
}

/// Whether the character separates lines or changes the direction of text, which can make a line read as
/// another.
fn changes_direction(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l04_control_characters_and_direction_marks_are_replaced() {
        assert_eq!(sanitize_text("a\n[INFO] b", 50), "a\u{fffd}[INFO] b");
        assert_eq!(sanitize_text("\x1b[2J\x1b]0;x\x07", 50), "\u{fffd}[2J\u{fffd}]0;x\u{fffd}");
        assert_eq!(sanitize_text("a\u{202e}b\u{2066}c\u{9b}", 50), "a\u{fffd}b\u{fffd}c\u{fffd}");
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(sanitize_text("éèà", 2), "éè");
        assert_eq!(sanitize_bytes("éèà", 5), "éè");
        assert!(sanitize_bytes(&"\n".repeat(5_000), MAX_DETAIL_BYTES).len() <= MAX_DETAIL_BYTES);
    }
}
