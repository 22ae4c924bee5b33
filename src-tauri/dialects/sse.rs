//! Server-sent events, written by hand because a helper that does not escape line ends would let a model write events.
//!
//! Every payload here is JSON, which cannot hold a raw line end, so one `data:` line is always one event.

use super::openai_error;

/// The event that ends a stream which broke off, as OpenAI's SDKs read it: an error, and no end mark behind it.
pub(super) fn broken(code: &str, message: &str) -> String {
    let json = openai_error(502, code, message, None);
    debug_assert!(!json.contains(['\n', '\r']), "JSON without raw line ends");
    format!("data: {json}\n\n")
}

/// Appends a JSON string with its quotes.
pub(super) fn json_string(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a string is always valid JSON"));
}
