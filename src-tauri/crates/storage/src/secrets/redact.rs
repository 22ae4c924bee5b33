//! Removal of known secrets from foreign text.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{ExposeSecret, Secret};

const REDACTION_MARK: &str = "[redacted]";

/// Maximum length of the text that [`Redactor::clean`] returns, bytes.
const MAX_CLEAN_TEXT_BYTES: usize = 2048;

/// Minimum length of a secret that is replaced, bytes. A shorter value would match ordinary text, and no real
/// secret is that short.
const MIN_SECRET_BYTES: usize = 4;

/// Length of a secret's prefix that counts as the secret, bytes, because repeated text may be truncated.
const MIN_MATCH_BYTES: usize = 8;

/// Redactor of known secrets, in the forms in which they occur in error pages and headers.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Forms of the secrets, sorted by their first byte.
    forms: Vec<Secret>,
}

impl Redactor {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let forms = secrets.into_iter().flat_map(|secret| forms(secret.expose_secret()));
        let mut forms: Vec<Secret> = forms.map(Secret::from).collect();
        forms.sort_unstable_by_key(first_byte);
        Self { forms }
    }

    /// Returns `text` as one line of at most 2 KiB, safe to log and to show: as
    /// [`Redactor::without_secrets`], and without control and direction characters.
    ///
    /// `text` must be whole: a secret of which only the end is present is not recognised.
    pub fn clean(&self, text: &str) -> String {
        one_line(&self.without_secrets(text))
    }

    /// Returns `text` with each known secret replaced: plain, URL-encoded, in base64, in hexadecimal, or as
    /// inside a JSON string; whole, or a prefix of at least 8 bytes.
    pub fn without_secrets(&self, text: &str) -> String {
        let mut forms_by_first_byte: [&[Secret]; 256] = [&[]; 256];
        for group in self.forms.chunk_by(|one, next| first_byte(one) == first_byte(next)) {
            forms_by_first_byte[usize::from(first_byte(&group[0]))] = group;
        }
        let mut clean = String::with_capacity(text.len());
        let (mut position, mut copied) = (0, 0);
        while let Some(byte) = text.as_bytes().get(position) {
            let forms = forms_by_first_byte[usize::from(*byte)];
            // A form begins at a character boundary.
            let matched = if forms.is_empty() { 0 } else { matched_bytes(forms, &text[position..]) };
            if matched > 0 {
                clean.push_str(&text[copied..position]);
                clean.push_str(REDACTION_MARK);
                copied = position + matched;
            }
            position += matched.max(1);
        }
        clean.push_str(&text[copied..]);
        clean
    }
}

/// Returns the first byte; no form is empty.
fn first_byte(form: &Secret) -> u8 {
    form.expose_secret().as_bytes().first().copied().unwrap_or_default()
}

/// Returns the number of bytes at the beginning of `text` that belong to a secret. The longest form counts:
/// the plain one may agree with an encoded one for its first characters, and the rest would still reveal a
/// part.
fn matched_bytes(forms: &[Secret], text: &str) -> usize {
    let lengths = forms.iter().map(|form| {
        let form = form.expose_secret();
        let same = form.chars().zip(text.chars()).take_while(|(known, found)| known == found);
        let length: usize = same.map(|(c, _)| c.len_utf8()).sum();
        if length >= form.len().min(MIN_MATCH_BYTES) { length } else { 0 }
    });
    lengths.max().unwrap_or(0)
}

fn forms(secret: &str) -> Vec<String> {
    if secret.len() < MIN_SECRET_BYTES {
        return Vec::new();
    }
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let percent = url.replace('+', "%20");
    let json = serde_json::Value::from(secret).to_string();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        secret.to_owned(),
        lower_escapes(&url),
        lower_escapes(&percent),
        url,
        percent,
        json[1..json.len() - 1].to_owned(),
        json[1..json.len() - 1].replace('/', "\\/"),
        hex.to_uppercase(),
        hex,
    ];
    forms.extend(base64_forms(secret.as_bytes()));
    forms
}

