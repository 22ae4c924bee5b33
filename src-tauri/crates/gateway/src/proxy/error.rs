//! All errors of a request, and their mapping to status, code and message.

use std::time::Duration;

use super::MAX_RETRY_AFTER;
use super::body::BodyError;
use super::unserved::{self, UnservedApi};
use crate::accounts::{AccountKind, LimitReason, Unavailable};
use crate::auth::{self, RejectReason};
use dialects::{InvalidCode, InvalidRequest};
use storage::request_log::ErrorSource;
use upstreams::{UpstreamError, UpstreamErrorKind};

/// Why a request failed.
#[derive(Debug)]
pub(super) enum ProxyError {
    /// The guard rejected the request.
    Rejected(RejectReason),
    Body(BodyError),
    Invalid(InvalidRequest),
    /// No available account supports this request parameter.
    ApiOnly(&'static str),
    /// The path is not served. Contains the entry of the API that clients know the path from, if there is one.
    UnknownPath(Option<&'static UnservedApi>),
    NoSuchModel,
    /// The response was never stored, or has expired.
    NoSuchResponse,
    /// The response that the request continues is not stored.
    PreviousResponseNotFound,
    /// The client key may not use the model.
    ModelNotAllowed,
    /// The client key has used its daily limit.
    ClientLimit {
        wait: Duration,
    },
    NoAccount(Unavailable),
    Upstream(UpstreamError),
    /// The server is shutting down.
    Stopping,
    /// A bug in this program.
    Internal,
}

/// An error response, before a dialect encodes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorResponse {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) param: Option<String>,
    pub(super) fault: ErrorSource,
    pub(super) retry_after: Option<Duration>,
    /// Whether the client should not retry: either all attempts are used, or a retry would have the same result.
    pub(super) no_retry: bool,
    /// Whether the connection must be closed.
    pub(super) close: bool,
}

impl ErrorResponse {
    fn new(status: u16, code: &'static str, fault: ErrorSource, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, param: None, fault, retry_after: None, no_retry: false, close: false }
    }

    fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.clamp(Duration::from_secs(1), MAX_RETRY_AFTER));
        self
    }

    fn without_retry(mut self) -> Self {
        self.no_retry = true;
        self
    }

    fn with_close(mut self) -> Self {
        self.close = true;
        self
    }
}

/// Maps an error to its response.
pub(super) fn error_response(problem: &ProxyError) -> ErrorResponse {
    match problem {
        ProxyError::Rejected(refusal) => rejection_error(refusal),
        ProxyError::Body(error) => read_error(*error),
        ProxyError::Invalid(error) => invalid_request(error),
        ProxyError::ApiOnly(param) => api_only_error(param),
        ProxyError::UnknownPath(known) => {
            ErrorResponse::new(404, "not_found", ErrorSource::Client, unserved::not_found_message(*known))
        }
        ProxyError::NoSuchModel => {
            ErrorResponse::new(404, "not_found", ErrorSource::Client, "there is no such model in the list")
        }
        ProxyError::NoSuchResponse => ErrorResponse::new(
            404,
            "not_found",
            ErrorSource::Client,
            "there is no such response; they are kept for an hour at most",
        ),
        ProxyError::PreviousResponseNotFound => ErrorResponse {
            param: Some("previous_response_id".to_owned()),
            ..ErrorResponse::new(
                400,
                "previous_response_not_found",
                ErrorSource::Client,
                "the previous response is not kept any more: send the whole conversation",
            )
        },
        ProxyError::ModelNotAllowed => ErrorResponse::new(
            403,
            "forbidden",
            ErrorSource::Client,
            "this client's key may not use this model; the user sets which under Clients",
        ),
        ProxyError::ClientLimit { wait } => ErrorResponse::new(
            429,
            "client_limit",
            ErrorSource::Client,
            "this client's key has used what the user lets it use a day; the next day begins at midnight UTC",
        )
        .with_retry_after(*wait)
        .without_retry(),
        ProxyError::NoAccount(Unavailable::Starting) => no_account_error(&Unavailable::Starting),
        ProxyError::NoAccount(reason) => no_account_error(reason).without_retry(),
        ProxyError::Upstream(failure) => upstream_error(failure).without_retry(),
        ProxyError::Stopping => {
            let response = ErrorResponse::new(
                503,
                "overloaded",
                ErrorSource::Proxy,
                "the proxy is stopping or changing its port",
            );
            response.with_retry_after(Duration::from_secs(1)).with_close()
        }
        ProxyError::Internal => ErrorResponse::new(
            500,
            "internal_error",
            ErrorSource::Proxy,
            "the proxy made a mistake; its log says more",
        ),
    }
}

