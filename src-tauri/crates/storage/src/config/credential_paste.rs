//! Parser of a pasted session cookie: its bare value, a header, the export of a browser extension, a
//! `cookies.txt`, or a command for curl.
//!
//! Errors never repeat a part of the text.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::credential_list::{self, UnusableValue, find_unusable, strip_quotes};
use super::env_file::EnvFile;
use crate::secrets::Secret;

/// Maximum size of a pasted text, bytes. Exports hold many cookies.
const MAX_PASTE_BYTES: usize = 128 << 10;

/// Error of a pasted credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "what", content = "detail", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum PasteError {
    #[error("this is another site's cookie: sign in at mammouth.ai and copy the cookie from there")]
    OtherSite,
    #[error("the session cookie is not in it: sign in at mammouth.ai first, then copy again")]
    NotThere,
    #[error("the value is empty")]
    Empty,
    #[error("the text is longer than 128 KB: paste only what is asked for")]
    TooLong,
    #[error("the text has more than one line: paste the cookie only")]
    MoreLines,
    #[error("the text begins like JSON, but is none")]
    NotJson,
    #[error("the value {0}")]
    Unusable(UnusableValue),
    /// An unusable entry of a list, named by its position.
    #[error("{0}")]
    Entry(String),
}

/// Session cookie to look for.
#[derive(Debug, Clone, Copy)]
pub struct CookieTarget<'a> {
    /// Name of the session cookie.
    pub name: &'a str,
    /// Host that sets the cookie.
    pub host: &'a str,
}

/// Returns the session cookie in a pasted text.
///
/// # Errors
/// The text holds no usable cookie of the site. The error repeats no part of the text.
pub fn pasted_cookie(text: &str, wanted: CookieTarget<'_>) -> Result<Secret, PasteError> {
    usable_secret(strip_quotes(&find_cookie(text, wanted)?))
}

fn usable_secret(value: &str) -> Result<Secret, PasteError> {
    match find_unusable(value) {
        _ if value.is_empty() => Err(PasteError::Empty),
        Some(why) => Err(PasteError::Unusable(why)),
        None => Ok(Secret::from(value)),
    }
}

/// Returns the API key in a pasted text: bare, or after `Bearer`, in a header or in an assignment.
///
/// # Errors
/// The key is not usable. The error repeats no part of the text.
pub fn pasted_key(text: &str) -> Result<Secret, PasteError> {
    let text = strip_quotes(text.trim_start_matches('\u{feff}'));
    let after_name = ["authorization:", "api_keys=", "x-api-key:"].into_iter().find_map(|name| {
        let (begins, rest) = text.split_at_checked(name.len())?;
        begins.eq_ignore_ascii_case(name).then(|| strip_quotes(rest))
    });
    let key = after_name.unwrap_or(text);
    usable_secret(key.strip_prefix("Bearer ").map_or(key, strip_quotes))
}

/// Returns the session cookies and API keys in the text of a `.env`.
///
/// # Errors
/// The text is too long, or an entry is not usable. The error repeats no part of the text.
pub fn accounts_in_env(text: &str, cookie_name: &str) -> Result<(Vec<Secret>, Vec<Secret>), PasteError> {
    if text.len() > MAX_PASTE_BYTES {
        return Err(PasteError::TooLong);
    }
    let variables = EnvFile::parse(text);
    let named = |name, problem: String| PasteError::Entry(format!("{name} {problem}"));
    let cookies = credential_list::parse_cookies(variables.get("COOKIES").unwrap_or_default(), cookie_name)
        .map_err(|problem| named("COOKIES", problem))?;
    let keys = credential_list::parse_api_keys(variables.get("API_KEYS").unwrap_or_default())
        .map_err(|problem| named("API_KEYS", problem))?;
    Ok((cookies, keys))
}

