//! Errors of a request, and their mapping to status, code and message.

use std::time::Duration;

use super::MAX_RETRY_AFTER;
use super::body::BodyError;
use super::unserved::{self, UnservedApi};
use crate::accounts::{LimitReason, Unavailable};
use crate::auth::{self, RejectReason};
use dialects::{InvalidCode, InvalidRequest};
use storage::request_log::{ErrorSource, RequestErrorCode as Code, RetryRule};
use upstreams::{UpstreamError, UpstreamErrorKind};

/// Reason why a request failed.
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
    pub(super) code: Code,
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
    fn new(code: Code, message: impl Into<String>) -> Self {
        let rules = code.rules();
        Self {
            // A code without a status of its own is no head of a response.
            status: rules.status.unwrap_or(500),
            code,
            message: message.into(),
            param: None,
            fault: rules.source,
            retry_after: None,
            no_retry: rules.retry == RetryRule::Never,
            close: false,
        }
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
            ErrorResponse::new(Code::NotFound, unserved::not_found_message(*known))
        }
        ProxyError::NoSuchModel => ErrorResponse::new(Code::NotFound, "there is no such model in the list"),
        ProxyError::NoSuchResponse => {
            ErrorResponse::new(Code::NotFound, "there is no such response; they are kept for an hour at most")
        }
        ProxyError::PreviousResponseNotFound => ErrorResponse {
            param: Some("previous_response_id".to_owned()),
            ..ErrorResponse::new(
                Code::PreviousResponseNotFound,
                "the previous response is not kept any more: send the whole conversation",
            )
        },
        ProxyError::ModelNotAllowed => ErrorResponse::new(
            Code::Forbidden,
            "this client's key may not use this model; the user sets which under Clients",
        ),
        ProxyError::ClientLimit { wait } => ErrorResponse::new(
            Code::ClientLimit,
            "this client's key has used what the user lets it use a day; the next day begins at midnight UTC",
        )
        .with_retry_after(*wait)
        .without_retry(),
        ProxyError::NoAccount(Unavailable::Starting) => no_account_error(&Unavailable::Starting),
        ProxyError::NoAccount(reason) => no_account_error(reason).without_retry(),
        ProxyError::Upstream(failure) => upstream_error(failure).without_retry(),
        ProxyError::Stopping => {
            let response = ErrorResponse::new(Code::Overloaded, "the proxy is stopping or changing its port");
            response.with_retry_after(Duration::from_secs(1)).with_close()
        }
        ProxyError::Internal => {
            ErrorResponse::new(Code::InternalError, "the proxy made a mistake; its log says more")
        }
    }
}

fn rejection_error(refusal: &RejectReason) -> ErrorResponse {
    match refusal {
        RejectReason::BadRequest(reason) => {
            ErrorResponse::new(Code::InvalidRequest, bad_request_message(*reason))
        }
        RejectReason::InvalidApiKey => ErrorResponse::new(
            Code::InvalidApiKey,
            "a valid client key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY' (in \
             Claude Code: ANTHROPIC_AUTH_TOKEN); 'mammouth-proxy keys list' names the keys",
        ),
        RejectReason::HostNotAllowed => ErrorResponse::new(
            Code::HostNotAllowed,
            "this Host name is not allowed; the setting ALLOWED_HOSTS adds names",
        ),
        RejectReason::OriginNotAllowed => ErrorResponse::new(
            Code::OriginNotAllowed,
            "this web page may not call the proxy; the setting ALLOWED_ORIGINS adds origins",
        ),
        RejectReason::Forbidden => {
            ErrorResponse::new(Code::Forbidden, "a client key cannot do this: the control token is needed")
        }
        RejectReason::NotFound => ErrorResponse::new(Code::NotFound, unserved::not_found_message(None)),
        // A preflight of a listed origin is answered before, without an error.
        RejectReason::MethodNotAllowed | RejectReason::Preflight(_) => {
            ErrorResponse::new(Code::MethodNotAllowed, "this method is not allowed at this path")
        }
        RejectReason::WebSocket => ErrorResponse::new(
            Code::UpgradeRequired,
            "WebSocket is not spoken here: send the request over HTTP as a POST",
        ),
        RejectReason::UriTooLong => ErrorResponse::new(Code::UriTooLong, "the path is too long"),
        RejectReason::UnsupportedMediaType => ErrorResponse::new(
            Code::UnsupportedMediaType,
            "the body must be 'Content-Type: application/json' without a content encoding",
        ),
        RejectReason::HeadersTooLarge => {
            ErrorResponse::new(Code::HeadersTooLarge, "the headers are too large")
        }
        RejectReason::NotServing => ErrorResponse::new(
            Code::Overloaded,
            "the user has stopped the proxy in its window; it answers again once it is started there",
        )
        .without_retry(),
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
        BodyError::TooLarge => ErrorResponse::new(Code::RequestTooLarge, message),
        BodyError::TooSlow => ErrorResponse::new(Code::RequestTimeout, message),
        BodyError::Broken => ErrorResponse::new(Code::InvalidRequest, message),
        BodyError::Overloaded => {
            ErrorResponse::new(Code::Overloaded, message).with_retry_after(Duration::from_secs(1))
        }
    }
    .with_close()
}

fn invalid_request(error: &InvalidRequest) -> ErrorResponse {
    let code = match error.code {
        InvalidCode::InvalidRequest => Code::InvalidRequest,
        InvalidCode::UnsupportedParameter => Code::UnsupportedParameter,
        InvalidCode::InvalidImage => Code::InvalidImage,
        InvalidCode::ThreadUnsupported => Code::ThreadUnsupportedRequest,
    };
    ErrorResponse { param: error.param.clone(), ..ErrorResponse::new(code, &error.message) }
}

