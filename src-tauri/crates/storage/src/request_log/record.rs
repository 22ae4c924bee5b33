//! Record of one request, and queries for records. Metadata only: no prompt, reply or header.
use super::error_code::RequestErrorCode;
use super::selection_reason::SelectionReason;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Record of one request, from its first header to its last byte. Texts are limited in length and free of
/// control characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct RequestRecord {
    /// Id that increases with every record and is unique across restarts: the Unix time in microseconds when
    /// the writer received the record, raised where needed. Fits a JavaScript number. 0 before the writer has
    /// received it.
    pub id: u64,
    /// Start of the request, Unix milliseconds.
    pub time_ms: u64,
    /// `x-request-id` of the response.
    pub request_id: String,
    /// Name of the client key, never the key.
    pub client: String,
    /// Id of the known client that the `User-Agent` names.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub program: Option<String>,
    /// Client's own id of the session or conversation.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub session: Option<String>,
    /// Type of the sub-agent that sent the request, as the client names it.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub agent: Option<String>,
    /// Purpose of the request, as the client names it: `main`, `subagent`, `compaction`, …
    #[serde(default)]
    #[ts(optional = nullable)]
    pub request_class: Option<String>,
    /// Name of the dialect of the request.
    pub dialect: Cow<'static, str>,
    /// Model as the client wrote it; empty if the request was rejected before it was read.
    pub model_asked: String,
    /// Model that answered, after aliases.
    pub model_served: Option<String>,
    /// Label of the last account that was called.
    pub account: Option<String>,
    /// Upstream calls, in order.
    pub attempts: Vec<Attempt>,
    /// HTTP status of the response; 499 if the client closed the connection first.
    pub status: u16,
    /// Error code, as in the response body.
    pub code: Option<Cow<'static, str>>,
    /// Party that caused the failure, if there was one.
    pub fault: Option<ErrorSource>,
    /// Bytes of the request body.
    pub bytes_in: u64,
    /// Bytes of the response body.
    pub bytes_out: u64,
    /// Tokens of the prompt, if known.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the reply, if known.
    pub completion_tokens: Option<u64>,
    /// Whether the proxy counted the tokens, because the upstream did not.
    pub tokens_estimated: bool,
    /// Cost at the catalog's prices, US dollars, if they are known. Estimated if the tokens are.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// Whether a web session answered: `cost_usd` is then the price of the API, and nothing was billed.
    #[serde(default)]
    pub unbilled: bool,
    /// Error message sent to the client, in English.
    #[serde(default)]
    pub message: Option<String>,
    /// Parameter that the error message names as at fault.
    #[serde(default)]
    pub param: Option<String>,
    /// Note: one word, or a sentence in records of older versions.
    #[serde(default)]
    pub note: Option<String>,
    /// Milliseconds from the start to the first byte of the response.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds from the start to the end.
    pub duration_ms: u64,
    /// Whether the client requested a stream.
    pub stream: bool,
    /// Whether the response began and was cut before its end.
    pub interrupted: bool,
}

/// Prompt and reply of a request, if they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Bodies {
    pub request: String,
    pub response: String,
    /// Whether a part was left out, because it was longer than the limit.
    pub cut: bool,
}

/// One upstream call made for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Attempt {
    /// Label of the account.
    pub account: String,
    /// Reason why this account was selected.
    pub why: SelectionReason,
    /// Outcome of the call: "ok", "limited", …
    pub outcome: String,
    /// HTTP status of the upstream's response, if there was one.
    pub status: Option<u16>,
    /// Message of the upstream or of the network error, without secrets.
    pub detail: Option<String>,
    /// Duration of the call, milliseconds.
    pub ms: u64,
}

/// Party that caused a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ErrorSource {
    /// The program that called the proxy.
    Client,
    /// Mammouth, or the connection to it.
    Upstream,
    /// This proxy.
    Proxy,
}

impl ErrorSource {
    /// Returns the name used in the file, in JSON and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Upstream => "upstream",
            Self::Proxy => "proxy",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Client, Self::Upstream, Self::Proxy].into_iter().find(|fault| fault.name() == name)
    }
}

/// Query for records; the result is newest first. An unknown field is refused when read from JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub struct Query {
    /// Only records older than this id: the next page.
    pub before_id: Option<u64>,
    /// Only records newer than this id, for updates.
    pub after_id: Option<u64>,
    /// Maximum number of records; 0 means 100, more than 1,000 means 1,000.
    #[ts(as = "Option<usize>")]
    pub limit: usize,
    /// Whether only requests match that failed (status 400 and up) or were cut, unless the client closed the
    /// connection.
    #[ts(as = "Option<bool>")]
    pub failed_only: bool,
    /// Only requests in which this account was called, whether it answered or not.
    pub account: Option<String>,
    /// Only requests of this client key.
    pub client: Option<String>,
    /// Only requests for this model, by the requested or the served name.
    pub model: Option<String>,
    /// Only requests of this dialect.
    pub dialect: Option<String>,
    /// Only requests answered with this HTTP status.
    pub status: Option<u16>,
    /// Only requests that ended at this time or later, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Only requests that ended before this time, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// Only requests with this text in the client, program, agent, request class, a model, the account or the
    /// code, equal to the status, or, from four characters on, at the beginning of the request id or session.
    /// Not a pattern; ASCII case is ignored.
    pub text: Option<String>,
}

impl Query {
    /// Returns the maximum number of records in the result.
    pub fn effective_limit(&self) -> usize {
        if self.limit == 0 { 100 } else { self.limit.min(1_000) }
    }
}

impl RequestRecord {
    /// Whether the client closed the connection before the end, which is no failure.
    pub fn is_cancelled(&self) -> bool {
        self.code.as_deref() == Some(RequestErrorCode::ClientClosed.name())
    }

    /// Whether the request failed or was cut, unless the client closed the connection.
    pub fn is_failed(&self) -> bool {
        (self.status >= 400 || self.interrupted) && !self.is_cancelled()
    }

    /// Returns the record with another name for an account.
    pub(super) fn with_account_renamed(&self, from: &str, to: &str) -> Self {
        let mut record = self.clone();
        let asked = record.attempts.iter_mut().map(|attempt| &mut attempt.account);
        for label in record.account.iter_mut().chain(asked).filter(|label| *label == from) {
            to.clone_into(label);
        }
        record
    }

    pub(super) fn names_account(&self, label: &str) -> bool {
        self.account.as_deref() == Some(label) || self.attempts.iter().any(|attempt| attempt.account == label)
    }
}