fn rejection_error(refusal: &RejectReason) -> ErrorResponse {
    let response =
        |status, code, message: &str| ErrorResponse::new(status, code, ErrorSource::Client, message);
    match refusal {
        RejectReason::BadRequest(reason) => response(400, "invalid_request", bad_request_message(*reason)),
        RejectReason::InvalidApiKey => response(
            401,
            "invalid_api_key",
            "a valid client key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'; \
             'mammouth-proxy keys list' names the keys",
        )
        // Claude Code would retry the same key for minutes before it shows the error.
        .without_retry(),
        RejectReason::HostNotAllowed => response(
            403,
            "host_not_allowed",
            "this Host name is not allowed; the setting ALLOWED_HOSTS adds names",
        ),
        RejectReason::OriginNotAllowed => response(
            403,
            "origin_not_allowed",
            "this web page may not call the proxy; the setting ALLOWED_ORIGINS adds origins",
        ),
        RejectReason::Forbidden => {
            response(403, "forbidden", "a client key cannot do this: the control token is needed")
        }
        RejectReason::NotFound => response(404, "not_found", &unserved::not_found_message(None)),
        RejectReason::MethodNotAllowed => {
            response(405, "method_not_allowed", "this method is not allowed at this path")
        }
        RejectReason::WebSocket => response(
            426,
            "upgrade_required",
            "WebSocket is not spoken here: send the request over HTTP as a POST",
        ),
        RejectReason::UriTooLong => response(414, "uri_too_long", "the path is too long"),
        RejectReason::UnsupportedMediaType => response(
            415,
            "unsupported_media_type",
            "the body must be 'Content-Type: application/json' without a content encoding",
        ),
        RejectReason::HeadersTooLarge => response(431, "headers_too_large", "the headers are too large"),
        RejectReason::NotServing => ErrorResponse::new(
            503,
            "overloaded",
            ErrorSource::Proxy,
            "the user has stopped the proxy in its window; it answers again once it is started there",
        )
        .without_retry(),
        RejectReason::Preflight(_) => response(204, "preflight", ""),
    }
}

fn bad_request_message(reason: auth::BadRequestReason) -> &'static str {
    match reason {
        auth::BadRequestReason::HostMissing => "the request has no Host header",
        auth::BadRequestReason::HostRepeated => "the request has more than one Host header",
        auth::BadRequestReason::HostInvalid => "the Host header is not a host",
        auth::BadRequestReason::TargetDiffers => "the request line and the Host header name different hosts",
        auth::BadRequestReason::Upgrade => "only HTTP/1.1 is spoken here",
    }
}

fn read_error(error: BodyError) -> ErrorResponse {
    let message = error.to_string();
    match error {
        BodyError::TooLarge => ErrorResponse::new(413, "request_too_large", ErrorSource::Client, message),
        BodyError::TooSlow => ErrorResponse::new(408, "request_timeout", ErrorSource::Client, message),
        BodyError::Broken => ErrorResponse::new(400, "invalid_request", ErrorSource::Client, message),
        BodyError::Overloaded => ErrorResponse::new(503, "overloaded", ErrorSource::Proxy, message)
            .with_retry_after(Duration::from_secs(1)),
    }
    .with_close()
}

fn invalid_request(error: &InvalidRequest) -> ErrorResponse {
    let code = match error.code {
        InvalidCode::InvalidRequest => "invalid_request",
        InvalidCode::UnsupportedParameter => "unsupported_parameter",
        InvalidCode::InvalidImage => "invalid_image",
        InvalidCode::ThreadUnsupported => "thread_unsupported_request",
    };
    ErrorResponse {
        param: error.param.clone(),
        ..ErrorResponse::new(400, code, ErrorSource::Client, &error.message)
    }
}

fn api_only_error(param: &str) -> ErrorResponse {
    let what = match param {
        "messages" | "input" => "holds a file or sound, which can only be passed on",
        _ => "can only be honoured",
    };
    let message = format!("'{param}' {what} with an API key: a web session has nothing like it");
    ErrorResponse {
        param: Some(param.to_owned()),
        ..ErrorResponse::new(400, "unsupported_parameter", ErrorSource::Client, message)
    }
}

