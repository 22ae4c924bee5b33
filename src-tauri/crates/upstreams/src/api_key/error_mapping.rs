//! Maps error responses of LiteLLM to upstream errors. Pure.
//!
//! The body may be OpenAI's error, a plain string, FastAPI's `detail`, or a Python dictionary as text around another
//! provider's error. The status may be that of the response, or `code` as a number or as text.

mod text;

use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::Url;

use self::text::ErrorText;
use crate::transport::challenge::{CLOUDFLARE_CHALLENGE_HEADER, CLOUDFLARE_CHALLENGE_MARKS};
use crate::transport::content_type::MediaType;
use crate::transport::retry_after::parse_retry_after;
use crate::transport::sanitize::{one_line, sanitize};
use crate::{UpstreamError, UpstreamErrorKind};
use storage::secrets::Secret;

/// Words of an exhausted budget. LiteLLM has used status 400 and 429 for it.
const BUDGET_WORDS: [&str; 5] =
    ["budget_exceeded", "budget has been exceeded", "exceededbudget", "exceeded budget", "crossed budget"];
/// Words of a conversation that is too long, from the providers behind LiteLLM.
const CONTEXT_LENGTH_WORDS: [&str; 13] = [
    "context_length_exceeded",
    "contextwindowexceeded",
    "context window",
    "context length",
    "maximum context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "too many tokens",
    "exceeds the maximum number of tokens",
    "input token count",
    "reduce the length",
    "request too large for",
];
/// Words of a model that does not exist or that this key does not have.
const UNKNOWN_MODEL_WORDS: [&str; 9] = [
    "model_not_found",
    "key_model_access_denied",
    "team_model_access_denied",
    "user_model_access_denied",
    "invalid model name",
    "not allowed to access model",
    "model not found",
    "unknown model",
    "no healthy deployments",
];
/// Words of a key that LiteLLM itself rejects.
const INVALID_KEY_WORDS: [&str; 6] = [
    "expired_key",
    "expired key",
    "invalid proxy server token",
    "token_not_found",
    "key is blocked",
    "invalid api key",
];
/// Mark of a provider's error: the rejected key is then the platform's, not the user's.
const PROVIDER_ERROR_MARK: &str = "exception -";
const POLICY_WORDS: [&str; 4] =
    ["content_policy", "contentpolicyviolation", "content management policy", "violated our policy"];

/// An error response.
pub(super) struct ApiErrorResponse<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The body, or its beginning.
    pub(super) body: &'a [u8],
    /// The URL of the request.
    pub(super) url: &'a Url,
}

