//! Sanitising of upstream text for messages: short, one line, without the account's secret.

use storage::secrets::{Redactor, Secret};

/// Longest detail of an error, bytes.
const MAX_DETAIL_BYTES: usize = 2048;

/// Sanitises a text that came from outside. The secret is removed first, so that truncation cannot leave a part of it.
pub(crate) fn sanitize(text: &str, secret: &Secret) -> String {
    one_line(&Redactor::new([secret]).without_secrets(text))
}

/// The text as one line of at most 2 KiB, without control and invisible characters.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_DETAIL_BYTES));
    for c in text.trim().chars() {
        let start = line.len();
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if is_unsafe_to_display(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
        if line.len() > MAX_DETAIL_BYTES - '…'.len_utf8() {
            line.truncate(start);
            line.push('…');
            break;
        }
    }
    line
}

fn is_unsafe_to_display(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn sanitized(text: &str) -> String {
        sanitize(text, &Secret::from("CANARY+CK/1234=="))
    }

    #[test]
    fn r07_the_secret_is_replaced_in_every_form() {
        for text in [
            "CANARY+CK/1234==".to_owned(),
            "CANARY%2BCK%2F1234%3D%3D".to_owned(),
            "CANARY%2bCK%2f1234%3d%3d".to_owned(),
            STANDARD.encode("CANARY+CK/1234=="),
            STANDARD.encode("auth_session=CANARY+CK/1234=="),
            STANDARD.encode("xauth_session=CANARY+CK/1234==; other"),
            STANDARD.encode("xxauth_session=CANARY+CK/1234==; other"),
            "CANARY+C".to_owned(),
        ] {
            let out = sanitized(&format!("before {text} after"));
            assert!(out.contains("[redacted]"), "{text}: {out}");
            assert!(
                !out.contains("CANARY") && !out.contains("1234") && !out.contains("QU5BUl"),
                "{text}: {out}"
            );
            assert!(out.starts_with("before ") && out.ends_with(" after"), "{out}");
        }
    }

    #[test]
    fn r07_control_characters_become_text_on_one_line() {
        assert_eq!(sanitized("a\n[INFO] b\x1b[2J\u{202e}c\0"), "a [INFO] b\\u{1b}[2J\\u{202e}c\\u{0}");
    }

    #[test]
    fn r07_ten_megabytes_are_cut_to_two_kilobytes() {
        let out = sanitized(&"🦣".repeat(2_500_000));
        assert!(out.len() <= MAX_DETAIL_BYTES && out.ends_with('…'));
    }
}
