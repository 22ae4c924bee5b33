//! Masks keys in texts for display.

/// Names whose values are masked, in lower case.
const SECRET_NAMES: &[&str] = &["key", "token", "secret", "password", "authorization", "cookie"];

/// Minimum length of a secret, bytes. Shorter values under such a name are settings (`"authHeader": true`).
const MIN_SECRET_LENGTH: usize = 8;

/// Masks `key` in the text, and every other value that has a secret's name or a key's prefix.
pub(crate) fn text(text: &str, key: &str) -> String {
    let text = if key.is_empty() { text.to_owned() } else { text.replace(key, &value(key)) };
    let mut masker = Masker { masked: String::with_capacity(text.len()), name: "", in_secret: false };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let word = rest.len() - rest.trim_start_matches(|c| !is_separator(c)).len();
        let (word, after) = rest.split_at(word);
        masker.word(word);
        let Some(separator) = after.chars().next() else { break };
        masker.separator(separator);
        rest = &after[separator.len_utf8()..];
    }
    masker.masked
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ':' | '=' | '{' | '}' | '[' | ']' | '•')
}

/// State of masking a text word by word, independent of its format.
struct Masker<'a> {
    masked: String,
    /// The last word; it is a name if a colon or an equals sign follows.
    name: &'a str,
    /// Whether the position is in the value of a secret's name.
    in_secret: bool,
}

impl<'a> Masker<'a> {
    fn word(&mut self, word: &'a str) {
        let long = word.len() >= MIN_SECRET_LENGTH;
        if word.starts_with("sk-") || (self.in_secret && long) {
            self.masked.push_str(&value(word));
        } else {
            self.masked.push_str(word);
        }
        if !word.is_empty() {
            self.name = word;
        }
    }

    fn separator(&mut self, separator: char) {
        match separator {
            ':' | '=' => self.in_secret |= names_secret(self.name),
            ',' | '{' | '}' | '[' | ']' | '\n' => self.in_secret = false,
            _ => {}
        }
        self.masked.push(separator);
    }
}

fn names_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Masks a secret. A long one keeps its last four characters, to distinguish it from another.
pub(crate) fn value(secret: &str) -> String {
    let count = secret.chars().count();
    let shown: String = if count >= 16 { secret.chars().skip(count - 4).collect() } else { String::new() };
    format!("••••{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "mp-0123456789abcdef";

    #[test]
    fn keys_are_masked_by_value_by_name_and_by_prefix() {
        assert_eq!(text("  \"value\": \"mp-0123456789abcdef\",", OURS), "  \"value\": \"••••cdef\",");
        assert_eq!(text("  \"apiKey\": \"abcdefghijklmnop1234\"", OURS), "  \"apiKey\": \"••••1234\"");
        assert_eq!(text("OTHER: sk-short", OURS), "OTHER: ••••");
        assert_eq!(text("  model: gpt-6-sol-preview", OURS), "  model: gpt-6-sol-preview");
        assert_eq!(
            text("API_KEY=abcdefgh12345678\nURL=http://127.0.0.1:1", ""),
            "API_KEY=••••5678\nURL=http://127.0.0.1:1"
        );
    }

    #[test]
    fn keys_are_masked_inside_a_line() {
        let line = "{\"a\":{\"apiKey\":\"abcdefghijklmnop1234\",\"baseUrl\":\"https://a.example.com\"}}";
        assert_eq!(text(line, ""), "{\"a\":{\"apiKey\":\"••••1234\",\"baseUrl\":\"https://a.example.com\"}}");
        assert_eq!(text("api_key = 'abcdefghij:klmnopq' # x", ""), "api_key = '••••:klmnopq' # x");
    }
}