impl ApiErrorResponse<'_> {
    /// The upstream error. `secret` is removed from its detail.
    pub(super) fn to_error(&self, secret: Option<&Secret>, now: SystemTime) -> UpstreamError {
        let said = self.error_text();
        let named =
            self.status.is_success() && self.media() == MediaType::Json && said != ErrorText::default();
        let status = if named { said.status() } else { self.status };
        let kind = self.classify(status.as_u16(), &said);
        let detail = self.detail(kind, status.as_u16(), &said);
        let detail = secret.map_or_else(|| one_line(&detail), |secret| sanitize(&detail, secret));
        let wait = parse_retry_after(self.headers, now);
        UpstreamError::new(kind, detail).with_status(status.as_u16()).with_retry_after(wait)
    }

    fn error_text(&self) -> ErrorText {
        match serde_json::from_slice::<Value>(self.body) {
            Ok(json) if self.media() != MediaType::Html => ErrorText::parse(&json),
            Ok(_) | Err(_) if self.media() == MediaType::Html => ErrorText::default(),
            Ok(_) | Err(_) => ErrorText::from_plain(&String::from_utf8_lossy(self.body)),
        }
    }

    fn classify(&self, status: u16, said: &ErrorText) -> UpstreamErrorKind {
        if self.is_challenge(status) {
            return UpstreamErrorKind::Challenge;
        }
        if self.media() == MediaType::Html {
            return match status {
                403 => UpstreamErrorKind::Challenge,
                429 => UpstreamErrorKind::Throttled,
                408 | 500..600 => UpstreamErrorKind::Server,
                _ => UpstreamErrorKind::BadResponse,
            };
        }
        classify_status(status, said)
    }

    fn is_challenge(&self, status: u16) -> bool {
        let header = self
            .headers
            .get(CLOUDFLARE_CHALLENGE_HEADER)
            .is_some_and(|value| value.as_bytes() == b"challenge");
        let page = || {
            let page = String::from_utf8_lossy(self.body).to_lowercase();
            self.media() != MediaType::Json && has_any(&page, &CLOUDFLARE_CHALLENGE_MARKS)
        };
        matches!(status, 200 | 403 | 429 | 503) && (header || page())
    }

    fn media(&self) -> MediaType {
        MediaType::from_headers(self.headers)
    }

    fn detail(&self, kind: UpstreamErrorKind, status: u16, said: &ErrorText) -> String {
        let path = self.url.path();
        match kind {
            UpstreamErrorKind::Challenge => {
                "the API asks for a browser check (bot challenge) before it answers".to_owned()
            }
            UpstreamErrorKind::LoginRequired => {
                format!("the key is not accepted (answer {status} to {path})")
            }
            UpstreamErrorKind::BadResponse if (300..400).contains(&status) => {
                format!("{path} answered with a redirect, which is not followed ({status})")
            }
            UpstreamErrorKind::BadResponse => {
                let kind = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                format!("{path} answered {status} with content type {}", kind.unwrap_or("unknown"))
            }
            UpstreamErrorKind::Limited
            | UpstreamErrorKind::Throttled
            | UpstreamErrorKind::Server
            | UpstreamErrorKind::Empty
            | UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::Tls
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::NoSuchModel
            | UpstreamErrorKind::ContextLength
            | UpstreamErrorKind::Rejected
            | UpstreamErrorKind::Image
            | UpstreamErrorKind::Interrupted => said.user_message(status),
        }
    }
}

/// The upstream error for an error event inside a stream. `spoke`: whether a part of the reply was passed on.
pub(super) fn stream_error(error: &Value, secret: &Secret, spoke: bool) -> UpstreamError {
    let said = ErrorText::parse(error);
    let status = said.status().as_u16();
    let kind = if spoke { UpstreamErrorKind::Interrupted } else { classify_status(status, &said) };
    UpstreamError::new(kind, sanitize(&said.user_message(status), secret)).with_status(status)
}

/// The kind of an error, from its status and text.
fn classify_status(status: u16, said: &ErrorText) -> UpstreamErrorKind {
    let text = said.lower();
    match status {
        _ if has_any(&text, &BUDGET_WORDS) => UpstreamErrorKind::Limited,
        400..600 if has_any(&text, &INVALID_KEY_WORDS) && !text.contains(PROVIDER_ERROR_MARK) => {
            UpstreamErrorKind::LoginRequired
        }
        400 | 413 | 422 | 500 if has_any(&text, &CONTEXT_LENGTH_WORDS) => UpstreamErrorKind::ContextLength,
        400..405 if is_unknown_model(&text) => UpstreamErrorKind::NoSuchModel,
        400..500 if has_any(&text, &POLICY_WORDS) => UpstreamErrorKind::Rejected,
        // A provider refused the platform's own key.
        401 | 403 if text.contains(PROVIDER_ERROR_MARK) => UpstreamErrorKind::Server,
        401 | 403 => UpstreamErrorKind::LoginRequired,
        402 => UpstreamErrorKind::Limited,
        408 | 425 | 500..600 => UpstreamErrorKind::Server,
        429 => UpstreamErrorKind::Throttled,
        400 | 405..500 => UpstreamErrorKind::Rejected,
        _ => UpstreamErrorKind::BadResponse,
    }
}

fn is_unknown_model(text: &str) -> bool {
    has_any(text, &UNKNOWN_MODEL_WORDS) || (text.contains("model") && text.contains("does not exist"))
}

/// Whether JSON in a response with status 200 is an error.
pub(super) fn is_error(json: &Value) -> bool {
    json.get("error").is_some_and(is_error_value)
}

pub(super) fn is_error_value(error: &Value) -> bool {
    !matches!(error, Value::Null | Value::Bool(false))
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests;