fn find_cookie(text: &str, wanted: CookieTarget<'_>) -> Result<String, PasteError> {
    if text.len() > MAX_PASTE_BYTES {
        return Err(PasteError::TooLong);
    }
    let text = text.trim().trim_start_matches('\u{feff}');
    if text.starts_with(['[', '{']) {
        return from_json(text, wanted);
    }
    if text.strip_prefix("curl").is_some_and(|rest| rest.starts_with(char::is_whitespace)) {
        return from_curl(text, wanted);
    }
    if text.contains('\t') {
        return from_cookies_txt(text, wanted);
    }
    from_header_or_value(strip_quotes(text), wanted)
}

/// Parses `Cookie: a=b; c=d`, the same without its name, `Set-Cookie: …`, or a bare value.
fn from_header_or_value(text: &str, wanted: CookieTarget<'_>) -> Result<String, PasteError> {
    if text.contains(['\n', '\r']) {
        return Err(PasteError::MoreLines);
    }
    let (name, rest) = text.split_once(':').unwrap_or(("", text));
    let header = ["cookie", "set-cookie"].contains(&name.trim().to_ascii_lowercase().as_str());
    if header && name.trim().eq_ignore_ascii_case("set-cookie") && !is_set_for(rest, wanted) {
        return Err(PasteError::OtherSite);
    }
    let pairs = if header { rest } else { text };
    match pair_value(pairs, wanted.name) {
        Some(value) => Ok(value),
        None if header => Err(PasteError::NotThere),
        None if is_pair(text) => Err(PasteError::OtherSite),
        None => Ok(text.to_owned()),
    }
}

/// Whether the attributes of `Set-Cookie` name no other domain.
fn is_set_for(text: &str, wanted: CookieTarget<'_>) -> bool {
    pair_value(text, "domain")
        .or_else(|| pair_value(text, "Domain"))
        .is_none_or(|domain| same_host(&domain, wanted.host))
}

fn pair_value(pairs: &str, name: &str) -> Option<String> {
    pairs.split(';').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Whether the text is `name=value` of some cookie. The `=` at the end of base64 has no value after it.
fn is_pair(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, value)| {
        !value.trim_matches('=').is_empty()
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    })
}

/// Parses lists of Cookie-Editor, EditThisCookie and Playwright, or an object of names and values.
fn from_json(text: &str, wanted: CookieTarget<'_>) -> Result<String, PasteError> {
    let json: Value = serde_json::from_str(text).map_err(|_| PasteError::NotJson)?;
    let list = json.as_array().or_else(|| json.get("cookies")?.as_array());
    let Some(list) = list else {
        let value = json.get(wanted.name).and_then(Value::as_str);
        return value.map(str::to_owned).ok_or(PasteError::NotThere);
    };
    let field = |cookie: &Value, name| cookie.get(name).and_then(Value::as_str).map(str::to_owned);
    let named = list.iter().filter(|cookie| field(cookie, "name").as_deref() == Some(wanted.name));
    let mut found = Err(PasteError::NotThere);
    for cookie in named {
        let ours = field(cookie, "domain").is_none_or(|domain| same_host(&domain, wanted.host));
        match field(cookie, "value") {
            Some(value) if ours => return Ok(value),
            Some(_) | None => found = Err(PasteError::OtherSite),
        }
    }
    found
}

/// Parses Netscape's format: domain, subdomains, path, secure, expiry, name, value.
fn from_cookies_txt(text: &str, wanted: CookieTarget<'_>) -> Result<String, PasteError> {
    let mut found = Err(PasteError::NotThere);
    for line in text.lines() {
        let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
        let fields: Vec<&str> = line.split('\t').collect();
        let [domain, _, _, _, _, name, value] = fields[..] else { continue };
        if domain.starts_with('#') || name != wanted.name {
            continue;
        }
        if same_host(domain, wanted.host) {
            return Ok(value.trim().to_owned());
        }
        found = Err(PasteError::OtherSite);
    }
    found
}

