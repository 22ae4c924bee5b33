//! Ollama's error body. Its clients read the one text; our own code stands beside it.

use serde_json::json;

/// `{"error": text, "code": code}`
pub(crate) fn error_body(code: &str, message: &str) -> String {
    json!({ "error": message, "code": code }).to_string()
}
