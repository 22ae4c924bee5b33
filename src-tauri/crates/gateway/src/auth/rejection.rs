//! What the guard says when it does not let a request through.

use http::header::{self, HeaderMap, HeaderValue};

use super::route::ApiFamily;

/// Why a request was not admitted. The proxy's table turns it into status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectReason {
    /// 400: the head contradicts itself or cannot be understood.
    BadRequest(BadRequestReason),
    /// 403 `host_not_allowed`.
    HostNotAllowed,
    /// 403 `origin_not_allowed`: by `Origin` or by `Sec-Fetch-Site`.
    OriginNotAllowed,
    /// 403 `forbidden`: a client key where the control token is needed.
    Forbidden,
    /// 404.
    NotFound,
    /// 405; the methods are in [`Rejection::allow`].
    MethodNotAllowed,
    /// 426: a WebSocket is asked for at a path that only takes requests over HTTP. Clients that speak both, such as
    /// Codex, go on with HTTP at once.
    WebSocket,
    /// 414: more than 8 KiB.
    UriTooLong,
    /// 431: more than 64 KiB in all.
    HeadersTooLarge,
    /// 415: something else than unpacked JSON in UTF-8.
    UnsupportedMediaType,
    /// 401 `invalid_api_key`.
    InvalidApiKey,
    /// 503 `overloaded`: the user stopped serving.
    NotServing,
    /// 204 and no refusal at all: the preflight of an origin that the user listed.
    Preflight(Preflight),
}

/// What is wrong with a head that gets 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRequestReason {
    /// No `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// A `Host` that is no host.
    HostInvalid,
    /// The request line names another host than `Host`, or another scheme than http.
    TargetDiffers,
    /// A protocol change, such as to WebSocket.
    Upgrade,
}

/// What a listed origin asked to send, to be allowed back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The header names it asked for, checked.
    pub headers: Option<HeaderValue>,
    /// Whether it asked to come from a public page to a private address.
    pub private_network: bool,
}

/// A refusal and all that its answer needs besides the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Why.
    pub reason: RejectReason,
    /// The form of the error body.
    pub api_family: ApiFamily,
    /// The methods of the path, as `Allow` lists them.
    pub allow: Option<String>,
    /// Whether the connection must be closed: what follows on it cannot be trusted.
    pub close: bool,
    /// The listed origin that may read this answer.
    pub cors: Option<HeaderValue>,
}

impl Rejection {
    /// The headers that belong to this refusal, whatever its body is.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        // RFC 9110, 15.5.22 and 7.8: the protocol that is spoken here, and the header that announces it.
        if self.reason == RejectReason::WebSocket {
            headers.insert(header::UPGRADE, HeaderValue::from_static("HTTP/1.1"));
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        }
        if self.reason == RejectReason::InvalidApiKey {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(origin) = &self.cors {
            add_cors_headers(&mut headers, origin);
        }
        let allow = self.allow.as_deref().and_then(|methods| HeaderValue::from_str(methods).ok());
        if let RejectReason::Preflight(preflight) = &self.reason {
            add_preflight_headers(&mut headers, preflight, allow);
        } else if let Some(methods) = allow {
            headers.insert(header::ALLOW, methods);
        }
        headers
    }
}

/// Lets a listed origin read an answer, and keeps caches from giving it to another.
pub fn add_cors_headers(headers: &mut HeaderMap, origin: &HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
}

fn add_preflight_headers(headers: &mut HeaderMap, preflight: &Preflight, methods: Option<HeaderValue>) {
    if let Some(methods) = methods {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(names) = &preflight.headers {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
    }
    if preflight.private_network {
        headers.insert("access-control-allow-private-network", HeaderValue::from_static("true"));
    }
}
