//! Kind of a response body by its headers. Pure.

use http::{HeaderMap, header};

/// Kind of a response body, from its `Content-Type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    /// Plain text, `application/octet-stream`, or no type.
    Text,
    Json,
    Html,
    Other,
}

impl MediaType {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_TYPE) else { return Self::Text };
        let essence =
            value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "" | "text/plain" | "application/octet-stream" => Self::Text,
            "text/html" | "application/xhtml+xml" => Self::Html,
            "application/json" | "text/json" => Self::Json,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// Whether the body is compressed. Compression is not requested and never decoded, which
/// excludes decompression bombs.
pub(crate) fn is_compressed(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r05_only_plain_bytes_are_read() {
        let encoded = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, value.parse().unwrap());
            is_compressed(&headers)
        };
        assert!(
            encoded("gzip")
                && encoded("br, gzip")
                && !encoded("Identity")
                && !is_compressed(&HeaderMap::new())
        );
    }
}
