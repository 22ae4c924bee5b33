//! Everything that can end a request, and the one table from there to status, code and words.

use std::time::Duration;

use super::LONGEST_RETRY_AFTER;
use super::body::BodyError;
use super::unserved::{self, Unserved};
use crate::access::{self, Refusal};
use crate::accounts::{AccountKind, LimitReason, Unavailable};
use crate::dialects::{InvalidCode, InvalidRequest};
use crate::journal::Fault;
use crate::upstreams::{UpstreamError, UpstreamErrorKind};

/// Why a request was not served.
#[derive(Debug)]
pub(super) enum Problem {
    /// The guard did not let it pass.
    Refused(Refusal),
    Body(BodyError),
    Invalid(InvalidRequest),
    /// The parameter of a wish that no account at hand can honour.
    NativeOnly(&'static str),
    /// Nothing is served at the path. For paths that clients know from elsewhere: which, and what they would do there.
    UnknownPath(Option<&'static Unserved>),
    NoSuchModel,
    /// It was never kept, or not for so long.
    NoSuchResponse,
    /// The conversation that a response would go on with is not known.
    NoPrevious,
    /// The client's key may not ask for it.
    ModelNotAllowed,
    /// The client's key has used what it may a day.
    ClientLimit {
        wait: Duration,
    },
    NoAccount(Unavailable),
    Upstream(UpstreamError),
    /// The program is stopping.
    Stopping,
    /// Our own mistake.
    Internal,
}

/// What a client is told, before its dialect gives it a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) param: Option<String>,
    pub(super) fault: Fault,
    pub(super) retry_after: Option<Duration>,
    /// Our own attempts are spent, or nothing would change: a client's would only add to the trouble.
    pub(super) spent: bool,
    /// The connection cannot be used on.
    pub(super) close: bool,
}

impl Told {
    fn new(status: u16, code: &'static str, fault: Fault, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { status, code, message, param: None, fault, retry_after: None, spent: false, close: false }
    }

    fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.clamp(Duration::from_secs(1), LONGEST_RETRY_AFTER));
        self
    }

    fn spent(mut self) -> Self {
        self.spent = true;
        self
    }

    fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// The table.
pub(super) fn tell(problem: &Problem) -> Told {
    match problem {
        Problem::Refused(refusal) => refused(refusal),
        Problem::Body(error) => body(*error),
        Problem::Invalid(error) => invalid(error),
        Problem::NativeOnly(param) => native_only(param),
        Problem::UnknownPath(known) => Told::new(404, "not_found", Fault::Client, unserved::message(*known)),
        Problem::NoSuchModel => {
            Told::new(404, "not_found", Fault::Client, "there is no such model in the list")
        }
        Problem::NoSuchResponse => Told::new(
            404,
            "not_found",
            Fault::Client,
            "there is no such response; they are kept for an hour at most",
        ),
        Problem::NoPrevious => Told {
            param: Some("previous_response_id".to_owned()),
            ..Told::new(
                400,
                "previous_response_not_found",
                Fault::Client,
                "the previous response is not kept any more: send the whole conversation",
            )
        },
        Problem::ModelNotAllowed => Told::new(
            403,
            "forbidden",
            Fault::Client,
            "this client's key may not use this model; the user sets which under Clients",
        ),
        Problem::ClientLimit { wait } => Told::new(
            429,
            "client_limit",
            Fault::Client,
            "this client's key has used what the user lets it use a day; the next day begins at midnight UTC",
        )
        .after(*wait)
        .spent(),
        Problem::NoAccount(Unavailable::Starting) => no_account(&Unavailable::Starting),
        Problem::NoAccount(reason) => no_account(reason).spent(),
        Problem::Upstream(failure) => upstream(failure).spent(),
        Problem::Stopping => {
            let told =
                Told::new(503, "overloaded", Fault::Proxy, "the proxy is stopping or changing its port");
            told.after(Duration::from_secs(1)).closing()
        }
        Problem::Internal => {
            Told::new(500, "internal_error", Fault::Proxy, "the proxy made a mistake; its log says more")
        }
    }
}

