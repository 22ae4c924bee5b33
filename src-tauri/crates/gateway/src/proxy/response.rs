//! Builds HTTP responses, including error responses in the format of the client's API family.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderName, StatusCode};
use warp::reply::Response;

use super::error::{ErrorResponse, ProxyError, error_response};
use super::unserved;
use crate::auth::{RejectReason, Rejection};
use dialects::ApiFamily;

/// The proxy's own response headers; docs/contract.md describes them.
pub(super) const ACCOUNT_HEADER: HeaderName = HeaderName::from_static("x-mammouth-account");
pub(super) const ATTEMPTS_HEADER: HeaderName = HeaderName::from_static("x-mammouth-attempts");
pub(super) const IGNORED_HEADER: HeaderName = HeaderName::from_static("x-mammouth-ignored");
pub(super) const MODEL_HEADER: HeaderName = HeaderName::from_static("x-mammouth-model");
const SHOULD_RETRY_HEADER: HeaderName = HeaderName::from_static("x-should-retry");

/// A response with a JSON body.
pub(super) fn json_response(status: u16, body: String) -> Response {
    bytes_response(status, "application/json", body.into())
}

/// A response with a complete body of any media type.
pub(super) fn bytes_response(status: u16, media_type: &'static str, body: Bytes) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// A header value from text that a user chose. Characters other than printable ASCII become `?`; the text is cut after
/// 200 characters.
pub(super) fn header_value(text: &str) -> HeaderValue {
    let shown: String =
        text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(200).collect();
    HeaderValue::from_str(shown.trim()).unwrap_or(HeaderValue::from_static("?"))
}

/// The error response in the format of an API family, with its details and its body.
pub(super) fn render_error(problem: &ProxyError, api_family: ApiFamily) -> (Response, ErrorResponse, Bytes) {
    let details = error_response(problem);
    let body = api_family.error_body(
        details.status,
        details.code.name(),
        &details.message,
        details.param.as_deref(),
    );
    let body = Bytes::from(body);
    let mut response = bytes_response(details.status, "application/json", body.clone());
    let headers = response.headers_mut();
    if let Some(wait) = details.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
    }
    if details.no_retry {
        headers.insert(SHOULD_RETRY_HEADER, HeaderValue::from_static("false"));
    }
    if details.close {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    (response, details, body)
}

/// The response to a request for this path that the guard rejected.
pub fn rejection_response(rejection: &Rejection, path: &str) -> Response {
    let error = if rejection.reason == RejectReason::NotFound {
        ProxyError::UnknownPath(unserved::find_unserved(path))
    } else {
        ProxyError::Rejected(rejection.reason.clone())
    };
    let mut response = if matches!(rejection.reason, RejectReason::Preflight(_)) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        render_error(&error, rejection.api_family).0
    };
    response.headers_mut().extend(rejection.headers());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p14_labels_cannot_break_headers() {
        assert_eq!(header_value("a\r\nset-cookie: x\u{1F600}").to_str().unwrap(), "a??set-cookie: x?");
    }
}
