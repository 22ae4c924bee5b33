//! What the log keeps of one request, and how records are asked for. Metadata only: no prompt, reply or header.
use super::error_code::RequestErrorCode;
use super::selection_reason::SelectionReason;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One request, from its first header to its last byte. Texts are already cut and free of control characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct RequestRecord {
    /// Grows with every record and stays unique across restarts: the Unix time in microseconds when the writer took
    /// the record, raised where needed. Fits a JavaScript number. 0 until then.
    pub id: u64,
    /// When the request began, in Unix milliseconds.
    pub time_ms: u64,
    /// The `x-request-id` the client was given.
    pub request_id: String,
    /// Name of the client key, never the key.
    pub client: String,
    /// The program by its `User-Agent`: the id of a known client.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub program: Option<String>,
    /// The client's own id of the session or conversation.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub session: Option<String>,
    /// The type of the sub-agent that asked, in the client's words.
    #[serde(default)]
    #[ts(optional = nullable)]
    pub agent: Option<String>,
    /// The purpose of the request in the client's words: `main`, `subagent`, `compaction`, …
    #[serde(default)]
    #[ts(optional = nullable)]
    pub request_class: Option<String>,
    /// Name of the dialect the request came in.
    pub dialect: Cow<'static, str>,
    /// The model as the client wrote it; empty when the request was refused before it was read.
    pub model_asked: String,
    /// The model that answered, after aliases.
    pub model_served: Option<String>,
    /// Label of the last account asked.
    pub account: Option<String>,
    /// The upstream calls, in order.
    pub attempts: Vec<Attempt>,
    /// HTTP status of the answer; 499 when the client left first.
    pub status: u16,
    /// Our error code, as in the answer's body.
    pub code: Option<Cow<'static, str>>,
    /// Who was at fault, where something went wrong.
    pub fault: Option<ErrorSource>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Tokens of the prompt, where known.
    pub prompt_tokens: Option<u64>,
    /// Tokens of the reply, where known.
    pub completion_tokens: Option<u64>,
    /// The token counts are our own count, not the upstream's.
    pub tokens_estimated: bool,
    /// US dollars at the catalogue's prices, where those are known. Estimated where the tokens are.
    #[serde(default)]
    pub cost_usd: Option<f64>,
    /// A web session answered: `cost_usd` is what the API would have asked for, and nothing was billed.
    #[serde(default)]
    pub unbilled: bool,
    /// What the client was told of a request that failed, in English.
    #[serde(default)]
    pub message: Option<String>,
    /// The parameter that it was told is at fault.
    #[serde(default)]
    pub param: Option<String>,
    /// What else is worth knowing: one word, a sentence in records of older versions.
    #[serde(default)]
    pub note: Option<String>,
    /// Milliseconds from the start to the first byte of the answer.
    pub first_byte_ms: Option<u64>,
    /// Milliseconds from the start to the end.
    pub duration_ms: u64,
    /// The client asked for a stream.
    pub stream: bool,
    /// The answer began and was cut before its end.
    pub interrupted: bool,
}

/// Prompt and reply of a request, where they are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Bodies {
    pub request: String,
    pub response: String,
    /// They were longer than what is kept.
    pub cut: bool,
}

/// One upstream call made for a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Attempt {
    /// Label of the account.
    pub account: String,
    /// Why this account was picked.
    pub why: SelectionReason,
    /// What came of it: "ok", "limited", …
    pub outcome: String,
    /// HTTP status of the upstream's answer, if there was one.
    pub status: Option<u16>,
    /// What the upstream or the network said, without secrets.
    pub detail: Option<String>,
    /// How long the call took, in milliseconds.
    pub ms: u64,
}

/// Whose doing a failed request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ErrorSource {
    /// The program that called us.
    Client,
    /// Mammouth, or the way there.
    Upstream,
    /// We ourselves.
    Proxy,
}

impl ErrorSource {
    /// The word used in the file, in JSON and on screen.
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

/// Which records are wanted; the answer is newest first. An unknown field is refused when read from JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub struct Query {
    /// Only records older than this id: the next page.
    pub before_id: Option<u64>,
    /// Only records newer than this id: what came since.
    pub after_id: Option<u64>,
    /// At most this many; 0 means 100, more than 1,000 means 1,000.
    #[ts(as = "Option<usize>")]
    pub limit: usize,
    /// Only requests that failed (status 400 and up) or were cut, by anybody but the client.
    #[ts(as = "Option<bool>")]
    pub failed_only: bool,
    /// Only requests in which this account was asked, whether it answered or not.
    pub account: Option<String>,
    /// Only requests of this client key.
    pub client: Option<String>,
    /// Only requests for this model, by the name asked or served.
    pub model: Option<String>,
    /// Only requests that came in this dialect.
    pub dialect: Option<String>,
    /// Only requests answered with this HTTP status.
    pub status: Option<u16>,
    /// Only requests that ended at this time or later, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// Only requests that ended before this time, Unix milliseconds.
    pub until_ms: Option<u64>,
    /// Only requests with this text in the client, program, agent, request class, a model, the account, the code or the
    /// status, or, from four characters on, at the beginning of the request id or session. Not a pattern; ASCII case is ignored.
    pub text: Option<String>,
}

impl Query {
    /// How many records an answer may hold.
    pub fn effective_limit(&self) -> usize {
        if self.limit == 0 { 100 } else { self.limit.min(1_000) }
    }
}

impl RequestRecord {
    /// Whether the client left before the end: its own wish, and no failure.
    pub fn is_cancelled(&self) -> bool {
        self.code.as_deref() == Some(RequestErrorCode::ClientClosed.name())
    }

    /// Whether it failed or was cut, by anybody but the client.
    pub fn is_failed(&self) -> bool {
        (self.status >= 400 || self.interrupted) && !self.is_cancelled()
    }

    /// The same with another name for an account.
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
