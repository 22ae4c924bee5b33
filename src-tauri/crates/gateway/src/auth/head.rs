//! Properties of a request head: its sizes, and the protocols that it offers.

use http::{HeaderMap, Uri, header};

/// The size of all headers: names, values and the four separator bytes of each line.
pub(super) fn headers_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum()
}

/// Whether the head offers an upgrade to WebSocket (RFC 6455, 4.2.1).
pub(super) fn offers_websocket(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(header::UPGRADE).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|value| value.split(',')).any(|name| name.trim().eq_ignore_ascii_case("websocket"))
}

pub(super) fn uri_size(uri: &Uri) -> usize {
    let authority = uri.authority().map_or(0, |authority| authority.as_str().len());
    authority + uri.path().len() + uri.query().map_or(0, str::len)
}