fn no_account_error(reason: &Unavailable) -> ErrorResponse {
    let response =
        |status, code, message: String| ErrorResponse::new(status, code, ErrorSource::Upstream, message);
    match reason {
        Unavailable::NoAccounts => response(
            503,
            "no_account",
            "there is no Mammouth account to answer from: set COOKIES, or add one with 'mammouth-proxy accounts add'".into(),
        ),
        Unavailable::NoneOfKind(AccountKind::Api) => response(
            503,
            "no_account",
            "this needs an account with an official API key, and there is none that may be used: set API_KEYS, or add \
             one with 'mammouth-proxy accounts add'; the setting 'prefer' must not be only-web"
                .into(),
        ),
        Unavailable::NoneOfKind(AccountKind::Web) => response(
            503,
            "no_account",
            "only web-session accounts may serve this, and there is none: add one (COOKIES), or change the setting \
             'prefer'"
                .into(),
        ),
        Unavailable::Starting => ErrorResponse::new(
            503,
            "starting",
            ErrorSource::Proxy,
            "the proxy is starting: the accounts are still being read from the keychain",
        )
        .with_retry_after(Duration::from_secs(1)),
        Unavailable::Unreadable(error) => ErrorResponse::new(
            503,
            "no_account",
            ErrorSource::Proxy,
            format!("the secrets of the accounts cannot be read. {error}"),
        ),
        Unavailable::AllTried => response(503, "upstream_unreachable", "no account could answer".into()),
        Unavailable::LoginRequired => response(
            503,
            "account_login_required",
            "the Mammouth session or key is not valid any more: sign in again and replace the cookie, or replace the key ('mammouth-proxy accounts list' names the account)".into(),
        ),
        Unavailable::OtherHost => response(
            503,
            "no_account",
            "the accounts were added for another address than MAMMOUTH_WEB_URL and MAMMOUTH_API_URL name now: correct \
             these, or allow it with 'mammouth-proxy accounts use-host LABEL HOST'"
                .into(),
        ),
        Unavailable::Limited { wait, reason } => {
            let (code, what) = match reason {
                LimitReason::Quota => ("insufficient_quota", "has used up its quota for this model"),
                LimitReason::Throttled => ("rate_limit_exceeded", "was told to slow down"),
            };
            response(429, code, format!("every usable account {what}; the next one is free in {}", format_wait(*wait))).with_retry_after(*wait)
        }
        Unavailable::UpstreamDown { wait } => {
            response(503, "upstream_unreachable", "Mammouth failed several times in a row; the proxy tries again in seconds".into())
                .with_retry_after(*wait)
        }
        Unavailable::Challenge { wait } => challenge_error().with_retry_after(*wait),
    }
}

fn upstream_error(failure: &UpstreamError) -> ErrorResponse {
    let response =
        |status, code, message: String| ErrorResponse::new(status, code, ErrorSource::Upstream, message);
    let detail = &failure.detail;
    match failure.kind {
        UpstreamErrorKind::Limited => response(
            429,
            "insufficient_quota",
            format!("the account has used up its quota for this model: {detail}"),
        )
        .with_retry_after(failure.retry_after.unwrap_or(Duration::from_secs(60))),
        UpstreamErrorKind::Throttled => {
            response(429, "rate_limit_exceeded", format!("Mammouth asks to slow down: {detail}"))
                .with_retry_after(failure.retry_after.unwrap_or(Duration::from_secs(1)))
        }
        UpstreamErrorKind::LoginRequired => no_account_error(&Unavailable::LoginRequired),
        UpstreamErrorKind::Challenge => challenge_error(),
        UpstreamErrorKind::Server => {
            response(502, "upstream_bad_response", format!("Mammouth failed: {detail}"))
        }
        UpstreamErrorKind::BadResponse => {
            response(502, "upstream_bad_response", format!("Mammouth's answer was not understood: {detail}"))
        }
        UpstreamErrorKind::Empty => {
            response(502, "upstream_bad_response", "Mammouth's answer was empty".into())
        }
        UpstreamErrorKind::Unreachable => {
            response(503, "upstream_unreachable", format!("Mammouth cannot be reached: {detail}"))
        }
        UpstreamErrorKind::Tls => {
            response(502, "upstream_tls_error", format!("the connection to Mammouth is not safe: {detail}"))
        }
        UpstreamErrorKind::Timeout => {
            response(504, "upstream_timeout", format!("Mammouth did not answer in time: {detail}"))
        }
        UpstreamErrorKind::Interrupted => {
            response(502, "upstream_bad_response", format!("Mammouth's answer broke off: {detail}"))
        }
        UpstreamErrorKind::NoSuchModel => ErrorResponse::new(
            404,
            "not_found",
            ErrorSource::Client,
            format!("no account has this model: {detail}"),
        ),
        UpstreamErrorKind::ContextLength => {
            ErrorResponse::new(400, "context_length_exceeded", ErrorSource::Client, detail)
        }
        UpstreamErrorKind::Rejected => ErrorResponse::new(
            400,
            "invalid_request",
            ErrorSource::Client,
            format!("Mammouth refused the request: {detail}"),
        ),
        UpstreamErrorKind::Image => ErrorResponse::new(400, "invalid_image", ErrorSource::Client, detail),
    }
}

fn challenge_error() -> ErrorResponse {
    ErrorResponse::new(
        503,
        "upstream_challenge",
        ErrorSource::Upstream,
        "mammouth.ai asks for a browser check that this program does not answer: open mammouth.ai in your browser, then try again",
    )
}

fn format_wait(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ 0..=119 => format!("{} s", seconds.max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests;
