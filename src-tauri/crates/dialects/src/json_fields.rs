//! Fields of a JSON object, each of which is deserialized on access.
//!
//! Errors name the field, duplicate fields are rejected, and the fields that were never read are known. No
//! second copy of the body is made, which may contain megabytes of images.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::InvalidRequest;

/// Maximum number of fields of a body, more than any client sends.
const MAX_FIELDS: usize = 1_000;
/// Maximum number of ignored fields that are reported, as they are sent in a response header.
const MAX_IGNORED: usize = 32;

/// The fields of a request body in the client's order.
pub(super) struct JsonFields<'a> {
    fields: Vec<(String, &'a RawValue, bool)>,
}

impl<'a> JsonFields<'a> {
    /// Splits a body into its fields.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, InvalidRequest> {
        let text =
            std::str::from_utf8(body).map_err(|_| InvalidRequest::new(None, "the body is not UTF-8"))?;
        let mut reader = serde_json::Deserializer::from_str(text);
        let fields = JsonFieldsSeed.deserialize(&mut reader).map_err(|error| syntax_error(&error))?;
        reader.end().map_err(|error| syntax_error(&error))?;
        if let Some(twice) = first_duplicate(&fields) {
            return Err(InvalidRequest::new(harmless_name(twice), "the field stands in the body twice"));
        }
        Ok(Self { fields })
    }

    /// Reads a field; `None` where it is missing or null.
    pub(super) fn optional<T: Deserialize<'a>>(&mut self, name: &str) -> Result<Option<T>, InvalidRequest> {
        self.take(name).map_or(Ok(None), |raw| deserialize_field(name, raw))
    }

    /// Reads a required field.
    pub(super) fn required<T: Deserialize<'a>>(&mut self, name: &str) -> Result<T, InvalidRequest> {
        self.optional(name)?
            .ok_or_else(|| InvalidRequest::new(name.to_owned(), format!("the field '{name}' is missing")))
    }

    /// Reads a field as [`JsonFields::optional`] does, without marking it as read.
    pub(super) fn peek<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, InvalidRequest> {
        self.raw(name).map_or(Ok(None), |raw| deserialize_field(name, raw))
    }

    /// Returns a field as it was sent, without marking it as read.
    pub(super) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.iter().find(|(field, _, _)| field == name).map(|(_, raw, _)| *raw)
    }

    /// Marks a field as read. Returns whether it has a value other than null, false, 0 or an empty string,
    /// list or object.
    pub(super) fn take_is_set(&mut self, name: &str) -> bool {
        self.take(name).is_some_and(|raw| !matches!(raw.get(), "null" | "false" | "0" | "\"\"" | "[]" | "{}"))
    }

    /// Rejects fields that are not supported and must not be ignored.
    pub(super) fn reject_unsupported(&mut self, names: &[&str]) -> Result<(), InvalidRequest> {
        match names.iter().find(|name| self.take_is_set(name)) {
            None => Ok(()),
            Some(name) => Err(InvalidRequest::unsupported(
                name,
                format!("'{name}' cannot be honoured by this upstream"),
            )),
        }
    }

    /// The names of fields that have a value and were not read. They contain only characters that a response
    /// header allows.
    pub(super) fn ignored(&self) -> Vec<String> {
        self.fields
            .iter()
            .filter(|(_, raw, seen)| !seen && raw.get() != "null")
            .filter_map(|(name, _, _)| harmless_name(name))
            .take(MAX_IGNORED)
            .collect()
    }

    /// Returns the fields as they were sent, as parts of `body`, which is the parsed one.
    pub(super) fn into_raw(self, body: &Bytes) -> Vec<(String, Bytes)> {
        let fields = self.fields.into_iter();
        fields.map(|(name, raw, _)| (name, body.slice_ref(raw.get().as_bytes()))).collect()
    }

    fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let field = self.fields.iter_mut().find(|(field, _, _)| field == name)?;
        field.2 = true;
        Some(field.1)
    }
}

fn deserialize_field<'a, T: Deserialize<'a>>(
    name: &str,
    raw: &'a RawValue,
) -> Result<Option<T>, InvalidRequest> {
    if raw.get() == "null" {
        return Ok(None);
    }
    // Keeping track of the path costs half as much again, so only a field with an error is read for its path.
    if let Ok(value) = serde_json::from_str(raw.get()) {
        return Ok(Some(value));
    }
    let mut reader = serde_json::Deserializer::from_str(raw.get());
    serde_path_to_error::deserialize(&mut reader).map(Some).map_err(|error| type_error(name, &error))
}

