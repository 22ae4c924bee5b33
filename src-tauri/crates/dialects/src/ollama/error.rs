//! Ollama's error body. Its clients read the text; our own error code is in a second field.

use serde_json::json;

/// The body `{"error": text, "code": code}`.
pub(crate) fn error_body(code: &str, message: &str) -> String {
    json!({ "error": message, "code": code }).to_string()
}
