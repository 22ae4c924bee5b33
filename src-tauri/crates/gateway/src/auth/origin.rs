//! Origin checks by the headers `Origin` and `Sec-Fetch-Site`, and CORS preflights.

use http::header::{self, HeaderMap, HeaderValue};

use super::allow_list::Policy;
use super::rejection::Preflight;
use super::route::Scope;

/// The longest `Access-Control-Request-Headers` that is answered, bytes.
const MAX_REQUESTED_HEADERS_BYTES: usize = 1024;

/// Checks the origin. Returns the listed origin that may read the response, or `None` if no CORS permission is needed.
///
/// # Errors
/// The page that sent the request may not call.
pub(super) fn check(
    headers: &HeaderMap,
    policy: &Policy,
    host: &str,
    scope: Scope,
) -> Result<Option<HeaderValue>, OriginNotAllowed> {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => {}
        (Some(origin), None) if policy.lists_origin(origin.as_bytes()) => return Ok(Some(origin.clone())),
        (Some(origin), None) if scope != Scope::Client && is_own_origin(origin, host) => {}
        (Some(_), _) => return Err(OriginNotAllowed),
    }
    if scope == Scope::Public || is_same_origin_or_no_page(headers) {
        Ok(None)
    } else {
        Err(OriginNotAllowed)
    }
}

/// The request comes from a page that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OriginNotAllowed;

/// The parsed preflight; `None` if the request is not a preflight.
pub(super) fn preflight(headers: &HeaderMap) -> Option<Preflight> {
    headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let requested_headers = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    Some(Preflight {
        headers: requested_headers.filter(|names| is_header_name_list(names.as_bytes())).cloned(),
        private_network: headers
            .get("access-control-request-private-network")
            .is_some_and(|value| value == "true"),
    })
}

/// Whether the origin is the UI's own page. `Host` was checked before, so an equal origin cannot be a foreign page.
fn is_own_origin(origin: &HeaderValue, host: &str) -> bool {
    let origin = origin.as_bytes().strip_prefix(b"http://");
    origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host.as_bytes()))
}

/// Whether `Sec-Fetch-Site` shows the same origin, or is missing. Browsers set this header and no page can change it;
/// other programs do not send it.
fn is_same_origin_or_no_page(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().all(|site| site == "none" || site == "same-origin")
}

fn is_header_name_list(value: &[u8]) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_, ".contains(byte);
    value.len() <= MAX_REQUESTED_HEADERS_BYTES && value.iter().all(name)
}
