//! Makes text of the upstream's fit for a message: short, one line, without the account's secret.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::secrets::{ExposeSecret, Secret};

/// The longest detail of a failure, in bytes.
const MAX_BYTES: usize = 2048;
/// This much of the secret is as good as the secret: an upstream may echo it cut.
const TELLING_CHARS: usize = 8;
const REDACTED: &str = "[redacted]";

/// Cleans a text that came from outside. The secret goes first, so that no cut can leave a part of it.
pub(super) fn clean(text: &str, secret: &Secret) -> String {
    let mut text = text.to_owned();
    for form in forms(secret.expose_secret()) {
        text = without(&text, &form);
    }
    one_line(&text)
}

/// One line of at most 2 KiB in which nothing steers a terminal or hides.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_BYTES));
    for c in text.trim().chars() {
        let start = line.len();
        match c {
            '\n' | '\r' | '\t' => line.push(' '),
            c if steers(c) => line.extend(c.escape_unicode()),
            c => line.push(c),
        }
        if line.len() > MAX_BYTES - '…'.len_utf8() {
            line.truncate(start);
            line.push('…');
            break;
        }
    }
    line
}

fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The secret as it is, URL-encoded, and as base64 at each of the three places it can have in a longer text.
fn forms(secret: &str) -> Vec<String> {
    if secret.is_empty() {
        return Vec::new();
    }
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), lower_hex(&encoded), encoded];
    for offset in 0..3 {
        let shifted = [&[0; 2][..offset], secret.as_bytes()].concat();
        // The first and the last sign may hold bits of a neighbour.
        let (skip, whole) = ((offset * 8).div_ceil(6), shifted.len() * 8 / 6);
        for text in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.push(text[skip..whole].to_owned());
        }
    }
    forms
}

/// `%2B` as `%2b`, with all else as it is.
fn lower_hex(encoded: &str) -> String {
    let mut pieces = encoded.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (hex, rest) = piece.split_at(2);
        out.extend(["%", &hex.to_ascii_lowercase(), rest]);
    }
    out
}

/// Replaces every place where at least the first few characters of `form` stand, as far as they match.
fn without(text: &str, form: &str) -> String {
    let head: String = form.chars().take(TELLING_CHARS).collect();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(&head) {
        let matching = rest[at..].chars().zip(form.chars()).take_while(|(one, other)| one == other);
        let length: usize = matching.map(|(c, _)| c.len_utf8()).sum();
        out.push_str(&rest[..at]);
        out.push_str(REDACTED);
        rest = &rest[at + length..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn cleaned(text: &str) -> String {
        clean(text, &Secret::from("CANARY+CK/1234=="))
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
            let out = cleaned(&format!("before {text} after"));
            assert!(out.contains(REDACTED), "{text}: {out}");
            assert!(
                !out.contains("CANARY") && !out.contains("QU5BUl") && !out.contains("FOQVJZ"),
                "{text}: {out}"
            );
            assert!(out.starts_with("before ") && out.ends_with(" after"), "{out}");
        }
    }

    #[test]
    fn r07_control_characters_become_text_on_one_line() {
        assert_eq!(cleaned("a\n[INFO] b\x1b[2J\u{202e}c\0"), "a [INFO] b\\u{1b}[2J\\u{202e}c\\u{0}");
    }

    #[test]
    fn r07_ten_megabytes_are_cut_to_two_kilobytes() {
        let out = cleaned(&"🦣".repeat(2_500_000));
        assert!(out.len() <= MAX_BYTES && out.ends_with('…'));
    }

    #[test]
    fn an_empty_secret_hides_nothing() {
        assert_eq!(clean("text", &Secret::from("")), "text");
    }

    #[test]
    fn a_short_secret_is_replaced_whole() {
        assert_eq!(clean("the abc is", &Secret::from("abc")), "the [redacted] is");
    }
}
