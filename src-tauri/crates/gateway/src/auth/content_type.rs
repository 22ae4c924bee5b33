//! Content type of request bodies: only JSON in UTF-8 without content encoding.
//!
//! A page can send a form or plain text without a preflight, but not JSON. A compressed body would hide its size.

use http::header::{self, HeaderMap};

/// Whether the body is declared as JSON in UTF-8 without content encoding. With `may_be_undeclared`, a missing content
/// type is accepted too.
pub(super) fn is_plain_json(headers: &HeaderMap, may_be_undeclared: bool) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let type_is_accepted = match (types.next(), types.next()) {
        (Some(only), None) => only.to_str().is_ok_and(is_json),
        (None, _) => may_be_undeclared,
        (Some(_), Some(_)) => false,
    };
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    type_is_accepted && encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn is_json(value: &str) -> bool {
    let mut parts = value.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json_type = media_type
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"));
    is_json_type && parts.all(is_utf8_or_no_charset)
}

/// Whether a parameter allows UTF-8. Any parameter other than `charset` is accepted, as it does not concern
/// the encoding.
fn is_utf8_or_no_charset(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    let value = value.trim().trim_matches('"');
    !name.trim().eq_ignore_ascii_case("charset")
        || ["utf-8", "utf8"].iter().any(|it| value.eq_ignore_ascii_case(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n06_only_json_in_utf_8_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"; x=1",
            "application/vnd.a+json",
        ] {
            assert!(is_json(good), "{good}");
        }
        for bad in [
            "text/plain",
            "",
            "text/json",
            "application/jsonp",
            "application/x-www-form-urlencoded",
            "application/json; charset=utf-16",
            "multipart/form-data; x=application/json",
            "application/json, text/plain",
        ] {
            assert!(!is_json(bad), "{bad}");
        }
    }
}
