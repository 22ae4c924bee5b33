//! Server-sent events, written by hand because a helper that does not escape line ends would let a model write events.
//!
//! Every payload here is JSON, which cannot hold a raw line end, so one `data:` line is always one event.

/// Appends one event whose payload is `json`.
pub(super) fn data(out: &mut String, json: &str) {
    debug_assert!(!json.contains(['\n', '\r']), "JSON without raw line ends");
    out.push_str("data: ");
    out.push_str(json);
    out.push_str("\n\n");
}

/// Appends a JSON string with its quotes.
pub(super) fn json_string(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a string is always valid JSON"));
}