fn api_only_error(param: &str) -> ErrorResponse {
    let what = match param {
        "messages" | "input" => "holds a file or sound, which can only be passed on",
        _ => "can only be honoured",
    };
    let message = format!("'{param}' {what} with an API key: a web session has nothing like it");
    ErrorResponse { param: Some(param.to_owned()), ..ErrorResponse::new(Code::UnsupportedParameter, message) }
}

fn no_account_error(reason: &Unavailable) -> ErrorResponse {
    match reason {
        Unavailable::NoAccounts => ErrorResponse::new(
            Code::NoAccount,
            "there is no Mammouth account to answer from: set COOKIES, or add one with 'mammouth-proxy accounts add'",
        ),
        Unavailable::NoneOfUpstream(upstream) => ErrorResponse::new(Code::NoAccount, upstream.no_account),
        Unavailable::Starting => ErrorResponse::new(
            Code::Starting,
            "the proxy is starting: the accounts are still being read from the keychain",
        )
        .with_retry_after(Duration::from_secs(1)),
        Unavailable::Unreadable(error) => ErrorResponse {
            fault: ErrorSource::Proxy,
            ..ErrorResponse::new(
                Code::NoAccount,
                format!("the secrets of the accounts cannot be read. {error}"),
            )
        },
        Unavailable::AllTried => ErrorResponse::new(Code::UpstreamUnreachable, "no account could answer"),
        Unavailable::LoginRequired => ErrorResponse::new(
            Code::AccountLoginRequired,
            "the Mammouth session or key is not valid any more: sign in again and replace the cookie, or replace the key ('mammouth-proxy accounts list' names the account)",
        ),
        Unavailable::OtherHost => ErrorResponse::new(
            Code::NoAccount,
            "the accounts were added for another address than MAMMOUTH_WEB_URL and MAMMOUTH_API_URL name now: correct \
             these, or allow it with 'mammouth-proxy accounts use-host LABEL HOST'",
        ),
        Unavailable::Limited { wait, reason } => {
            let (code, what) = match reason {
                LimitReason::Quota => (Code::InsufficientQuota, "has used up its quota for this model"),
                LimitReason::Throttled => (Code::RateLimitExceeded, "was told to slow down"),
            };
            ErrorResponse::new(
                code,
                format!("every usable account {what}; the next one is free in {}", format_wait(*wait)),
            )
            .with_retry_after(*wait)
        }
        Unavailable::UpstreamDown { wait } => ErrorResponse::new(
            Code::UpstreamUnreachable,
            "Mammouth failed several times in a row; the proxy tries again in seconds",
        )
        .with_retry_after(*wait),
        Unavailable::Challenge { wait } => challenge_error().with_retry_after(*wait),
    }
}

fn upstream_error(failure: &UpstreamError) -> ErrorResponse {
    let detail = &failure.detail;
    match failure.kind {
        UpstreamErrorKind::Limited => ErrorResponse::new(
            Code::InsufficientQuota,
            format!("the account has used up its quota for this model: {detail}"),
        )
        .with_retry_after(failure.retry_after.unwrap_or(Duration::from_secs(60))),
        UpstreamErrorKind::Throttled => {
            ErrorResponse::new(Code::RateLimitExceeded, format!("Mammouth asks to slow down: {detail}"))
                .with_retry_after(failure.retry_after.unwrap_or(Duration::from_secs(1)))
        }
        UpstreamErrorKind::LoginRequired => no_account_error(&Unavailable::LoginRequired),
        UpstreamErrorKind::Challenge => challenge_error(),
        UpstreamErrorKind::Server => {
            ErrorResponse::new(Code::UpstreamBadResponse, format!("Mammouth failed: {detail}"))
        }
        UpstreamErrorKind::BadResponse => ErrorResponse::new(
            Code::UpstreamBadResponse,
            format!("Mammouth's answer was not understood: {detail}"),
        ),
        UpstreamErrorKind::Empty => {
            ErrorResponse::new(Code::UpstreamBadResponse, "Mammouth's answer was empty")
        }
        UpstreamErrorKind::Unreachable => {
            ErrorResponse::new(Code::UpstreamUnreachable, format!("Mammouth cannot be reached: {detail}"))
        }
        UpstreamErrorKind::Tls => ErrorResponse::new(
            Code::UpstreamTlsError,
            format!("the connection to Mammouth is not safe: {detail}"),
        ),
        UpstreamErrorKind::Timeout => {
            ErrorResponse::new(Code::UpstreamTimeout, format!("Mammouth did not answer in time: {detail}"))
        }
        UpstreamErrorKind::Interrupted => {
            ErrorResponse::new(Code::UpstreamBadResponse, format!("Mammouth's answer broke off: {detail}"))
        }
        UpstreamErrorKind::NoSuchModel => {
            ErrorResponse::new(Code::NotFound, format!("no account has this model: {detail}"))
        }
        UpstreamErrorKind::ContextLength => ErrorResponse::new(Code::ContextLengthExceeded, detail),
        UpstreamErrorKind::Rejected => {
            ErrorResponse::new(Code::InvalidRequest, format!("Mammouth refused the request: {detail}"))
        }
        UpstreamErrorKind::Image => ErrorResponse::new(Code::InvalidImage, detail),
    }
}

fn challenge_error() -> ErrorResponse {
    ErrorResponse::new(
        Code::UpstreamChallenge,
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