fn first_duplicate<'f>(fields: &'f [(String, &RawValue, bool)]) -> Option<&'f str> {
    let mut names: Vec<&str> = fields.iter().map(|(name, _, _)| name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// The name if it is safe to repeat to the client: short, and of letters and underscores only. A key that was
/// pasted into the wrong place contains digits.
pub(super) fn harmless_name(name: &str) -> Option<String> {
    let harmless = |c: char| c.is_ascii_alphabetic() || c == '_';
    (!name.is_empty() && name.len() <= 64 && name.chars().all(harmless)).then(|| name.to_owned())
}

fn syntax_error(error: &serde_json::Error) -> InvalidRequest {
    let message = match error.classify() {
        serde_json::error::Category::Data => {
            "the body is not a JSON object, or has too many fields".to_owned()
        }
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => {
            format!("the body is not valid JSON (line {}, column {})", error.line(), error.column())
        }
    };
    InvalidRequest::new(None, message)
}

/// Error for a field of the wrong type. It contains only the path, because serde's message may quote the
/// request.
fn type_error(name: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> InvalidRequest {
    let path = match error.path().to_string() {
        path if path == "." => name.to_owned(),
        path if path.starts_with('[') => format!("{name}{path}"),
        path => format!("{name}.{path}"),
    };
    let param: String = path.chars().filter(|c| !c.is_control()).take(200).collect();
    InvalidRequest::new(
        param.clone(),
        format!("'{param}' is missing, is of the wrong type or has a value that is not allowed"),
    )
}

struct JsonFieldsSeed;

impl<'de> DeserializeSeed<'de> for JsonFieldsSeed {
    type Value = Vec<(String, &'de RawValue, bool)>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for JsonFieldsSeed {
    type Value = Vec<(String, &'de RawValue, bool)>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if fields.len() == MAX_FIELDS {
                return Err(A::Error::custom("too many fields"));
            }
            fields.push((name, map.next_value()?, false));
        }
        Ok(fields)
    }
}

/// A list of at most `MAX` items. Deserialization stops at the limit.
#[derive(Debug)]
pub(super) struct CappedVec<T, const MAX: usize>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for CappedVec<T, MAX> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(CappedVecVisitor(std::marker::PhantomData))
    }
}

struct CappedVecVisitor<T, const MAX: usize>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for CappedVecVisitor<T, MAX> {
    type Value = CappedVec<T, MAX>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a list of at most {MAX} items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() == MAX {
                return Err(A::Error::invalid_length(MAX + 1, &self));
            }
            items.push(item);
        }
        Ok(CappedVec(items))
    }
}

/// Content that is a string, a list of parts, or absent.
#[derive(Debug, Default)]
pub(super) enum StringOrList<'a, T> {
    #[default]
    Absent,
    Text(Cow<'a, str>),
    List(Vec<T>),
}

/// Maximum number of parts of a message, more than any client sends.
const MAX_PARTS: usize = 10_000;

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for StringOrList<'a, T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StringOrListVisitor(std::marker::PhantomData))
    }
}

struct StringOrListVisitor<'a, T>(std::marker::PhantomData<(&'a (), T)>);

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for StringOrListVisitor<'a, T> {
    type Value = StringOrList<'a, T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text or a list of parts")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(StringOrList::Absent)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(StringOrList::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(StringOrList::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element()? {
            if parts.len() == MAX_PARTS {
                return Err(A::Error::custom("too many parts"));
            }
            parts.push(part);
        }
        Ok(StringOrList::List(parts))
    }
}

/// Deserializes a raw value. Errors contain only the path, because serde's message may quote the request.
pub(super) fn deserialize_raw<'a, T: Deserialize<'a>>(
    param: &str,
    raw: &'a RawValue,
) -> Result<T, InvalidRequest> {
    let wrong = |_| InvalidRequest::new(param.to_owned(), format!("'{param}' is of the wrong form"));
    serde_json::from_str(raw.get()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> InvalidRequest {
        JsonFields::parse(body.as_bytes()).err().expect("refused")
    }

    #[test]
    fn p05_a_duplicate_field_is_named() {
        assert_eq!(error(r#"{"model":"a","model":"b"}"#).param.as_deref(), Some("model"));
    }

    #[test]
    fn p04_depth_and_number_of_fields_are_bounded() {
        let deep = format!(r#"{{"messages":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let mut fields = JsonFields::parse(deep.as_bytes()).unwrap();
        assert_eq!(
            fields.required::<serde_json::Value>("messages").unwrap_err().param.as_deref().map(|p| &p[..8]),
            Some("messages")
        );
        let many: Vec<String> = (0..1_001).map(|i| format!(r#""f{i}":1"#)).collect();
        assert!(error(&format!("{{{}}}", many.join(","))).message.contains("too many"));
    }

    #[test]
    fn p07_bad_text_is_refused() {
        assert!(JsonFields::parse(b"{\"model\":\"\xff\"}").is_err());
        assert!(JsonFields::parse(b"\xef\xbb\xbf{}").is_err());
        let mut lone = JsonFields::parse(br#"{"model":"\ud800"}"#).unwrap();
        assert!(lone.required::<String>("model").is_err());
    }

    #[test]
    fn error_messages_repeat_nothing_that_was_sent() {
        let mut fields = JsonFields::parse(br#"{"stream":"CANARY"}"#).unwrap();
        let invalid = fields.optional::<bool>("stream").unwrap_err();
        assert_eq!(invalid.param.as_deref(), Some("stream"));
        assert!(!invalid.message.contains("CANARY"));
    }

    #[test]
    fn ignored_names_are_fit_for_a_header() {
        let fields = JsonFields::parse(br#"{"seed":1,"a\nb":2,"user":null,"x y":3}"#).unwrap();
        assert_eq!(fields.ignored(), vec!["seed"]);
    }

    #[test]
    fn capped_lists_stop_reading() {
        assert!(serde_json::from_str::<CappedVec<u8, 2>>("[1,2]").is_ok());
        assert!(serde_json::from_str::<CappedVec<u8, 2>>("[1,2,3]").is_err());
    }
}
