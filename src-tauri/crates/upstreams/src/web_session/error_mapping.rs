//! Maps error responses of the site to upstream errors, by status, headers and text. Pure.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::Url;

use super::site_protocol::{
    CHALLENGE_HEADERS, CONTEXT_LENGTH_WORDS, ERROR_MESSAGE_KEYS, LENGTH_UNIT_WORDS, LIMIT_WORDS,
    LOGIN_PAGE_MARKS, LOGIN_PATHS, LOGIN_WORDS, MAX_LENGTH_WORDS, MORE_CHALLENGE_MARKS,
};
use crate::transport::challenge::CLOUDFLARE_CHALLENGE_MARKS;
use crate::transport::content_type::MediaType;
use crate::transport::retry_after::parse_retry_after;
use crate::transport::sanitize::sanitize;
use crate::{UpstreamError, UpstreamErrorKind};
use storage::secrets::Secret;

/// An error response.
pub(super) struct WebErrorResponse<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The body, or its beginning.
    pub(super) body: &'a [u8],
    /// The URL of the request.
    pub(super) url: &'a Url,
    /// Name of the site protocol, for messages.
    pub(super) protocol_name: &'a str,
}

impl WebErrorResponse<'_> {
    /// The upstream error. `secret` is removed from its detail.
    pub(super) fn to_error(&self, secret: &Secret, now: SystemTime) -> UpstreamError {
        let text = self.message();
        let status = self.json().and_then(|json| self.inner_status(&json)).unwrap_or(self.status);
        let kind = self.classify(status, &text.to_lowercase());
        let detail = sanitize(&self.detail(kind, status, &text), secret);
        let wait = parse_retry_after(self.headers, now);
        UpstreamError::new(kind, detail).with_status(status.as_u16()).with_retry_after(wait)
    }

    fn classify(&self, status: StatusCode, text: &str) -> UpstreamErrorKind {
        if self.is_challenge(status, text) {
            return UpstreamErrorKind::Challenge;
        }
        match status.as_u16() {
            300..400 if self.redirects_to_login() => UpstreamErrorKind::LoginRequired,
            401 => UpstreamErrorKind::LoginRequired,
            402 => UpstreamErrorKind::Limited,
            403 => self.classify_forbidden(text),
            408 | 425 | 500..600 => UpstreamErrorKind::Server,
            429 => UpstreamErrorKind::Throttled,
            400 | 413 | 422 if is_too_long(text) => UpstreamErrorKind::ContextLength,
            400 | 409 | 413 | 414 | 415 | 422 | 431 | 451 => UpstreamErrorKind::Rejected,
            200..300 if self.media() == MediaType::Html && self.is_login_page() => {
                UpstreamErrorKind::LoginRequired
            }
            _ => UpstreamErrorKind::BadResponse,
        }
    }

    fn classify_forbidden(&self, text: &str) -> UpstreamErrorKind {
        let limited = has_any(text, &LIMIT_WORDS);
        match self.media() {
            MediaType::Json if !limited && has_any(text, &LOGIN_WORDS) => UpstreamErrorKind::LoginRequired,
            MediaType::Json => UpstreamErrorKind::Limited,
            // The site refuses in JSON; a page is the work of something that stands before it.
            MediaType::Html => UpstreamErrorKind::Challenge,
            MediaType::Text | MediaType::Other if limited => UpstreamErrorKind::Limited,
            MediaType::Text | MediaType::Other => UpstreamErrorKind::BadResponse,
        }
    }

    fn is_challenge(&self, status: StatusCode, text: &str) -> bool {
        let by_header =
            |name: &str| self.headers.get(name).is_some_and(|value| value.as_bytes() == b"challenge");
        let possible = matches!(status.as_u16(), 200 | 403 | 429 | 503);
        let marked = || has_any(text, &CLOUDFLARE_CHALLENGE_MARKS) || has_any(text, &MORE_CHALLENGE_MARKS);
        let page = self.media() != MediaType::Json && marked();
        possible && (CHALLENGE_HEADERS.into_iter().any(by_header) || page)
    }

    fn is_login_page(&self) -> bool {
        let page = String::from_utf8_lossy(self.body).to_lowercase().replace(['"', '\''], "");
        has_any(&page, &LOGIN_PAGE_MARKS)
    }

    fn redirects_to_login(&self) -> bool {
        let location = self.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
        let target = location.and_then(|location| self.url.join(location).ok());
        target.is_some_and(|target| {
            let words = target.path_segments().into_iter().flatten().map(str::to_ascii_lowercase);
            target.host() == self.url.host()
                && words.into_iter().any(|word| LOGIN_PATHS.contains(&word.as_str()))
        })
    }

    fn media(&self) -> MediaType {
        MediaType::from_headers(self.headers)
    }

    fn json(&self) -> Option<Value> {
        (self.media() == MediaType::Json).then(|| serde_json::from_slice(self.body).ok()).flatten()
    }

    /// The status in a JSON error. It counts if the response itself has a status of success.
    fn inner_status(&self, json: &Value) -> Option<StatusCode> {
        if !self.status.is_success() {
            return None;
        }
        let named = ["statusCode", "status", "code"].into_iter().find_map(|key| json.get(key)?.as_u64());
        let error = named.and_then(|code| StatusCode::from_u16(u16::try_from(code).ok()?).ok());
        error.filter(|status| status.as_u16() >= 400).or_else(|| StatusCode::from_u16(500).ok())
    }

    /// The error message in the body.
    fn message(&self) -> String {
        match self.json() {
            Some(json) => find_message(&json, 0).unwrap_or_default(),
            None => String::from_utf8_lossy(self.body).into_owned(),
        }
    }

    fn detail(&self, kind: UpstreamErrorKind, status: StatusCode, text: &str) -> String {
        let (path, code) = (self.url.path(), status.as_u16());
        if kind == UpstreamErrorKind::Challenge {
            return "the site asks for a browser check (bot challenge) before it answers".to_owned();
        }
        if kind == UpstreamErrorKind::LoginRequired {
            return format!("the site wants a new login (answer {code} to {path})");
        }
        if kind == UpstreamErrorKind::BadResponse && status.is_redirection() {
            return format!("{path} answered with a redirect to elsewhere, which is not followed ({code})");
        }
        if kind == UpstreamErrorKind::BadResponse {
            let (described, shape) = (self.content_type_description(), self.protocol_name);
            return format!(
                "{path} answered {code} with {described}, which does not fit the request shape {shape}"
            );
        }
        if text.trim().is_empty() || self.media() == MediaType::Html {
            return format!("the site answered {code}");
        }
        text.to_owned()
    }

    fn content_type_description(&self) -> String {
        match self.headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) {
            Some(Ok(value)) => format!("content type {value}"),
            Some(Err(_)) => "an unreadable content type".to_owned(),
            None => "no content type".to_owned(),
        }
    }
}

