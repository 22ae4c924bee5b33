//! Anthropic's error body, from which its SDKs raise their own classes.

use serde_json::{Value, json};

/// `{"type":"error","error":{"type","message","details"}}`. `status` decides the type; our own code stands in the details.
pub fn error_body(status: u16, code: &str, message: &str, param: Option<&str>) -> String {
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
    let mut details = json!({ "error_code": code });
    if code == "thread_unsupported_request" {
        details["unsupported"] = Value::Array(Vec::new());
    }
    if let Some(param) = param {
        details["param"] = param.into();
    }
    json!({ "type": "error", "error": { "type": kind, "message": message, "details": details } }).to_string()
}