fn refused(refusal: &Refusal) -> Told {
    let told = |status, code, message: &str| Told::new(status, code, Fault::Client, message);
    match refusal {
        Refusal::BadRequest(reason) => told(400, "invalid_request", contradiction(*reason)),
        Refusal::InvalidApiKey => told(
            401,
            "invalid_api_key",
            "a valid client key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'; \
             'mammouth-proxy keys list' names the keys",
        )
        // Claude Code would try the same key again for minutes before it says a word.
        .spent(),
        Refusal::HostNotAllowed => told(
            403,
            "host_not_allowed",
            "this Host name is not allowed; the setting ALLOWED_HOSTS adds names",
        ),
        Refusal::OriginNotAllowed => told(
            403,
            "origin_not_allowed",
            "this web page may not call the proxy; the setting ALLOWED_ORIGINS adds origins",
        ),
        Refusal::Forbidden => {
            told(403, "forbidden", "a client key cannot do this: the control token is needed")
        }
        Refusal::NotFound => told(404, "not_found", &unserved::message(None)),
        Refusal::MethodNotAllowed => {
            told(405, "method_not_allowed", "this method is not allowed at this path")
        }
        Refusal::WebSocket => told(
            426,
            "upgrade_required",
            "WebSocket is not spoken here: send the request over HTTP as a POST",
        ),
        Refusal::UriTooLong => told(414, "uri_too_long", "the path is too long"),
        Refusal::UnsupportedMediaType => told(
            415,
            "unsupported_media_type",
            "the body must be 'Content-Type: application/json' without a content encoding",
        ),
        Refusal::HeadersTooLarge => told(431, "headers_too_large", "the headers are too large"),
        Refusal::NotServing => Told::new(
            503,
            "overloaded",
            Fault::Proxy,
            "the user has stopped the proxy in its window; it answers again once it is started there",
        )
        .spent(),
        Refusal::Preflight(_) => told(204, "preflight", ""),
    }
}

fn contradiction(reason: access::Reason) -> &'static str {
    match reason {
        access::Reason::HostMissing => "the request has no Host header",
        access::Reason::HostRepeated => "the request has more than one Host header",
        access::Reason::HostInvalid => "the Host header is not a host",
        access::Reason::TargetDiffers => "the request line and the Host header name different hosts",
        access::Reason::Upgrade => "only HTTP/1.1 is spoken here",
    }
}

fn body(error: BodyError) -> Told {
    let message = error.to_string();
    match error {
        BodyError::TooLarge => Told::new(413, "request_too_large", Fault::Client, message),
        BodyError::TooSlow => Told::new(408, "request_timeout", Fault::Client, message),
        BodyError::Broken => Told::new(400, "invalid_request", Fault::Client, message),
        BodyError::Overloaded => {
            Told::new(503, "overloaded", Fault::Proxy, message).after(Duration::from_secs(1))
        }
    }
    .closing()
}

fn invalid(error: &InvalidRequest) -> Told {
    let code = match error.code {
        InvalidCode::InvalidRequest => "invalid_request",
        InvalidCode::UnsupportedParameter => "unsupported_parameter",
        InvalidCode::InvalidImage => "invalid_image",
        InvalidCode::ThreadUnsupported => "thread_unsupported_request",
    };
    Told { param: error.param.clone(), ..Told::new(400, code, Fault::Client, &error.message) }
}

fn native_only(param: &str) -> Told {
    let what = match param {
        "messages" | "input" => "holds a file or sound, which can only be passed on",
        _ => "can only be honoured",
    };
    let message = format!("'{param}' {what} with an API key: a web session has nothing like it");
    Told { param: Some(param.to_owned()), ..Told::new(400, "unsupported_parameter", Fault::Client, message) }
}

fn no_account(reason: &Unavailable) -> Told {
    let told = |status, code, message: String| Told::new(status, code, Fault::Upstream, message);
    match reason {
        Unavailable::NoAccounts => told(
            503,
            "no_account",
            "there is no Mammouth account to answer from: set COOKIES, or add one with 'mammouth-proxy accounts add'".into(),
        ),
        Unavailable::NoneOfKind(AccountKind::Api) => told(
            503,
            "no_account",
            "this needs an account with an official API key, and there is none that may be used: set API_KEYS, or add \
             one with 'mammouth-proxy accounts add'; the setting 'prefer' must not be only-web"
                .into(),
        ),
        Unavailable::NoneOfKind(AccountKind::Web) => told(
            503,
            "no_account",
            "only web-session accounts may serve this, and there is none: add one (COOKIES), or change the setting \
             'prefer'"
                .into(),
        ),
        Unavailable::Starting => Told::new(
            503,
            "starting",
            Fault::Proxy,
            "the proxy is starting: the accounts are still being read from the keychain",
        )
        .after(Duration::from_secs(1)),
        Unavailable::Unreadable(error) => Told::new(
            503,
            "no_account",
            Fault::Proxy,
            format!("the secrets of the accounts cannot be read. {error}"),
        ),
        Unavailable::AllTried => told(503, "upstream_unreachable", "no account could answer".into()),
        Unavailable::LoginRequired => told(
            503,
            "account_login_required",
            "the Mammouth session or key is not valid any more: sign in again and replace the cookie, or replace the key ('mammouth-proxy accounts list' names the account)".into(),
        ),
        Unavailable::OtherHost => told(
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
            told(429, code, format!("every usable account {what}; the next one is free in {}", minutes(*wait))).after(*wait)
        }
        Unavailable::UpstreamDown { wait } => {
            told(503, "upstream_unreachable", "Mammouth failed several times in a row; the proxy tries again in seconds".into())
                .after(*wait)
        }
        Unavailable::Challenge { wait } => challenge().after(*wait),
    }
}

