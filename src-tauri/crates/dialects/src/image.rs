//! Images in requests: a link, a data URL or bare base64.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::Visitor;

use super::InvalidRequest;
use protocol::{Image, ImageDetail, ImageError, ImageLink, MAX_IMAGES, Message, Part};

/// The object `{"url": …, "detail": …}`, or the bare string that some clients send.
pub(super) struct ImageUrl<'a> {
    pub(super) url: Cow<'a, str>,
    pub(super) detail: Option<ImageDetail>,
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
        Ok(ImageUrl { url: Cow::Borrowed(text), detail: None })
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ImageUrl { url: Cow::Owned(text.to_owned()), detail: None })
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Wire<'a> {
            #[serde(borrow)]
            url: Cow<'a, str>,
            #[serde(borrow, default)]
            detail: Option<Cow<'a, str>>,
        }
        let wire = Wire::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        Ok(ImageUrl { url: wire.url, detail: wire.detail.as_deref().and_then(parse_detail) })
    }
}

/// Reads an image that is given by a URL.
pub(super) fn from_url(param: &str, url: &str, detail: Option<ImageDetail>) -> Result<Part, InvalidRequest> {
    if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        return into_part(param, Image::from_data_url(url).map(|image| image.with_detail(detail)));
    }
    match parse_https_link(url) {
        Some(url) => Ok(Part::ImageLink(ImageLink { url, detail })),
        None => Err(InvalidRequest::invalid_image(
            param.to_owned(),
            "an image must be an https link or a data URL",
        )),
    }
}

/// Parses OpenAI's `detail`. Chat completions, to which every request is translated, have no level above
/// `high`.
pub(super) fn parse_detail(word: &str) -> Option<ImageDetail> {
    match word {
        "low" => Some(ImageDetail::Low),
        "high" | "original" => Some(ImageDetail::High),
        _ => None,
    }
}

/// Reads an image that was sent as base64. The type is recognized by the first bytes, so no declared type is
/// needed.
pub(super) fn from_base64(param: &str, data: &str) -> Result<Part, InvalidRequest> {
    into_part(param, Image::from_base64(data))
}

fn into_part(param: &str, image: Result<Image, ImageError>) -> Result<Part, InvalidRequest> {
    image.map(Part::Image).map_err(|error| InvalidRequest::invalid_image(param.to_owned(), error.to_string()))
}

/// Rejects a conversation with more images than one request may contain.
pub(super) fn check_count(messages: &[Message]) -> Result<(), InvalidRequest> {
    let images: usize = messages.iter().map(|message| count_images(&message.parts)).sum();
    if images > MAX_IMAGES {
        let message = format!("at most {MAX_IMAGES} images fit into one request");
        return Err(InvalidRequest::invalid_image("messages".to_owned(), message));
    }
    Ok(())
}

fn count_images(parts: &[Part]) -> usize {
    let counts = parts.iter().map(|part| match part {
        Part::Image(_) | Part::ImageLink(_) => 1,
        Part::Result(result) => count_images(&result.parts),
        Part::Text(_) | Part::File(_) | Part::Reasoning(_) | Part::Call(_) => 0,
    });
    counts.sum()
}

/// Parses an `https` link. Rejects white space, backslashes and user names, which can hide the real host from
/// a reader.
fn parse_https_link(text: &str) -> Option<url::Url> {
    let plain =
        text.len() <= 4_096 && !text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\');
    let link = url::Url::parse(text).ok().filter(|_| plain)?;
    let open = link.username().is_empty() && link.password().is_none();
    (link.scheme() == "https" && open && link.has_host()).then_some(link)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(from_url("p", url, None).is_err(), "{url}");
        }
        assert!(matches!(from_url("p", "https://example.com/a.png", None), Ok(Part::ImageLink(_))));
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
            assert!(from_url("p", url, None).is_err(), "{url}");
        }
    }

    #[test]
    fn bare_base64_is_an_image_by_its_first_bytes() {
        assert!(matches!(from_base64("p", "iVBORw0KGgo="), Ok(Part::Image(_))));
        assert!(
            from_base64("p", "aGk=").is_err()
                && from_base64("p", "").is_err()
                && from_base64("p", "!").is_err()
        );
    }
}