/// Converts `%2F` to `%2f`.
fn lower_escapes(encoded: &str) -> String {
    let mut left = 0_u8;
    encoded
        .chars()
        .map(|c| {
            left = if c == '%' { 3 } else { left };
            let escaped = left > 0;
            left = left.saturating_sub(1);
            if escaped { c.to_ascii_lowercase() } else { c }
        })
        .collect()
}

/// Returns the secret in base64, on its own and after 1 or 2 other bytes (as in `user:secret`): the
/// characters that do not depend on its neighbours.
fn base64_forms(secret: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let mut bytes = vec![0; before];
        bytes.extend_from_slice(secret);
        let whole = bytes.len() * 8 / 6;
        let first = (before * 8).div_ceil(6);
        for text in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.push(text[first..whole].to_owned());
        }
    }
    forms.retain(|form| form.len() >= MIN_SECRET_BYTES);
    forms
}

fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.chars() {
        let before = line.len();
        if is_unsafe(c) {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        if line.len() > MAX_CLEAN_TEXT_BYTES {
            line.truncate(before);
            break;
        }
    }
    line
}

/// Whether the character could forge a log line or reverse a terminal's text.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const COOKIE: &str = "s3cr\"et/va+lue=canary";

    fn redactor() -> Redactor {
        Redactor::new([&Secret::from(COOKIE), &Secret::from("abc")])
    }

    #[test]
    fn every_form_of_a_secret_is_taken_out() {
        let json = serde_json::json!({ "cookie": COOKIE }).to_string();
        let texts = [
            format!("cookie {COOKIE} refused"),
            format!("https://x/?c={}", "s3cr%22et%2Fva%2Blue%3Dcanary"),
            format!("https://x/?c={}", "s3cr%22et%2fva%2blue%3dcanary"),
            STANDARD.encode(COOKIE),
            STANDARD.encode(format!("user:{COOKIE}")),
            STANDARD.encode(format!("u:{COOKIE}:and more")),
            json.replace('/', "\\/"),
            json,
            COOKIE.bytes().map(|byte| format!("{byte:02x}")).collect(),
            COOKIE.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ];
        for text in texts {
            let clean = redactor().clean(&text);
            assert!(clean.contains(REDACTION_MARK), "{text} -> {clean}");
            // What is left is not more than what stood around it, and the padding.
            let left = clean.replace(REDACTION_MARK, "");
            assert!(!left.contains("et") && !left.contains("lue") && left.len() < 20, "{text} -> {clean}");
        }
    }

    #[test]
    fn r07_a_secret_that_was_cut_is_taken_out() {
        let clean = redactor().clean("the cookie s3cr\"et/va… is bad");
        assert_eq!(clean, "the cookie [redacted]… is bad");
    }

    #[test]
    fn a_very_short_value_is_not_redacted() {
        assert_eq!(redactor().clean("the abc of it"), "the abc of it");
    }

    #[test]
    fn control_and_direction_characters_are_escaped() {
        assert_eq!(redactor().clean("a\r\nb\u{1b}[31m\u{202e}é"), "a\\r\\nb\\u{1b}[31m\\u{202e}é");
    }

    #[test]
    fn a_redactor_does_not_print_what_it_knows() {
        assert!(!format!("{:?}", redactor()).contains("canary"));
    }

    proptest! {
        #[test]
        fn clean_text_is_short_one_line_and_without_the_secret(
            secret in "[!-~]{8,40}", before in any::<String>(), after in "\\PC{0,3000}",
        ) {
            prop_assume!(!REDACTION_MARK.contains(&secret));
            let redactor = Redactor::new([&Secret::from(secret.as_str())]);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            prop_assert!(clean.len() <= MAX_CLEAN_TEXT_BYTES);
            prop_assert!(!clean.chars().any(is_unsafe));
            prop_assert!(!clean.contains(&secret));
        }
    }
}
