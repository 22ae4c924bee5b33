//! Parser of lists of cookies or keys as users paste them.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::secrets::Secret;

/// Maximum length of a single value, bytes. Servers accept no longer header.
pub(super) const MAX_VALUE_BYTES: usize = 8 << 10;

/// Returns the session cookies in `text`, each given as its value, as `name=value`, or as a whole `Cookie:`
/// or `Set-Cookie:` line.
///
/// # Errors
/// The rest of a sentence, which names the entry by its position.
pub(super) fn parse_cookies(text: &str, cookie_name: &str) -> Result<Vec<Secret>, String> {
    parse_entries(text, |entry| cookie_value(entry, cookie_name))
}

/// Returns the API keys in `text`. The errors are those of [`parse_cookies`].
pub(super) fn parse_api_keys(text: &str) -> Result<Vec<Secret>, String> {
    parse_entries(text, Ok)
}

/// Reason why a value cannot be sent in a header, as the rest of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum UnusableValue {
    #[error("is longer than 8 KB")]
    TooLong,
    #[error("holds a control character")]
    Control,
    #[error("holds a character that is not ASCII")]
    NotAscii,
    #[error("holds a space, a semicolon or a comma")]
    Separator,
}

/// Returns the reason why `value` cannot be sent, if there is one.
pub(super) fn find_unusable(value: &str) -> Option<UnusableValue> {
    if value.len() > MAX_VALUE_BYTES {
        Some(UnusableValue::TooLong)
    } else if value.chars().any(char::is_control) {
        Some(UnusableValue::Control)
    } else if !value.is_ascii() {
        Some(UnusableValue::NotAscii)
    } else if value.contains([' ', ';', ',']) {
        Some(UnusableValue::Separator)
    } else {
        None
    }
}

/// Returns `text` without surrounding spaces and quotes, which `docker --env-file` and shells may pass on.
pub(super) fn strip_quotes(text: &str) -> &str {
    text.trim().trim_matches(['"', '\'', '`']).trim()
}

fn parse_entries<'a>(
    text: &'a str,
    clean: impl Fn(&'a str) -> Result<&'a str, &'static str>,
) -> Result<Vec<Secret>, String> {
    let (mut values, mut known) = (Vec::new(), HashSet::new());
    let entries = text.split([',', '\n', '\r']).map(strip_quotes).filter(|entry| !entry.is_empty());
    for (at, entry) in entries.enumerate() {
        let wrong = |why: &str| format!("has an entry (number {}) that {why}", at + 1);
        let value = strip_quotes(clean(entry).map_err(wrong)?);
        if let Some(why) = find_unusable(value) {
            return Err(wrong(&why.to_string()));
        }
        if !value.is_empty() && known.insert(value) {
            values.push(Secret::from(value));
        }
    }
    Ok(values)
}

fn cookie_value<'a>(entry: &'a str, cookie_name: &str) -> Result<&'a str, &'static str> {
    let pairs = after_header_name(entry);
    let named = pairs.unwrap_or(entry).split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (name.trim() == cookie_name).then(|| value.trim())
    });
    match (named, pairs) {
        (Some(value), _) => Ok(value),
        (None, None) => Ok(entry),
        (None, Some(_)) => Err("is a Cookie header without the session cookie"),
    }
}

fn after_header_name(entry: &str) -> Option<&str> {
    let (name, pairs) = entry.split_once(':')?;
    ["cookie", "set-cookie"].contains(&name.trim().to_ascii_lowercase().as_str()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::ExposeSecret;

    fn values(text: &str) -> Vec<String> {
        let list = parse_cookies(text, "auth_session").unwrap();
        list.iter().map(|secret| secret.expose_secret().to_owned()).collect()
    }

    #[test]
    fn d05_lists_are_read_as_people_paste_them() {
        for (text, expected) in [
            ("a", vec!["a"]),
            ("a,b\nc\r\nd", vec!["a", "b", "c", "d"]),
            (" , a ,,\n\n b ,", vec!["a", "b"]),
            ("a,b,a", vec!["a", "b"]),
            ("\"a,b\"", vec!["a", "b"]),
            ("'a', 'b'", vec!["a", "b"]),
            ("auth_session=a,auth_session=b", vec!["a", "b"]),
            ("Cookie: x=1; auth_session=a; y=2", vec!["a"]),
            ("cookie:auth_session=a", vec!["a"]),
            ("x=1; auth_session=\"a\"", vec!["a"]),
            ("Set-Cookie: auth_session=a; Path=/; HttpOnly", vec!["a"]),
            ("auth_session=", vec![]),
            ("cGFkZGVk==", vec!["cGFkZGVk=="]),
            ("", vec![]),
        ] {
            assert_eq!(values(text), expected, "{text:?}");
        }
    }

    #[test]
    fn d05_a_bad_entry_is_named_by_its_position_only() {
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        for bad in ["can ary", "can;ary", "can\tary", "can\u{7f}ary", "canäry", "Cookie: canary=1", &long] {
            let error = parse_cookies(&format!("good,,{bad}"), "auth_session").unwrap_err();
            assert!(error.contains("(number 2)"), "{error}");
            assert!(!error.contains("can") && !error.contains("xxx"), "{error}");
        }
    }

    #[test]
    fn d05_a_list_of_1_mb_is_read() {
        let text: String = (0..100_000).map(|n| format!("value{}\n", n % 500)).collect();
        assert_eq!(parse_api_keys(&text).unwrap().len(), 500);
    }

    proptest! {
        #[test]
        fn what_comes_out_can_be_sent(text in "(\\PC|[,;=\"'\n\r\t ]){0,200}") {
            if let Ok(list) = parse_cookies(&text, "auth_session") {
                for value in list {
                    prop_assert!(!value.expose_secret().is_empty());
                    prop_assert!(find_unusable(value.expose_secret()).is_none());
                }
            }
        }
    }
}