/// Whether a JSON response with status 200 is an error.
pub(super) fn is_error(json: &Value) -> bool {
    let code = json.get("statusCode").and_then(Value::as_u64).is_some_and(|code| code >= 400);
    let flag = json.get("error").is_some_and(|error| !matches!(error, Value::Null | Value::Bool(false)));
    code || flag
}

/// The most specific text in a JSON error, at most two objects deep.
fn find_message(json: &Value, depth: u8) -> Option<String> {
    let texts = ERROR_MESSAGE_KEYS.into_iter().filter_map(|key| json.get(key));
    let mut texts = texts.filter_map(|value| match value {
        Value::String(text) => (!text.trim().is_empty()).then(|| text.clone()),
        Value::Object(_) if depth < 2 => find_message(value, depth + 1),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    });
    texts.next()
}

fn is_too_long(text: &str) -> bool {
    has_any(text, &CONTEXT_LENGTH_WORDS)
        || (has_any(text, &MAX_LENGTH_WORDS) && has_any(text, &LENGTH_UNIT_WORDS))
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::UpstreamErrorKind::*;
    use super::*;

    const JSON: (&str, &str) = ("content-type", "application/json");
    const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

    fn failure(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> UpstreamError {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let url = Url::parse("https://mammouth.ai/api/models/llms").unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let refusal = WebErrorResponse {
            status,
            headers: &map,
            body: body.as_bytes(),
            url: &url,
            protocol_name: "llms-2025",
        };
        refusal.to_error(&Secret::from("CANARY_CK1234"), SystemTime::UNIX_EPOCH)
    }

    fn kind(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> UpstreamErrorKind {
        failure(status, headers, body).kind
    }

    #[test]
    fn f01_a_403_in_json_is_the_quota_unless_it_mentions_the_session() {
        for body in [
            r#"{"message":"You have reached your usage limit"}"#,
            r#"{"statusCode":403,"statusMessage":"Limit reached, log in to upgrade"}"#,
            r#"{"statusMessage":"Forbidden"}"#,
            "{}",
        ] {
            assert_eq!(kind(403, &[JSON], body), Limited, "{body}");
        }
        assert_eq!(kind(403, &[JSON], r#"{"message":"Unauthorized"}"#), LoginRequired);
        let failure = failure(403, &[JSON], r#"{"message":"You have reached your usage limit"}"#);
        assert_eq!(
            (failure.status, failure.detail.as_str()),
            (Some(403), "You have reached your usage limit")
        );
    }

    #[test]
    fn f02_challenges_are_recognized_by_header_and_page() {
        for status in [403, 429, 503] {
            assert_eq!(kind(status, &[HTML, ("cf-mitigated", "challenge")], "<html>"), Challenge);
            assert_eq!(kind(status, &[HTML], "<title>Just a moment...</title>"), Challenge);
        }
        assert_eq!(kind(403, &[HTML], "<h1>Blocked</h1>"), Challenge);
        assert_eq!(kind(200, &[HTML], "<script src=/cdn-cgi/challenge-platform/x>"), Challenge);
        assert_eq!(kind(503, &[HTML], "<h1>Service Unavailable</h1>"), Server);
        assert_eq!(kind(429, &[JSON], r#"{"message":"just a moment..."}"#), Throttled);
    }

    #[test]
    fn f03_a_lost_session_is_recognized_by_401_redirect_and_login_page() {
        assert_eq!(kind(401, &[JSON], "{}"), LoginRequired);
        for location in ["/login", "/auth/signin?next=/", "https://mammouth.ai/en/login", "login"] {
            assert_eq!(kind(302, &[("location", location)], ""), LoginRequired, "{location}");
        }
        assert_eq!(kind(200, &[HTML], "<form><input type='password'></form>"), LoginRequired);
        assert_eq!(kind(200, &[HTML], "<title>Log in to Mammouth</title>"), LoginRequired);
    }

    #[test]
    fn r03_redirects_to_elsewhere_are_bad_responses() {
        for location in
            ["https://evil.example/login", "/app", "http://127.0.0.1:1/x", "//evil.example/auth", "%"]
        {
            for status in [301, 302, 303, 307, 308] {
                assert_eq!(kind(status, &[("location", location)], ""), BadResponse, "{location}");
            }
        }
        assert!(!failure(302, &[("location", "https://evil.example/?k=1")], "").detail.contains("evil"));
    }

    #[test]
    fn f04_a_429_carries_its_retry_after() {
        let failure = failure(429, &[("retry-after", "7")], "slow down");
        assert_eq!((failure.kind, failure.retry_after.unwrap().as_secs()), (Throttled, 7));
    }

    #[test]
    fn f07_every_5xx_is_a_server_error() {
        assert!([500, 502, 503, 504, 520].into_iter().all(|status| kind(status, &[], "") == Server));
    }

    #[test]
    fn f11_an_error_in_a_200_is_read_like_its_own_status() {
        let body = r#"{"error":true,"statusCode":403,"statusMessage":"limit reached"}"#;
        let limited = failure(200, &[JSON], body);
        assert_eq!((limited.kind, limited.status), (Limited, Some(403)));
        assert_eq!(kind(200, &[JSON], r#"{"error":{"message":"boom"}}"#), Server);
        assert_eq!(kind(200, &[JSON], r#"{"statusCode":401}"#), LoginRequired);
    }

    #[test]
    fn f09_other_pages_are_bad_responses() {
        assert_eq!(kind(200, &[HTML], "<html>Welcome to our hotel Wi-Fi</html>"), BadResponse);
        assert_eq!(kind(200, &[("content-type", "image/png")], ""), BadResponse);
        assert_eq!(kind(404, &[HTML], "Not found"), BadResponse);
    }

    #[test]
    fn f15_rejected_requests_are_classified() {
        let too_long = r#"{"message":"Input exceeds the maximum of 4000000 characters"}"#;
        assert_eq!(kind(400, &[JSON], too_long), ContextLength);
        assert_eq!(kind(413, &[], "prompt is too long"), ContextLength);
        assert_eq!(kind(422, &[JSON], r#"{"message":"content policy"}"#), Rejected);
        assert_eq!(kind(413, &[], ""), Rejected);
    }

    #[test]
    fn r04_no_html_page_appears_in_an_error_detail() {
        for status in [200, 400, 403, 500] {
            assert!(!failure(status, &[HTML], "<img src=x onerror=alert(1)>").detail.contains("img"));
        }
    }

    #[test]
    fn r07_the_details_are_short_and_hold_no_secret() {
        let echo = format!(r#"{{"message":"no CANARY_CK1234 \u001b[2J {}"}}"#, "x".repeat(10_000));
        let detail = failure(403, &[JSON], &echo).detail;
        assert!(detail.starts_with("no [redacted] \\u{1b}[2J"), "{detail}");
        assert!(detail.len() <= 2048);
    }

    #[test]
    fn r08_odd_json_does_not_panic() {
        for body in [
            "null",
            "[]",
            "3",
            r#"{"message":{"message":{"message":{"message":"x"}}}}"#,
            r#"{"message":[1]}"#,
        ] {
            assert_eq!(kind(400, &[JSON], body), Rejected, "{body}");
        }
    }
}
