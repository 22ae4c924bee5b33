//! Multipart body of a chat request: one buffer, built in one pass. reqwest's own form makes a stream of parts; a
//! buffer costs less and can be sent again by the transport if a pooled connection turns out dead before it was used.

use bytes::Bytes;
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::prompt_layout::{PromptLayout, SiteTurn};
use super::site_protocol::SiteProtocol;

/// Multipart body with its `Content-Type`.
pub(super) struct ChatFormBody {
    pub(super) content_type: String,
    pub(super) body: Bytes,
}

/// Builds the form. `images` holds the uploaded URLs of each turn.
pub(super) fn build_form(
    protocol: &SiteProtocol,
    model: &str,
    layout: &PromptLayout<'_>,
    images: &[Vec<String>],
) -> ChatFormBody {
    let mut parts = FormWriter::new(boundary(), size_hint(layout));
    parts.write_text(&protocol.model_field, model.as_bytes());
    parts.write_text(&protocol.preprompt_field, layout.preprompt.as_bytes());
    for (turn, images) in layout.turns.iter().zip(images) {
        parts.write_json(&protocol.messages_field, &TurnJson { protocol, turn, images });
    }
    parts.finish()
}

/// Multipart boundary with 128 random bits: a client cannot guess it, so its text cannot end a part early.
fn boundary() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the operating system has a source of random bytes");
    format!("mammouth-proxy-{:032x}", u128::from_ne_bytes(random))
}

fn size_hint(layout: &PromptLayout<'_>) -> usize {
    let turns: usize =
        layout.turns.iter().map(|turn| turn.content.len() + turn.content.len() / 8 + 200).sum();
    turns + layout.preprompt.len() + 512
}

struct FormWriter {
    boundary: String,
    buffer: Vec<u8>,
}

impl FormWriter {
    fn new(boundary: String, size_hint: usize) -> Self {
        Self { boundary, buffer: Vec::with_capacity(size_hint) }
    }

    fn start_part(&mut self, name: &str) {
        for piece in ["--", &self.boundary, "\r\nContent-Disposition: form-data; name=\"", name, "\"\r\n\r\n"]
        {
            self.buffer.extend_from_slice(piece.as_bytes());
        }
    }

    fn write_text(&mut self, name: &str, value: &[u8]) {
        self.start_part(name);
        self.buffer.extend_from_slice(value);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn write_json(&mut self, name: &str, value: &impl Serialize) {
        self.start_part(name);
        serde_json::to_writer(&mut self.buffer, value).expect("texts become JSON and a buffer takes them");
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn finish(mut self) -> ChatFormBody {
        for piece in ["--", &self.boundary, "--\r\n"] {
            self.buffer.extend_from_slice(piece.as_bytes());
        }
        let content_type = format!("multipart/form-data; boundary={}", self.boundary);
        ChatFormBody { content_type, body: self.buffer.into() }
    }
}

struct TurnJson<'a> {
    protocol: &'a SiteProtocol,
    turn: &'a SiteTurn<'a>,
    images: &'a [String],
}

impl Serialize for TurnJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry(&self.protocol.content_key, &self.turn.content)?;
        map.serialize_entry(&self.protocol.images_key, self.images)?;
        map.serialize_entry(&self.protocol.documents_key, &[(); 0])?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn turn(content: &str) -> SiteTurn<'_> {
        SiteTurn { content: Cow::Borrowed(content), images: Vec::new() }
    }

    /// Splits a body as a server would: by the boundary that the content type names.
    fn split(form: &ChatFormBody) -> Vec<(String, String)> {
        let boundary = form.content_type.split_once("boundary=").unwrap().1;
        let body = String::from_utf8(form.body.to_vec()).unwrap();
        let inner = body.strip_prefix(&format!("--{boundary}\r\n")).unwrap();
        let inner = inner.strip_suffix(&format!("\r\n--{boundary}--\r\n")).unwrap();
        let border = format!("\r\n--{boundary}\r\n");
        let parts = inner.split(&border);
        parts
            .map(|part| {
                let (head, value) = part.split_once("\r\n\r\n").unwrap();
                let name = head.strip_prefix("Content-Disposition: form-data; name=\"").unwrap();
                (name.strip_suffix('"').unwrap().to_owned(), value.to_owned())
            })
            .collect()
    }

    fn built(preprompt: &str, contents: &[&str]) -> Vec<(String, String)> {
        let turns = contents.iter().map(|text| turn(text)).collect::<Vec<_>>();
        let images = vec![vec![]; turns.len()];
        let talk = PromptLayout { preprompt: Cow::Borrowed(preprompt), turns };
        split(&build_form(&SiteProtocol::default(), "openai-gpt-5", &talk, &images))
    }

    #[test]
    fn parts_are_in_the_order_the_site_expects() {
        let turns = vec![turn("hi"), turn("yes?"), turn("this")];
        let images = vec![vec![], vec![], vec!["https://cdn/a.png".to_owned()]];
        let talk = PromptLayout { preprompt: Cow::Borrowed(""), turns };
        let parts = split(&build_form(&SiteProtocol::default(), "openai-gpt-5", &talk, &images));
        let names: Vec<_> = parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["model", "preprompt", "messages", "messages", "messages"]);
        assert_eq!(parts[0].1, "openai-gpt-5");
        assert_eq!(parts[1].1, "");
        let last: serde_json::Value = serde_json::from_str(&parts[4].1).unwrap();
        assert_eq!(
            last,
            json!({"content": "this", "imagesData": ["https://cdn/a.png"], "documentsData": []})
        );
    }

    #[test]
    fn p15_the_boundary_is_new_each_time() {
        let one = boundary();
        assert_eq!(one.len(), "mammouth-proxy-".len() + 32);
        assert_ne!(one, boundary());
    }

    proptest! {
        #[test]
        fn p15_forged_boundaries_stay_text(
            preprompt in "(--|\r\n|mammouth-proxy-|Content-Disposition: form-data; name=\"model\"|[a-z\"🦣]){0,12}",
            content in "(--|\r\n|mammouth-proxy-|\r\n\r\n|\"}|[a-z\\\\🦣\0\u{2028}]){0,12}",
        ) {
            let parts = built(&preprompt, &[&content]);
            prop_assert_eq!(&parts[1].1, &preprompt);
            let json: serde_json::Value = serde_json::from_str(&parts[2].1).unwrap();
            prop_assert_eq!(json["content"].as_str().unwrap(), content);
            prop_assert_eq!(parts.len(), 3);
        }
    }
}
