//! Server-sent events. This is own code because a library that does not escape line breaks would let a model
//! inject events.
//!
//! Every payload is JSON, which contains no raw line break, so one `data:` line is always one event.

use std::fmt::Display;

use serde::Serialize;
use serde_json::Value;

use super::openai_error;

/// The event that ends an interrupted stream in OpenAI's format: an error without an end marker.
pub(super) fn error_frame(code: &str, message: &str) -> String {
    let json = openai_error::error_body(502, code, message, None);
    debug_assert!(!json.contains(['\n', '\r']), "JSON without raw line ends");
    format!("data: {json}\n\n")
}

/// Appends a JSON string with its quotes.
pub(super) fn write_json_string(out: &mut String, text: &str) {
    out.push_str(&serde_json::to_string(text).expect("a string is always valid JSON"));
}

/// Appends a JSON value. The `Display` of a [`Value`] writes the same, at more than twice the cost.
pub(super) fn write_json(out: &mut String, value: &impl Serialize) {
    out.push_str(&serde_json::to_string(value).expect("a value is always valid JSON"));
}

/// Appends an event with its name. The data is a JSON value, or its text.
pub(super) fn write_event(out: &mut String, name: &str, data: &impl Display) {
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    let from = out.len();
    out.push_str(&data.to_string());
    debug_assert!(!out[from..].contains(['\n', '\r']), "JSON without raw line ends");
    out.push_str("\n\n");
}

/// Markdown link to an image, for dialects whose replies have no field for images.
pub(super) fn image_markdown(url: &str) -> String {
    format!("![image]({url})")
}

/// The arguments of a call as an object; empty if they are not one.
pub(super) fn arguments_object(arguments: &str) -> Value {
    let empty = || Value::Object(serde_json::Map::new());
    serde_json::from_str(arguments).ok().filter(Value::is_object).unwrap_or_else(empty)
}
