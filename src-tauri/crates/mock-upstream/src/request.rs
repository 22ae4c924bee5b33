//! Strict parsers of the site's two forms (docs/upstream-protocol.md, section 1).

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::call_log::RecordedUpload;
use super::multipart::FormPart;

const MESSAGE_FIELDS: [&str; 3] = ["content", "imagesData", "documentsData"];

/// The form of `/api/models/llms`.
#[derive(Debug)]
pub(super) struct ChatForm {
    pub(super) model: String,
    pub(super) preprompt: String,
    pub(super) messages: Vec<Value>,
}

impl ChatForm {
    /// Parses the form. The error is a sentence about the first violation.
    pub(super) fn parse(parts: &[FormPart]) -> Result<Self, String> {
        let [model, preprompt, messages @ ..] = parts else {
            return Err("the form needs model, preprompt and messages".to_owned());
        };
        check_field(model, "model")?;
        check_field(preprompt, "preprompt")?;
        if model.bytes.is_empty() {
            return Err("model is empty".to_owned());
        }
        if messages.is_empty() {
            return Err("the form has no messages".to_owned());
        }
        let messages = messages.iter().map(parse_message).collect::<Result<_, _>>()?;
        let (model, preprompt) = (model.text()?.to_owned(), preprompt.text()?.to_owned());
        Ok(Self { model, preprompt, messages })
    }

    pub(super) fn images(&self) -> impl Iterator<Item = &str> {
        let lists = self.messages.iter().filter_map(|message| message["imagesData"].as_array());
        lists.flatten().filter_map(Value::as_str)
    }

    pub(super) fn last_message_text(&self) -> &str {
        self.messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

/// Parses the form of `/api/attachments/saveFile`. The error is a sentence about the first violation.
pub(super) fn parse_upload(parts: &[FormPart]) -> Result<RecordedUpload, String> {
    let [kind, name, file] = parts else {
        return Err("the form needs type, name and file".to_owned());
    };
    check_field(kind, "type")?;
    check_field(name, "name")?;
    if file.name != "file" {
        return Err(format!("part {:?} where file belongs", file.name));
    }
    if kind.bytes != "image" {
        return Err("type is not image".to_owned());
    }
    if file.bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    Ok(RecordedUpload {
        name: name.text()?.to_owned(),
        file_name: file.file_name.clone().ok_or("the file has no file name")?,
        content_type: file.content_type.clone().ok_or("the file has no content type")?,
        bytes_len: file.bytes.len(),
        sha256: hex::encode(Sha256::digest(&file.bytes)),
    })
}

fn check_field(part: &FormPart, name: &str) -> Result<(), String> {
    if part.name != name {
        return Err(format!("part {:?} where {name} belongs", part.name));
    }
    if part.file_name.is_some() { Err(format!("{name} is sent as a file")) } else { Ok(()) }
}

fn parse_message(part: &FormPart) -> Result<Value, String> {
    check_field(part, "messages")?;
    let value: Value = serde_json::from_str(part.text()?).map_err(|_| "a message is not JSON")?;
    let fields = value.as_object().ok_or("a message is not an object")?;
    if let Some(other) = fields.keys().find(|key| !MESSAGE_FIELDS.contains(&key.as_str())) {
        return Err(format!("a message has the field {other:?}"));
    }
    let content = fields.get("content").and_then(Value::as_str).ok_or("a message without content")?;
    if content.is_empty() {
        return Err("a message with empty content".to_owned());
    }
    if !array_field(fields, "imagesData")?.iter().all(Value::is_string) {
        return Err("imagesData holds something else than URLs".to_owned());
    }
    array_field(fields, "documentsData")?;
    Ok(value)
}

fn array_field<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<&'a Vec<Value>, String> {
    fields.get(name).and_then(Value::as_array).ok_or_else(|| format!("a message without a list {name}"))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn part(name: &str, text: &str) -> FormPart {
        let bytes = Bytes::from(text.to_owned());
        FormPart { name: name.to_owned(), file_name: None, content_type: None, bytes }
    }

    fn turn(text: &str) -> FormPart {
        part("messages", text)
    }

    const TURN: &str = r#"{"content":"hi","imagesData":["u"],"documentsData":[]}"#;

    #[test]
    fn a_good_form_is_read() {
        let ask = ChatForm::parse(&[part("model", "m"), part("preprompt", ""), turn(TURN)]).unwrap();
        assert_eq!((ask.model.as_str(), ask.preprompt.as_str(), ask.last_message_text()), ("m", "", "hi"));
        assert_eq!(ask.images().collect::<Vec<_>>(), ["u"]);
    }

    #[test]
    fn a_missing_doubled_or_misplaced_part_is_refused() {
        let forms = [
            vec![],
            vec![part("model", "m"), part("preprompt", "")],
            vec![part("model", "m"), turn(TURN)],
            vec![part("preprompt", ""), part("model", "m"), turn(TURN)],
            vec![part("model", ""), part("preprompt", ""), turn(TURN)],
            vec![part("model", "m"), part("model", "m"), part("preprompt", ""), turn(TURN)],
            vec![part("model", "m"), part("preprompt", ""), part("preprompt", ""), turn(TURN)],
            vec![part("model", "m"), part("preprompt", ""), turn(TURN), part("extra", "")],
        ];
        for form in forms {
            assert!(ChatForm::parse(&form).is_err(), "{form:?}");
        }
    }

    #[test]
    fn a_message_of_another_shape_is_refused() {
        let turns = [
            "hi",
            "[]",
            r#"{"content":"","imagesData":[],"documentsData":[]}"#,
            r#"{"content":1,"imagesData":[],"documentsData":[]}"#,
            r#"{"content":"x","imagesData":[]}"#,
            r#"{"content":"x","imagesData":[1],"documentsData":[]}"#,
            r#"{"content":"x","imagesData":{},"documentsData":[]}"#,
            r#"{"role":"user","content":"x","imagesData":[],"documentsData":[]}"#,
        ];
        for text in turns {
            assert!(parse_message(&turn(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn an_upload_is_described_by_its_hash() {
        let file = || FormPart {
            file_name: Some("blob".into()),
            content_type: Some("image/png".into()),
            ..part("file", "abc")
        };
        let read = parse_upload(&[part("type", "image"), part("name", "a.png"), file()]).unwrap();
        assert_eq!(read.bytes_len, 3);
        assert!(read.sha256.starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert!(parse_upload(&[part("type", "pdf"), part("name", "a.png"), file()]).is_err());
        assert!(parse_upload(&[part("type", "image"), part("name", "a.png"), part("file", "abc")]).is_err());
    }
}