fn upstream(failure: &UpstreamError) -> Told {
    let told = |status, code, message: String| Told::new(status, code, Fault::Upstream, message);
    let detail = &failure.detail;
    match failure.kind {
        UpstreamErrorKind::Limited => told(
            429,
            "insufficient_quota",
            format!("the account has used up its quota for this model: {detail}"),
        )
        .after(failure.retry_after.unwrap_or(Duration::from_secs(60))),
        UpstreamErrorKind::Throttled => {
            told(429, "rate_limit_exceeded", format!("Mammouth asks to slow down: {detail}"))
                .after(failure.retry_after.unwrap_or(Duration::from_secs(1)))
        }
        UpstreamErrorKind::LoginRequired => no_account(&Unavailable::LoginRequired),
        UpstreamErrorKind::Challenge => challenge(),
        UpstreamErrorKind::Server => told(502, "upstream_bad_response", format!("Mammouth failed: {detail}")),
        UpstreamErrorKind::BadResponse => {
            told(502, "upstream_bad_response", format!("Mammouth's answer was not understood: {detail}"))
        }
        UpstreamErrorKind::Empty => told(502, "upstream_bad_response", "Mammouth's answer was empty".into()),
        UpstreamErrorKind::Unreachable => {
            told(503, "upstream_unreachable", format!("Mammouth cannot be reached: {detail}"))
        }
        UpstreamErrorKind::Tls => {
            told(502, "upstream_tls_error", format!("the connection to Mammouth is not safe: {detail}"))
        }
        UpstreamErrorKind::Timeout => {
            told(504, "upstream_timeout", format!("Mammouth did not answer in time: {detail}"))
        }
        UpstreamErrorKind::Interrupted => {
            told(502, "upstream_bad_response", format!("Mammouth's answer broke off: {detail}"))
        }
        UpstreamErrorKind::NoSuchModel => {
            Told::new(404, "not_found", Fault::Client, format!("no account has this model: {detail}"))
        }
        UpstreamErrorKind::ContextLength => Told::new(400, "context_length_exceeded", Fault::Client, detail),
        UpstreamErrorKind::Rejected => Told::new(
            400,
            "invalid_request",
            Fault::Client,
            format!("Mammouth refused the request: {detail}"),
        ),
        UpstreamErrorKind::Image => Told::new(400, "invalid_image", Fault::Client, detail),
    }
}

fn challenge() -> Told {
    Told::new(
        503,
        "upstream_challenge",
        Fault::Upstream,
        "mammouth.ai asks for a browser check that this program does not answer: open mammouth.ai in your browser, then try again",
    )
}

fn minutes(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ 0..=119 => format!("{} s", seconds.max(1)),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: UpstreamErrorKind) -> (u16, &'static str) {
        let told = tell(&Problem::Upstream(UpstreamError::new(kind, "x")));
        (told.status, told.code)
    }

    #[test]
    fn the_contract_s_table_holds() {
        assert_eq!(of(UpstreamErrorKind::Limited), (429, "insufficient_quota"));
        assert_eq!(of(UpstreamErrorKind::Throttled), (429, "rate_limit_exceeded"));
        assert_eq!(of(UpstreamErrorKind::LoginRequired), (503, "account_login_required"));
        assert_eq!(of(UpstreamErrorKind::Challenge), (503, "upstream_challenge"));
        assert_eq!(of(UpstreamErrorKind::BadResponse), (502, "upstream_bad_response"));
        assert_eq!(of(UpstreamErrorKind::Interrupted), (502, "upstream_bad_response"));
        assert_eq!(of(UpstreamErrorKind::Tls), (502, "upstream_tls_error"));
        assert_eq!(of(UpstreamErrorKind::Unreachable), (503, "upstream_unreachable"));
        assert_eq!(of(UpstreamErrorKind::Timeout), (504, "upstream_timeout"));
        assert_eq!(of(UpstreamErrorKind::ContextLength), (400, "context_length_exceeded"));
        assert_eq!(of(UpstreamErrorKind::Image), (400, "invalid_image"));
    }

    #[test]
    fn f60_a_client_may_try_again_soon_while_accounts_are_read() {
        let told = tell(&Problem::NoAccount(Unavailable::Starting));
        assert_eq!((told.status, told.code, told.spent), (503, "starting", false));
        assert_eq!(told.retry_after, Some(Duration::from_secs(1)));
    }

    #[test]
    fn f59_what_came_from_upstream_is_not_to_be_repeated() {
        let wait = Duration::from_secs(7);
        let told = tell(&Problem::NoAccount(Unavailable::Limited { wait, reason: LimitReason::Throttled }));
        assert_eq!(
            (told.status, told.code, told.spent, told.retry_after),
            (429, "rate_limit_exceeded", true, Some(wait))
        );
    }
}
