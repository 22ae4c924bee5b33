//! The model name in a request body that is otherwise invalid, for the request log.

use serde::Deserialize;
use serde_json::value::RawValue;

use protocol::is_model_name;
use storage::request_log::OpenRecord;

/// The readable fields of a request that its dialect rejects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PartialRequest {
    model: Option<String>,
    stream: bool,
}

/// Raw fields of any type, so that a field of a wrong type does not hide the others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Fields<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
}

impl PartialRequest {
    /// Reads the readable fields; none if the body is not a JSON object.
    pub(super) fn parse(body: &[u8]) -> Self {
        let fields: Fields<'_> = serde_json::from_slice(body).unwrap_or_default();
        Self {
            model: fields
                .model
                .and_then(|model| serde_json::from_str(model.get()).ok())
                .filter(|model: &String| is_model_id(model)),
            stream: fields.stream.is_some_and(|stream| stream.get() == "true"),
        }
    }

    /// Writes the fields into the record.
    pub(super) fn record(self, entry: &mut OpenRecord) {
        if let Some(model) = self.model {
            entry.set_requested_model(&model, self.stream);
        }
    }
}

/// Whether a text can be a model id. Other text may be a secret or a prompt in the wrong field, and must not be logged.
fn is_model_id(text: &str) -> bool {
    is_model_name(text) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_is_found_among_fields_of_wrong_types() {
        let named = |body: &str| PartialRequest::parse(body.as_bytes());
        let complete = PartialRequest { model: Some("m".into()), stream: true };
        assert_eq!(named(r#"{"messages":7,"model":"m","stream":true,"x":[{}]}"#), complete);
        assert_eq!(named(r#"{"model":"m","stream":"yes"}"#), PartialRequest { stream: false, ..complete });
        for body in [
            "",
            "{",
            "[]",
            r#"{"model":7}"#,
            r#"{"model":null}"#,
            r#"{"model":"a b"}"#,
            r#"{"model":"a\n"}"#,
            "\u{feff}",
        ] {
            assert_eq!(named(body), PartialRequest::default(), "{body}");
        }
    }
}
