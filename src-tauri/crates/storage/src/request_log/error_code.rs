//! Codes of failed requests, with their properties.

use serde::Serialize;

use super::record::ErrorSource;

/// Severity of a failed request for the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorSeverity {
    /// Expected, and resolved without the user.
    Info,
    /// Caused by the client or by a limit.
    Warning,
    /// Requests fail until the cause is gone or the user acts.
    Error,
}

/// Rule for the client's repetition of the same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryRule {
    /// The client decides.
    Allowed,
    /// The response says `x-should-retry: false`.
    Never,
}

/// Properties of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRules {
    /// HTTP status of the response; `None` if the code is never in the head of a response.
    pub status: Option<u16>,
    /// Party that caused the failure, unless a single case sets another one.
    pub source: ErrorSource,
    /// Minimum rule; a single case may be stricter.
    pub retry: RetryRule,
    pub severity: ErrorSeverity,
}

macro_rules! request_error_codes {
    ($($(#[$doc:meta])* $code:ident = $name:literal: $status:expr, $source:ident, $retry:ident, $severity:ident;)+) => {
        /// Reason why a request failed, as used by clients, the request log and the user interface.
        /// `docs/contract.md` lists the codes; the texts for people are in `ui/src/i18n/*/errors.json`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RequestErrorCode {
            $($(#[$doc])* $code,)+
        }

        impl RequestErrorCode {
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// Returns the name used in responses, in the request log and in JSON.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)+
                }
            }

            pub const fn rules(self) -> ErrorRules {
                match self {
                    $(Self::$code => ErrorRules {
                        status: $status,
                        source: ErrorSource::$source,
                        retry: RetryRule::$retry,
                        severity: ErrorSeverity::$severity,
                    },)+
                }
            }
        }
    };
}

request_error_codes! {
    InvalidRequest = "invalid_request": Some(400), Client, Allowed, Warning;
    UnsupportedParameter = "unsupported_parameter": Some(400), Client, Allowed, Warning;
    ContextLengthExceeded = "context_length_exceeded": Some(400), Client, Never, Warning;
    InvalidImage = "invalid_image": Some(400), Client, Allowed, Warning;
    PreviousResponseNotFound = "previous_response_not_found": Some(400), Client, Allowed, Warning;
    /// Request for Anthropic's stored conversations.
    ThreadUnsupportedRequest = "thread_unsupported_request": Some(400), Client, Allowed, Warning;
    /// Invalid client key. Not repeated: Claude Code would retry for minutes before it shows the error.
    InvalidApiKey = "invalid_api_key": Some(401), Client, Never, Warning;
    HostNotAllowed = "host_not_allowed": Some(403), Client, Allowed, Warning;
    OriginNotAllowed = "origin_not_allowed": Some(403), Client, Allowed, Warning;
    Forbidden = "forbidden": Some(403), Client, Allowed, Warning;
    NotFound = "not_found": Some(404), Client, Allowed, Warning;
    MethodNotAllowed = "method_not_allowed": Some(405), Client, Allowed, Warning;
    RequestTimeout = "request_timeout": Some(408), Client, Allowed, Warning;
    RequestTooLarge = "request_too_large": Some(413), Client, Allowed, Warning;
    UriTooLong = "uri_too_long": Some(414), Client, Allowed, Warning;
    UnsupportedMediaType = "unsupported_media_type": Some(415), Client, Allowed, Warning;
    UpgradeRequired = "upgrade_required": Some(426), Client, Allowed, Warning;
    /// The client key has reached its daily limit.
    ClientLimit = "client_limit": Some(429), Client, Never, Warning;
    InsufficientQuota = "insufficient_quota": Some(429), Upstream, Never, Warning;
    RateLimitExceeded = "rate_limit_exceeded": Some(429), Upstream, Never, Warning;
    HeadersTooLarge = "headers_too_large": Some(431), Client, Allowed, Warning;
    InternalError = "internal_error": Some(500), Proxy, Allowed, Error;
    UpstreamBadResponse = "upstream_bad_response": Some(502), Upstream, Never, Error;
    UpstreamTlsError = "upstream_tls_error": Some(502), Upstream, Never, Error;
    NoAccount = "no_account": Some(503), Upstream, Never, Error;
    AccountLoginRequired = "account_login_required": Some(503), Upstream, Never, Error;
    UpstreamChallenge = "upstream_challenge": Some(503), Upstream, Never, Error;
    UpstreamUnreachable = "upstream_unreachable": Some(503), Upstream, Never, Error;
    Overloaded = "overloaded": Some(503), Proxy, Allowed, Warning;
    Starting = "starting": Some(503), Proxy, Allowed, Info;
    UpstreamTimeout = "upstream_timeout": Some(504), Upstream, Never, Error;
    /// Reply that was interrupted after a response head with status 200 was sent.
    StreamInterrupted = "stream_interrupted": None, Upstream, Allowed, Error;
    /// The client closed the connection before the end; only in the log, with status 499.
    ClientClosed = "client_closed": None, Client, Allowed, Info;
    /// The client key of a test request could not be read, so nothing was sent.
    KeyUnread = "key_unread": None, Proxy, Allowed, Error;
}

impl RequestErrorCode {
    /// Returns the code of a name; `None` for a name of another version of the program.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_word_in_json_and_in_responses() {
        for code in RequestErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
            assert_eq!(RequestErrorCode::from_name(code.name()), Some(*code));
        }
        assert_eq!(RequestErrorCode::from_name("brand_new"), None);
    }

    /// Status and codes of the rows `| 414, 431 | `uri_too_long`, `headers_too_large` | … |`.
    fn documented() -> Vec<(Option<u16>, String)> {
        let text = include_str!("../../../../../docs/contract.md");
        let table = text.split("\n## Errors\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let mut codes = Vec::new();
        for row in table.lines().filter(|line| line.starts_with("| ")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let statuses: Vec<u16> = cells[1].split(", ").filter_map(|status| status.parse().ok()).collect();
            for (index, name) in cells[2].split(", ").enumerate().filter(|_| !statuses.is_empty()) {
                let status = statuses.get(index).or(statuses.last()).copied();
                codes.push((status, name.trim_matches('`').to_owned()));
            }
        }
        codes
    }

    #[test]
    fn the_contract_lists_the_codes_of_responses() {
        let mut documented = documented();
        let sent = RequestErrorCode::ALL.iter().filter(|code| code.rules().status.is_some());
        let mut declared: Vec<_> = sent.map(|code| (code.rules().status, code.name().to_owned())).collect();
        documented.sort();
        declared.sort();
        assert_eq!(documented, declared);
    }

    #[test]
    fn every_code_has_a_sentence_and_a_next_step_in_each_language() {
        for (language, text) in [
            ("en", include_str!("../../../../../ui/src/i18n/en/errors.json")),
            ("fr", include_str!("../../../../../ui/src/i18n/fr/errors.json")),
            ("zh", include_str!("../../../../../ui/src/i18n/zh/errors.json")),
        ] {
            let texts: serde_json::Value = serde_json::from_str(text).unwrap();
            for code in RequestErrorCode::ALL {
                for part in ["text", "step"] {
                    let key = format!("request_error.{}.{part}", code.name());
                    assert!(
                        texts[&key].as_str().is_some_and(|text| !text.trim().is_empty()),
                        "{language}: {key}"
                    );
                }
            }
        }
    }
}
