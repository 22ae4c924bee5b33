//! Rejections: the reason and the headers of the response.

use http::header::{self, HeaderMap, HeaderValue};

use dialects::ApiFamily;

/// Reason why a request was rejected. `proxy` maps each reason to a status and a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RejectReason {
    /// 400: the head is contradictory or invalid.
    BadRequest(BadRequestReason),
    /// 403 `host_not_allowed`.
    HostNotAllowed,
    /// 403 `origin_not_allowed`, by `Origin` or by `Sec-Fetch-Site`.
    OriginNotAllowed,
    /// 403 `forbidden`: a client key where the control token is needed.
    Forbidden,
    /// 404.
    NotFound,
    /// 405; the methods are in [`Rejection::allow`].
    MethodNotAllowed,
    /// 426: a WebSocket upgrade at a path that is only served over plain HTTP. Clients that support both, such as
    /// Codex, then use plain HTTP at once.
    WebSocket,
    /// 414: the URI is longer than 8 KiB.
    UriTooLong,
    /// 431: the headers are larger than 64 KiB in total.
    HeadersTooLarge,
    /// 415: the body is not JSON in UTF-8, or is compressed.
    UnsupportedMediaType,
    /// 401 `invalid_api_key`.
    InvalidApiKey,
    /// 503 `overloaded`: the user stopped serving.
    NotServing,
    /// 204: the answer to a preflight of a listed origin. Not an error.
    Preflight(Preflight),
}

/// Problem of a head that is rejected with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadRequestReason {
    /// No `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// A `Host` that cannot be parsed.
    HostInvalid,
    /// The request line names another host than `Host`, or another scheme than http.
    TargetDiffers,
    /// An offer of a protocol upgrade other than `h2c`.
    Upgrade,
}

/// The permissions that a preflight of a listed origin asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The requested header names, validated.
    pub headers: Option<HeaderValue>,
    /// Whether the preflight asks for access from a public page to a private address.
    pub private_network: bool,
}

/// A rejection with all that its response needs besides the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub reason: RejectReason,
    /// The API family whose error format is used.
    pub api_family: ApiFamily,
    /// The methods of the path, for the `Allow` header.
    pub allow: Option<String>,
    /// Whether the connection must be closed, because the bytes that follow cannot be trusted.
    pub close: bool,
    /// The listed origin that may read this response.
    pub cors: Option<HeaderValue>,
}

impl Rejection {
    /// The headers of this rejection, independent of its body.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        // RFC 9110, 15.5.22 and 7.8: the required protocol, and the `Connection` header that announces it.
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

/// Adds the CORS headers for a listed origin, and `Vary`, so that caches do not reuse the response for another origin.
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