/// Parses "Copy as cURL" of a browser's developer tools, for a POSIX shell or for cmd.
fn from_curl(text: &str, wanted: CookieTarget<'_>) -> Result<String, PasteError> {
    let words = shell_words(text);
    let url = words.iter().find_map(|word| url::Url::parse(word).ok().filter(|url| url.has_host()));
    if url.is_some_and(|url| url.host_str() != Some(wanted.host)) {
        return Err(PasteError::OtherSite);
    }
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).map_or("", String::as_str);
        let pairs = match word.as_str() {
            "-b" | "--cookie" => next,
            "-H" | "--header" => match next.split_once(':') {
                Some((name, pairs)) if name.trim().eq_ignore_ascii_case("cookie") => pairs,
                Some(_) | None => continue,
            },
            _ => continue,
        };
        if let Some(value) = pair_value(pairs, wanted.name) {
            return Ok(value);
        }
    }
    Err(PasteError::NotThere)
}

/// Splits a command line into words, and removes quotes and line continuations.
fn shell_words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\' | '^', None) | ('\\', Some('"')) => match chars.next() {
                // cmd writes `^"` around its words.
                Some('"') if c == '^' => quote = Some('"'),
                Some('\n' | '\r') | None => {}
                Some(escaped) => word.push(escaped),
            },
            ('^', Some('"')) if chars.peek() == Some(&'"') => {
                chars.next();
                quote = None;
            }
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            (c, None) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (c, _) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether the hosts are equal. Exports write a dot before a domain whose subdomains share the cookie.
fn same_host(domain: &str, host: &str) -> bool {
    let domain = domain.trim().trim_start_matches('.');
    domain.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::ExposeSecret;

    const TARGET: CookieTarget<'static> = CookieTarget { name: "auth_session", host: "mammouth.ai" };

    fn clean(text: &str) -> Result<String, PasteError> {
        pasted_cookie(text, TARGET).map(|secret| secret.expose_secret().to_owned())
    }

    #[test]
    fn g05_a_cookie_is_found_in_whatever_is_pasted() {
        let editor = r#"[{"domain":"mammouth.ai","name":"other","value":"x"},
            {"domain":".mammouth.ai","hostOnly":false,"httpOnly":true,"name":"auth_session","value":"good"}]"#;
        for text in [
            "good",
            "  \"good\"\n",
            "auth_session=good",
            "a=1; auth_session=good; b=2",
            "Cookie: a=1; auth_session=good",
            "cookie:auth_session=good",
            "Set-Cookie: auth_session=good; Path=/; HttpOnly; Domain=mammouth.ai",
            editor,
            r#"{"cookies":[{"name":"auth_session","value":"good","domain":"mammouth.ai"}]}"#,
            r#"{"auth_session":"good"}"#,
            "# Netscape HTTP Cookie File\n\n#HttpOnly_mammouth.ai\tFALSE\t/\tTRUE\t0\tauth_session\tgood",
            "evil.example\tFALSE\t/\tTRUE\t0\tauth_session\tbad\n.mammouth.ai\tTRUE\t/\tTRUE\t0\tauth_session\tgood\n",
            "curl 'https://mammouth.ai/app' \\\n  -H 'accept: */*' \\\n  -H 'cookie: a=1; auth_session=good' --compressed",
            "curl 'https://mammouth.ai/app' -b 'auth_session=good'",
            "curl \"https://mammouth.ai/app\" --header \"Cookie: auth_session=good\"",
            "curl ^\"https://mammouth.ai/app^\" ^\n  -H ^\"Cookie: auth_session=good^\"",
        ] {
            assert_eq!(clean(text).as_deref(), Ok("good"), "{text}");
        }
        assert_eq!(clean("cGFkZGVk==").as_deref(), Ok("cGFkZGVk=="));
    }

    #[test]
    fn g05_what_is_no_cookie_of_the_site_is_refused_and_never_repeated() {
        let long = "canary".repeat(2_000);
        let longer = "canary".repeat(100_000);
        for (text, why) in [
            ("canary\r\nset-cookie: x", "more than one line"),
            ("canary value", "space"),
            ("cañary", "ASCII"),
            ("canary\u{1}", "control"),
            ("session_id=canary", "another site"),
            ("Cookie: session=canary", "not in it"),
            ("Set-Cookie: auth_session=canary; Domain=evil.example", "another site"),
            (
                r#"[{"name":"auth_session","value":"canary","domain":"mammouth.ai.evil.example"}]"#,
                "another site",
            ),
            (r#"[{"name":"auth_session","value":"canary","domain":"notmammouth.ai"}]"#, "another site"),
            (r#"[{"name":"canary","value":"x","domain":"mammouth.ai"}]"#, "not in it"),
            (r#"[{"name":"auth_session","value":"can\r\nary","domain":"mammouth.ai"}]"#, "control"),
            ("{canary", "JSON"),
            ("evil.example\tFALSE\t/\tTRUE\t0\tauth_session\tcanary", "another site"),
            ("curl 'https://evil.example/' -H 'cookie: auth_session=canary'", "another site"),
            ("curl 'https://mammouth.ai/' -H 'accept: canary'", "not in it"),
            ("", "empty"),
            ("auth_session=", "empty"),
            (&long, "8 KB"),
            (&longer, "128 KB"),
        ] {
            let error = clean(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(!error.contains("can"), "{error}");
        }
    }

    #[test]
    fn g05_a_key_is_found_and_a_bad_one_not_repeated() {
        for text in [
            "sk-good",
            " \"sk-good\" ",
            "Bearer sk-good",
            "Authorization: Bearer sk-good",
            "API_KEYS=sk-good",
        ] {
            assert_eq!(pasted_key(text).unwrap().expose_secret(), "sk-good", "{text}");
        }
        for bad in ["", "canary key", "cañary", "can\nary", &"canary".repeat(2_000)] {
            let error = pasted_key(bad).unwrap_err().to_string();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn the_original_s_env_file_brings_its_accounts_along() {
        let text = "PORT=3000\nAUTH_TOKEN=x\nCOOKIES=one,auth_session=two\nAPI_KEYS='sk-a'\n";
        let (cookies, keys) = accounts_in_env(text, "auth_session").unwrap();
        let exposed = |list: &[Secret]| list.iter().map(|s| s.expose_secret().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            (exposed(&cookies), exposed(&keys)),
            (vec!["one".into(), "two".into()], vec!["sk-a".into()])
        );
        let error = accounts_in_env("COOKIES=can ary", "auth_session").unwrap_err().to_string();
        assert!(error.starts_with("COOKIES") && !error.contains("can ary"), "{error}");
    }

    proptest! {
        #[test]
        fn g05_what_comes_out_can_be_sent_and_errors_repeat_nothing(
            text in "(curl |\\[\\{\"name\":|Cookie: )?(\\PC|[,;=\"'\\\\^{}\\[\\]\n\r\t ]|canary){0,120}"
        ) {
            match clean(&text) {
                Ok(value) => prop_assert!(!value.is_empty() && find_unusable(&value).is_none()),
                Err(error) => prop_assert!(!error.to_string().contains("canary")),
            }
        }

        #[test]
        fn g05_every_form_of_a_cookie_gives_the_same_value(value in "[A-Za-z0-9._~+/-]{1,80}") {
            let forms = [
                value.clone(),
                format!("Cookie: x=1; auth_session={value}; y=2"),
                format!("[{{\"domain\":\".mammouth.ai\",\"name\":\"auth_session\",\"value\":\"{value}\"}}]"),
                format!("mammouth.ai\tFALSE\t/\tTRUE\t0\tauth_session\t{value}"),
                format!("curl 'https://mammouth.ai/' -H 'Cookie: auth_session={value}'"),
            ];
            for form in forms {
                prop_assert_eq!(clean(&form), Ok(value.clone()), "{}", form);
            }
        }
    }
}
