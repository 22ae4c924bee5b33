//! What an answer that is no reply means: the shapes of LiteLLM's errors, and the one table from them to failures. Pure.
//!
//! The text may be OpenAI's error, a plain string, FastAPI's `detail`, or a Python dictionary in words around another
//! provider's error; the status may be in the answer, in `code` as a number, or in `code` as a text.

mod text;

use std::time::SystemTime;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use url::Url;

use self::text::ErrorText;
use crate::secrets::Secret;
use crate::upstreams::transport::media::Media;
use crate::upstreams::transport::redact::{clean, one_line};
use crate::upstreams::transport::retry_after::retry_after;
use crate::upstreams::{Failure, FailureKind};

/// A spent budget. LiteLLM has used 400 and 429 for it.
const BUDGET_WORDS: [&str; 5] =
    ["budget_exceeded", "budget has been exceeded", "exceededbudget", "exceeded budget", "crossed budget"];
/// A conversation that is too long, in the words of the providers behind the proxy.
const LENGTH_WORDS: [&str; 13] = [
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
/// A model that this key does not have, or nobody.
const MODEL_WORDS: [&str; 9] = [
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
/// The proxy's own complaint about the key.
const KEY_WORDS: [&str; 6] = [
    "expired_key",
    "expired key",
    "invalid proxy server token",
    "token_not_found",
    "key is blocked",
    "invalid api key",
];
/// The proxy's key for a provider is refused: not the user's.
const PROVIDER_AUTH: &str = "exception -";
const POLICY_WORDS: [&str; 4] =
    ["content_policy", "contentpolicyviolation", "content management policy", "violated our policy"];
const CHALLENGE_HEADER: &str = "cf-mitigated";
const CHALLENGE_MARKS: [&str; 6] = [
    "just a moment...",
    "challenge-platform",
    "cf-chl",
    "attention required! | cloudflare",
    "checking your browser",
    "error code: 1020",
];

/// An answer that is no reply.
pub(super) struct Refusal<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The body, or its beginning.
    pub(super) body: &'a [u8],
    /// The URL that was asked.
    pub(super) url: &'a Url,
}

impl Refusal<'_> {
    /// What it means. `secret` is kept out of the detail.
    pub(super) fn failure(&self, secret: Option<&Secret>, now: SystemTime) -> Failure {
        let said = self.said();
        let named = self.status.is_success() && self.media() == Media::Json && said != ErrorText::default();
        let status = if named { said.status() } else { self.status };
        let kind = self.kind(status.as_u16(), &said);
        let detail = self.detail(kind, status.as_u16(), &said);
        let detail = secret.map_or_else(|| one_line(&detail), |secret| clean(&detail, secret));
        let wait = retry_after(self.headers, now);
        Failure::new(kind, detail).with_status(status.as_u16()).with_retry_after(wait)
    }

    fn said(&self) -> ErrorText {
        match serde_json::from_slice::<Value>(self.body) {
            Ok(json) if self.media() != Media::Html => ErrorText::of(&json),
            Ok(_) | Err(_) if self.media() == Media::Html => ErrorText::default(),
            Ok(_) | Err(_) => ErrorText::plain(&String::from_utf8_lossy(self.body)),
        }
    }

    fn kind(&self, status: u16, said: &ErrorText) -> FailureKind {
        if self.is_challenge(status) {
            return FailureKind::Challenge;
        }
        if self.media() == Media::Html {
            return match status {
                403 => FailureKind::Challenge,
                429 => FailureKind::Throttled,
                408 | 500..600 => FailureKind::Server,
                _ => FailureKind::BadResponse,
            };
        }
        kind(status, said)
    }

    fn is_challenge(&self, status: u16) -> bool {
        let header = self.headers.get(CHALLENGE_HEADER).is_some_and(|value| value.as_bytes() == b"challenge");
        let page = || {
            let page = String::from_utf8_lossy(self.body).to_lowercase();
            self.media() != Media::Json && has_any(&page, &CHALLENGE_MARKS)
        };
        matches!(status, 200 | 403 | 429 | 503) && (header || page())
    }

    fn media(&self) -> Media {
        Media::of(self.headers)
    }

    fn detail(&self, kind: FailureKind, status: u16, said: &ErrorText) -> String {
        let path = self.url.path();
        match kind {
            FailureKind::Challenge => {
                "the API asks for a browser check (bot challenge) before it answers".to_owned()
            }
            FailureKind::LoginRequired => format!("the key is not accepted (answer {status} to {path})"),
            FailureKind::BadResponse if (300..400).contains(&status) => {
                format!("{path} answered with a redirect, which is not followed ({status})")
            }
            FailureKind::BadResponse => {
                let kind = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
                format!("{path} answered {status} with content type {}", kind.unwrap_or("unknown"))
            }
            FailureKind::Limited
            | FailureKind::Throttled
            | FailureKind::Server
            | FailureKind::Empty
            | FailureKind::Unreachable
            | FailureKind::Tls
            | FailureKind::Timeout
            | FailureKind::NoSuchModel
            | FailureKind::ContextLength
            | FailureKind::Rejected
            | FailureKind::Image
            | FailureKind::Interrupted => said.shown(status),
        }
    }
}

/// The failure that an error inside a stream stands for. `spoke` says whether something of the reply was passed on.
pub(super) fn in_band(error: &Value, secret: &Secret, spoke: bool) -> Failure {
    let said = ErrorText::of(error);
    let status = said.status().as_u16();
    let kind = if spoke { FailureKind::Interrupted } else { kind(status, &said) };
    Failure::new(kind, clean(&said.shown(status), secret)).with_status(status)
}

/// The table.
fn kind(status: u16, said: &ErrorText) -> FailureKind {
    let text = said.lower();
    match status {
        _ if has_any(&text, &BUDGET_WORDS) => FailureKind::Limited,
        400..600 if has_any(&text, &KEY_WORDS) && !text.contains(PROVIDER_AUTH) => FailureKind::LoginRequired,
        400 | 413 | 422 | 500 if has_any(&text, &LENGTH_WORDS) => FailureKind::ContextLength,
        400..405 if names_no_model(&text) => FailureKind::NoSuchModel,
        400..500 if has_any(&text, &POLICY_WORDS) => FailureKind::Rejected,
        // A provider refused the platform's own key.
        401 | 403 if text.contains(PROVIDER_AUTH) => FailureKind::Server,
        401 | 403 => FailureKind::LoginRequired,
        402 => FailureKind::Limited,
        408 | 425 | 500..600 => FailureKind::Server,
        429 => FailureKind::Throttled,
        400 | 405..500 => FailureKind::Rejected,
        _ => FailureKind::BadResponse,
    }
}

fn names_no_model(text: &str) -> bool {
    has_any(text, &MODEL_WORDS) || (text.contains("model") && text.contains("does not exist"))
}

/// Whether JSON that came with a 200 is an error all the same.
pub(super) fn is_error(json: &Value) -> bool {
    json.get("error").is_some_and(holds_error)
}

pub(super) fn holds_error(error: &Value) -> bool {
    !matches!(error, Value::Null | Value::Bool(false))
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests;
