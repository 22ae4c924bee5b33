//! OpenAI's error body, from which its SDKs raise their exceptions.

use serde_json::json;

/// The body `{"error":{"message","type","param","code"}}`. `status` decides the type, as in OpenAI's API.
pub(crate) fn error_body(status: u16, code: &str, message: &str, param: Option<&str>) -> String {
    let kind = match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 if code == "insufficient_quota" => "insufficient_quota",
        429 => "rate_limit_error",
        500..=599 => "server_error",
        _ => "invalid_request_error",
    };
    json!({ "error": { "message": message, "type": kind, "param": param, "code": code } }).to_string()
}
