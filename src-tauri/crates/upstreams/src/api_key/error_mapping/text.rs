//! Extraction of an error's text from the formats that wrap it. Pure.

use http::StatusCode;
use serde_json::Value;

/// Maximum depth of errors inside errors.
const MAX_DEPTH: u8 = 6;

/// Text of an error. Any field may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ErrorText {
    message: String,
    /// `type` and `code`, where they are texts.
    words: String,
    /// `code` or a status, where it is a number of an HTTP error.
    status: Option<u16>,
}

impl ErrorText {
    /// Reads a body, or the `error` of one.
    pub(super) fn parse(json: &Value) -> Self {
        let mut text = Self::default();
        text.read(json, 0);
        text
    }

    pub(super) fn from_plain(message: &str) -> Self {
        Self { message: message.trim().to_owned(), ..Self::default() }
    }

    /// The status that the error names, else 500.
    pub(super) fn status(&self) -> StatusCode {
        let named = self.status.and_then(|code| StatusCode::from_u16(code).ok());
        named.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Returns the whole text in lower case, for the search for words.
    pub(super) fn lower(&self) -> String {
        format!("{} {}", self.words, self.message).to_lowercase()
    }

    /// Returns the sentence for people.
    pub(super) fn user_message(&self, status: u16) -> String {
        match python_message(&self.message) {
            Some(inner) => inner,
            None if self.message.is_empty() => format!("the API answered {status}"),
            None => self.message.clone(),
        }
    }

    fn read(&mut self, json: &Value, depth: u8) {
        match json {
            Value::String(text) => self.read_text(text, depth),
            Value::Object(object) => {
                for key in ["type", "code", "status", "status_code"] {
                    self.record_code(object.get(key));
                }
                let inner =
                    ["error", "message", "detail", "msg"].into_iter().filter_map(|key| object.get(key));
                for value in inner.filter(|_| depth < MAX_DEPTH) {
                    self.read(value, depth + 1);
                }
            }
            Value::Array(items) if depth < MAX_DEPTH => {
                items.iter().take(3).for_each(|item| self.read(item, depth + 1));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
        }
    }

    /// Reads a text, which may be JSON itself.
    fn read_text(&mut self, text: &str, depth: u8) {
        let inner =
            text.trim_start().starts_with('{').then(|| serde_json::from_str::<Value>(text).ok()).flatten();
        match inner {
            Some(inner) if depth < MAX_DEPTH => self.read(&inner, depth + 1),
            Some(_) | None if self.message.is_empty() => text.trim().clone_into(&mut self.message),
            Some(_) | None => {}
        }
    }

    fn record_code(&mut self, value: Option<&Value>) {
        let number = match value {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => {
                self.words.push_str(text);
                self.words.push(' ');
                text.trim().parse().ok()
            }
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => None,
        };
        let error = number.and_then(|code| u16::try_from(code).ok()).filter(|code| (400..600).contains(code));
        self.status = self.status.or(error);
    }
}

/// Returns the `'message'` of a Python dictionary that was turned into text.
fn python_message(text: &str) -> Option<String> {
    let at = text.find("'message': ")? + "'message': ".len();
    let quote = text[at..].chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let mut message = String::new();
    let mut rest = text[at + 1..].chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => message.push(match rest.next()? {
                'n' | 'r' | 't' => ' ',
                other => other,
            }),
            c if c == quote => return (!message.trim().is_empty()).then_some(message),
            c => message.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_nesting_is_unwrapped() {
        for (json, message, status) in [
            (json!({"error": {"message": "m", "type": "t", "param": null, "code": "429"}}), "m", 429),
            (json!({"error": {"message": "m", "code": 403}}), "m", 403),
            (json!({"error": "m"}), "m", 500),
            (json!({"detail": "m"}), "m", 500),
            (json!({"detail": {"error": "m"}}), "m", 500),
            (json!({"detail": [{"loc": ["body"], "msg": "m"}]}), "m", 500),
            (json!("m"), "m", 500),
            (json!({"error": {"message": "{\"error\": {\"message\": \"m\", \"code\": 400}}"}}), "m", 400),
            (
                json!({"error": {"message": "Error code: 400 - {'error': {'message': 'm', 'type': 'x'}}"}}),
                "m",
                500,
            ),
            (json!({"error": {"message": "x {'message': \"it's \\\"m\\\"\"}"}}), "it's \"m\"", 500),
            (json!({"error": {"code": "insufficient"}}), "the API answered 500", 500),
            (json!([]), "the API answered 500", 500),
        ] {
            let text = ErrorText::parse(&json);
            assert_eq!(
                (text.user_message(500).as_str(), text.status().as_u16()),
                (message, status),
                "{json}"
            );
        }
    }
}
