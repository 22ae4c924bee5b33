//! Keys in texts that are shown.

/// Names whose values are masked, in lower case.
const SECRET_NAMES: &[&str] = &["key", "token", "secret", "password", "authorization", "cookie"];

/// Shorter values under such a name are settings, not secrets (`"authHeader": true`).
const MIN_SECRET_LENGTH: usize = 8;

/// `line` with `key`, and with whatever else looks like a key, masked.
pub(crate) fn line(line: &str, key: &str) -> String {
    let line = if key.is_empty() { line.to_owned() } else { line.replace(key, &value(key)) };
    let named = line.find([':', '=']).filter(|at| names_secret(&line[..*at]));
    let (head, tail) = line.split_at(named.map_or(0, |at| at + 1));
    let masked =
        words(tail, |word| word.starts_with("sk-") || (named.is_some() && word.len() >= MIN_SECRET_LENGTH));
    format!("{head}{masked}")
}

fn names_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// Replaces the words (what stands between spaces, quotes and punctuation of the formats) that `is_secret`.
fn words(text: &str, is_secret: impl Fn(&str) -> bool) -> String {
    let separator =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '{' | '}' | '[' | ']' | '•');
    let mut result = String::with_capacity(text.len());
    for part in text.split_inclusive(separator) {
        let word = part.trim_end_matches(separator);
        if is_secret(word) {
            result.push_str(&value(word))
        } else {
            result.push_str(word)
        }
        result.push_str(&part[word.len()..]);
    }
    result
}

/// The last four characters of a long secret tell it apart from another; of a short one nothing shows.
pub(crate) fn value(secret: &str) -> String {
    let count = secret.chars().count();
    let shown: String = if count >= 16 { secret.chars().skip(count - 4).collect() } else { String::new() };
    format!("••••{shown}")
}

/// The whole text, line by line.
pub(crate) fn text(text: &str, key: &str) -> String {
    text.split_inclusive('\n').map(|part| line(part, key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_masked_by_value_by_name_and_by_prefix() {
        let ours = "mp-0123456789abcdef";
        assert_eq!(line("  \"value\": \"mp-0123456789abcdef\",", ours), "  \"value\": \"••••cdef\",");
        assert_eq!(line("  \"apiKey\": \"abcdefghijklmnop1234\"", ours), "  \"apiKey\": \"••••1234\"");
        assert_eq!(line("OTHER: sk-short", ours), "OTHER: ••••");
        assert_eq!(line("  model: gpt-6-sol-preview", ours), "  model: gpt-6-sol-preview");
    }
}
