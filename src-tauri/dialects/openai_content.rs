//! OpenAI's messages: roles, and content as text or as parts.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Invalid;
use super::fields::Bounded;
use crate::chat::{Image, MAX_IMAGES, Message, Part, Role};

/// More messages than a conversation has; the cap bounds memory, not use.
pub(super) const MAX_MESSAGES: usize = 20_000;
const MAX_PARTS: usize = 1_000;

/// A message as it stands in the body.
#[derive(Deserialize)]
pub(super) struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(borrow, default)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow, default)]
    function_call: Option<&'a RawValue>,
}

#[derive(Default)]
enum Content<'a> {
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Deserialize)]
struct WirePart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    image_url: Option<ImageUrl<'a>>,
}

/// `{"url": …, "detail": …}`, or the bare text that some clients send.
struct ImageUrl<'a>(Cow<'a, str>);

/// Translates the messages of a request, counting its images.
pub(super) fn messages(wire: Bounded<WireMessage<'_>, MAX_MESSAGES>) -> Result<Vec<Message>, Invalid> {
    if wire.0.is_empty() {
        return Err(Invalid::request("messages".to_owned(), "'messages' must hold at least one message"));
    }
    let messages = wire
        .0
        .into_iter()
        .enumerate()
        .map(|(index, message)| translate(index, message))
        .collect::<Result<Vec<_>, _>>()?;
    let images = messages
        .iter()
        .flat_map(|m| &m.parts)
        .filter(|part| matches!(part, Part::Image(_) | Part::ImageLink(_)))
        .count();
    if images > MAX_IMAGES {
        return Err(Invalid::image(
            "messages".to_owned(),
            format!("at most {MAX_IMAGES} images fit into one request"),
        ));
    }
    Ok(messages)
}

fn translate(index: usize, wire: WireMessage<'_>) -> Result<Message, Invalid> {
    let role = role(index, &wire.role)?;
    let calls = |raw: Option<&RawValue>| raw.is_some_and(|raw| !matches!(raw.get(), "null" | "[]"));
    if calls(wire.tool_calls) || calls(wire.function_call) {
        return Err(no_tools(&format!("messages[{index}].tool_calls")));
    }
    let parts = match wire.content {
        Content::Nothing => Vec::new(),
        Content::Text(text) => vec![Part::Text(text.into_owned())],
        Content::Parts(parts) => parts
            .into_iter()
            .enumerate()
            .map(|(at, part)| translate_part(&format!("messages[{index}].content[{at}]"), part))
            .collect::<Result<_, _>>()?,
    };
    if parts.is_empty() && role != Role::Assistant {
        return Err(Invalid::request(format!("messages[{index}].content"), "the message has no content"));
    }
    Ok(Message { role, parts })
}

fn role(index: usize, name: &str) -> Result<Role, Invalid> {
    match name {
        "system" | "developer" => Ok(Role::System),
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "tool" | "function" => Err(no_tools(&format!("messages[{index}].role"))),
        _ => Err(Invalid::request(
            format!("messages[{index}].role"),
            "the role must be system, developer, user or assistant",
        )),
    }
}

pub(super) fn no_tools(param: &str) -> Invalid {
    Invalid::unsupported(param, "tool calling is not available yet: send the request without tools")
}

fn translate_part(param: &str, part: WirePart<'_>) -> Result<Part, Invalid> {
    let missing =
        |name: &str| Invalid::request(format!("{param}.{name}"), format!("the part has no '{name}'"));
    match &*part.kind {
        "text" | "input_text" | "output_text" => {
            part.text.map(|text| Part::Text(text.into_owned())).ok_or_else(|| missing("text"))
        }
        "refusal" => part.refusal.map(|text| Part::Text(text.into_owned())).ok_or_else(|| missing("refusal")),
        "image_url" => image(param, &part.image_url.ok_or_else(|| missing("image_url"))?.0),
        "input_audio" | "file" => Err(Invalid::unsupported(param, "only text and images can be passed on")),
        _ => Err(Invalid::request(format!("{param}.type"), "the type must be text or image_url")),
    }
}

fn image(param: &str, url: &str) -> Result<Part, Invalid> {
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        let image =
            Image::from_data_url(url).map_err(|error| Invalid::image(param.to_owned(), error.to_string()))?;
        return Ok(Part::Image(image));
    }
    match link(url) {
        Some(link) => Ok(Part::ImageLink(link)),
        None => Err(Invalid::image(param.to_owned(), "an image must be an https link or a data URL")),
    }
}

/// Only what the parser and a person read alike: no white space, back slashes or user names that hide the host.
fn link(text: &str) -> Option<url::Url> {
    let plain =
        text.len() <= 4_096 && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\');
    let link = url::Url::parse(text).ok().filter(|_| plain)?;
    let open = link.username().is_empty() && link.password().is_none();
    (link.scheme() == "https" && open && link.has_host()).then_some(link)
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ContentVisitor(std::marker::PhantomData))
    }
}

struct ContentVisitor<'a>(std::marker::PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for ContentVisitor<'a> {
    type Value = Content<'a>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("text or a list of parts")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
        Ok(Content::Nothing)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Content::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element()? {
            if parts.len() == MAX_PARTS {
                return Err(A::Error::custom("too many parts"));
            }
            parts.push(part);
        }
        Ok(Content::Parts(parts))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ImageUrl<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ImageUrlVisitor(std::marker::PhantomData))
    }
}

struct ImageUrlVisitor<'a>(std::marker::PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for ImageUrlVisitor<'a> {
    type Value = ImageUrl<'a>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a URL or an object with a url")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(ImageUrl(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ImageUrl(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            url: Cow<'a, str>,
        }
        let wire = Wire::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(ImageUrl(wire.url))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(url: &str) -> Result<Part, Invalid> {
        image("p", url)
    }

    #[test]
    fn s05_only_https_links_and_image_data_urls() {
        for url in [
            "file:///etc/passwd",
            "ftp://a/b",
            "gopher://a",
            "blob:x",
            "javascript:alert(1)",
            "smb://a",
            "http://a/b.png",
            "data:text/html,hi",
            "",
        ] {
            assert!(part(url).is_err(), "{url}");
        }
        assert!(matches!(part("https://example.com/a.png"), Ok(Part::ImageLink(_))));
    }

    #[test]
    fn s02_links_that_hide_their_host_are_refused() {
        for url in [
            "https://a@127.0.0.1/x",
            "https://127.0.0.1\\@a/",
            "https://ex\tample.com/",
            "https://a b/",
            "https://u:p@h/",
        ] {
            assert!(part(url).is_err(), "{url}");
        }
    }

    #[test]
    fn roles_and_contents() {
        let wire = serde_json::from_str(
            r#"[{"role":"developer","content":"be brief"},
                {"role":"user","content":[{"type":"text","text":"a\n"},{"type":"image_url","image_url":{"url":"https://e.com/x"}}]},
                {"role":"assistant","content":null}]"#,
        )
        .unwrap();
        let messages = messages(wire).unwrap();
        assert_eq!(messages[0], Message { role: Role::System, parts: vec![Part::Text("be brief".into())] });
        assert_eq!(messages[1].parts.len(), 2);
        assert!(messages[2].parts.is_empty());
    }
}
