//! Takes known secrets out of text that others wrote.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{ExposeSecret, Secret};

const MARK: &str = "[redacted]";

/// The longest text that [`Redactor::clean`] gives back, bytes.
const MAX_BYTES: usize = 2048;

/// Shorter values would tear holes into ordinary text, and no real secret is that short.
const MIN_SECRET_BYTES: usize = 4;

/// Knows some secrets in the forms in which they turn up in error pages and headers.
#[derive(Debug, Default)]
pub struct Redactor {
    /// Longest first, so that a form inside another does not break the longer one up.
    forms: Vec<Secret>,
}

impl Redactor {
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut forms: Vec<String> =
            secrets.into_iter().flat_map(|secret| forms(secret.expose_secret())).collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms: forms.into_iter().map(Secret::from).collect() }
    }

    /// `text` as one line of at most 2 KiB, safe to log and to show: no known secret (as it is, URL-encoded, in base64,
    /// as inside a JSON string), no control or direction character.
    ///
    /// Give it the whole text: a secret that was cut before is not recognised.
    pub fn clean(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        for form in &self.forms {
            let form = form.expose_secret();
            if clean.contains(form) {
                clean = clean.replace(form, MARK);
            }
        }
        one_line(&clean)
    }
}

fn forms(secret: &str) -> Vec<String> {
    if secret.len() < MIN_SECRET_BYTES {
        return Vec::new();
    }
    let url: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let percent = url.replace('+', "%20");
    let json = serde_json::Value::from(secret).to_string();
    let mut forms = vec![
        secret.to_owned(),
        lower_escapes(&url),
        lower_escapes(&percent),
        url,
        percent,
        json[1..json.len() - 1].to_owned(),
        json[1..json.len() - 1].replace('/', "\\/"),
    ];
    forms.extend(base64_forms(secret.as_bytes()));
    forms
}

/// `%2F` as `%2f`.
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

/// The secret in base64, on its own and behind 1 or 2 other bytes (as in `user:secret`): the characters that do not
/// depend on its neighbours.
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
        if line.len() > MAX_BYTES {
            line.truncate(before);
            break;
        }
    }
    line
}

/// Characters that could forge a log line or turn a terminal's text around.
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
        ];
        for text in texts {
            let clean = redactor().clean(&text);
            assert!(clean.contains(MARK), "{text} -> {clean}");
            assert!(!clean.contains("canary") && !clean.contains("s3cr"), "{text} -> {clean}");
        }
    }

    #[test]
    fn a_very_short_value_does_not_tear_up_the_text() {
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
            prop_assume!(!MARK.contains(&secret));
            let redactor = Redactor::new([&Secret::from(secret.as_str())]);
            let clean = redactor.clean(&format!("{before}{secret}{after}"));
            prop_assert!(clean.len() <= MAX_BYTES);
            prop_assert!(!clean.chars().any(is_unsafe));
            prop_assert!(!clean.contains(&secret));
        }
    }
}
