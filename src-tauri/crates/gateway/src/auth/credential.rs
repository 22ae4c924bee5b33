//! The credential of a request. It is read from two headers, never from the URL or a cookie.

use http::header::{self, HeaderMap, HeaderValue};

/// The presented key. `None` if no header holds a possible key, a header is repeated, or the two headers differ.
///
/// These cases are not distinguished, so that the response does not reveal how close a guess was.
pub(super) fn presented_key(headers: &HeaderMap) -> Option<&[u8]> {
    let authorization = single_header(headers, &header::AUTHORIZATION).ok()?;
    let api_key = single_header(headers, &http::HeaderName::from_static("x-api-key")).ok()?;
    match (authorization, api_key) {
        (Some(authorization), None) => parse_bearer(authorization.as_bytes()),
        (None, Some(key)) => parse_token(key.as_bytes()),
        (Some(authorization), Some(key)) => {
            parse_bearer(authorization.as_bytes()).filter(|token| *token == key.as_bytes())
        }
        (None, None) => None,
    }
}

/// A header that was sent more than once.
struct RepeatedHeader;

fn single_header<'a>(
    headers: &'a HeaderMap,
    name: &http::HeaderName,
) -> Result<Option<&'a HeaderValue>, RepeatedHeader> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() { Err(RepeatedHeader) } else { Ok(first) }
}

/// `Bearer`, in any case, one space, and the token (RFC 6750, 2.1).
fn parse_bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(b"bearer ".len())?;
    if scheme.eq_ignore_ascii_case(b"bearer ") { parse_token(rest) } else { None }
}

fn parse_token(value: &[u8]) -> Option<&[u8]> {
    (!value.is_empty() && value.iter().all(u8::is_ascii_graphic)).then_some(value)
}
