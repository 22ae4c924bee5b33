//! Images of a request. The format is detected from the first bytes; the declared type is not trusted.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use bytes::Bytes;

/// Maximum size of an image in bytes.
pub const MAX_IMAGE_BYTES: usize = 20 * 1024 * 1024;
/// Maximum number of images in a request.
pub const MAX_IMAGES: usize = 16;

/// Accepted image formats. SVG is not one of them: it is a document with scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ImageKind {
    Png,
    Jpeg,
    Gif,
    Webp,
}

impl ImageKind {
    /// Returns the format with this signature; `None` if it is not accepted.
    pub fn detect(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            _ => None,
        }
    }

    /// Returns the media type, as in `Content-Type`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }
}

/// Reason why an image was rejected. The texts are safe to show: they contain no part of the input.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error("the image is not a PNG, JPEG, GIF or WebP")]
    Format,
    #[error("the image is neither base64 nor of the form data:image/(png|jpeg|gif|webp);base64,…")]
    DataUrl,
    #[error("the image is empty")]
    Empty,
    #[error("the image is larger than 20 MB")]
    TooLarge,
}

/// Resolution at which the model sees an image (OpenAI's `detail`), which decides its price. If absent, the
/// model decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageDetail {
    Low,
    High,
}

/// An image given as an `https` URL. The upstream fetches it.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageLink {
    pub url: url::Url,
    pub detail: Option<ImageDetail>,
}

/// An image whose size and format were checked. It is not decoded.
#[derive(Clone, PartialEq)]
pub struct Image {
    kind: ImageKind,
    bytes: Bytes,
    detail: Option<ImageDetail>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

impl Image {
    /// Checks size and format of untrusted bytes.
    ///
    /// # Errors
    /// [`ImageError::Empty`], [`ImageError::TooLarge`] or [`ImageError::Format`].
    pub fn from_bytes(bytes: Bytes) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        if bytes.len() > MAX_IMAGE_BYTES {
            return Err(ImageError::TooLarge);
        }
        let kind = ImageKind::detect(&bytes).ok_or(ImageError::Format)?;
        Ok(Self { kind, bytes, detail: None })
    }

    /// Reads a `data:image/…;base64,…` URL. The declared type must be an accepted one; the bytes
    /// decide which.
    ///
    /// # Errors
    /// [`ImageError::DataUrl`] for any other form, and the errors of [`Image::from_bytes`].
    pub fn from_data_url(url: &str) -> Result<Self, ImageError> {
        let (head, data) = url.split_once(',').ok_or(ImageError::DataUrl)?;
        let declared = head.to_ascii_lowercase();
        let media = declared.strip_prefix("data:").and_then(|rest| rest.strip_suffix(";base64"));
        if !matches!(media, Some("image/png" | "image/jpeg" | "image/jpg" | "image/gif" | "image/webp")) {
            return Err(ImageError::DataUrl);
        }
        Self::from_base64(data)
    }

    /// Reads base64, with or without its padding.
    ///
    /// # Errors
    /// [`ImageError::DataUrl`] for any other text, and the errors of [`Image::from_bytes`].
    pub fn from_base64(data: &str) -> Result<Self, ImageError> {
        if data.len() / 4 * 3 > MAX_IMAGE_BYTES + 3 {
            return Err(ImageError::TooLarge);
        }
        let data = data.trim_end();
        let bytes = STANDARD
            .decode(data)
            .or_else(|_| STANDARD_NO_PAD.decode(data))
            .map_err(|_| ImageError::DataUrl)?;
        Self::from_bytes(bytes.into())
    }

    pub fn kind(&self) -> ImageKind {
        self.kind
    }

    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub fn detail(&self) -> Option<ImageDetail> {
        self.detail
    }

    #[must_use]
    pub fn with_detail(self, detail: Option<ImageDetail>) -> Self {
        Self { detail, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

    #[test]
    fn first_bytes_decide_not_the_label() {
        let url = format!("data:image/jpeg;base64,{}", STANDARD.encode(PNG));
        assert_eq!(Image::from_data_url(&url).unwrap().kind(), ImageKind::Png);
    }

    #[test]
    fn s07_hostile_data_urls_are_refused_undecoded() {
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        let svg = format!("data:image/svg+xml;base64,{}", encode(b"<svg/>"));
        assert_eq!(Image::from_data_url(&svg), Err(ImageError::DataUrl));
        let html = format!("data:image/png;base64,{}", encode(b"<html><script>"));
        assert_eq!(Image::from_data_url(&html), Err(ImageError::Format));
        assert_eq!(Image::from_data_url("data:image/png;base64,"), Err(ImageError::Empty));
        assert_eq!(Image::from_data_url("data:image/png;base64,!!!"), Err(ImageError::DataUrl));
        assert_eq!(Image::from_data_url("data:text/html;base64,aGk="), Err(ImageError::DataUrl));
        let huge = format!("data:image/png;base64,{}", "A".repeat(MAX_IMAGE_BYTES / 3 * 4 + 64));
        assert_eq!(Image::from_data_url(&huge), Err(ImageError::TooLarge));
    }
}
