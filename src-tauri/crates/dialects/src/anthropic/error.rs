//! Anthropic's error body, from which its SDKs raise their exceptions.

use std::borrow::Cow;

use serde_json::{Value, json};

/// The text in an error message by which Claude Code knows that it has to compact the conversation
/// (<https://code.claude.com/docs/en/llm-gateway-protocol>).
const PROMPT_TOO_LONG: &str = "prompt is too long";

/// The body `{"type":"error","error":{"type","message","details"}}`. `status` decides the type; our own error
/// code is in the details.
pub(crate) fn error_body(status: u16, code: &str, message: &str, param: Option<&str>) -> String {
    let kind = match (status, code) {
        (401, _) => "authentication_error",
        (403, _) => "permission_error",
        (404, _) => "not_found_error",
        (413, _) => "request_too_large",
        (429, _) => "rate_limit_error",
        (503, "overloaded" | "starting") => "overloaded_error",
        (504, _) => "timeout_error",
        (500..=599, _) => "api_error",
        (_, _) => "invalid_request_error",
    };
    let message = match code {
        "context_length_exceeded" if !message.to_ascii_lowercase().contains(PROMPT_TOO_LONG) => {
            Cow::Owned(format!("{PROMPT_TOO_LONG}: {message}"))
        }
        _ => Cow::Borrowed(message),
    };
    let mut details = json!({ "error_code": code });
    if code == "thread_unsupported_request" {
        details["unsupported"] = Value::Array(Vec::new());
    }
    if let Some(param) = param {
        details["param"] = param.into();
    }
    json!({ "type": "error", "error": { "type": kind, "message": message, "details": details } }).to_string()
}
