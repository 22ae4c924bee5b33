//! What can go wrong with an upstream call, in terms the retry loop acts on.

use std::time::Duration;

use protocol::{Usage, is_model_name};

/// How an upstream call failed. One variant exists for each different thing somebody does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum UpstreamErrorKind {
    /// The account has used up its quota for this model (family).
    Limited,
    /// The account was told to slow down (429).
    Throttled,
    /// The session or key is not valid any more.
    LoginRequired,
    /// A bot challenge stands between us and the upstream; no account is to blame.
    Challenge,
    /// 5xx.
    Server,
    /// An answer that does not fit the protocol: wrong type, HTML, cut JSON, a redirect to elsewhere.
    BadResponse,
    /// Success with nothing in it.
    Empty,
    /// Connection refused, reset before an answer, no route, no DNS answer.
    Unreachable,
    /// The certificate or the handshake is not acceptable.
    Tls,
    /// No first byte in time.
    Timeout,
    /// The account does not have the model; another may.
    NoSuchModel,
    /// The conversation is longer than the model takes.
    ContextLength,
    /// The upstream refused the request itself (400, 413, content policy).
    Rejected,
    /// An image could not be used: its link, its bytes, or its upload.
    Image,
    /// The reply broke off after its first byte.
    Interrupted,
}

/// A failed upstream call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind:?}: {detail}")]
pub struct UpstreamError {
    pub kind: UpstreamErrorKind,
    /// The upstream's HTTP status, if it answered.
    pub status: Option<u16>,
    /// One sentence for people. At most 2 KiB, one line, without any secret or URL query.
    pub detail: String,
    /// How long the upstream asked to wait, between 1 s and 1 h.
    pub retry_after: Option<Duration>,
    /// The tokens of a reply that broke off, up to there: they count against the quota like any others.
    pub partial_usage: Option<Usage>,
}

impl UpstreamError {
    pub fn new(kind: UpstreamErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, status: None, detail: detail.into(), retry_after: None, partial_usage: None }
    }

    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}

/// Refuses a model's name that cannot be sent.
pub(super) fn check_model(model: &str) -> Result<(), UpstreamError> {
    let detail = "the model's name is empty, longer than 200 characters or holds control characters";
    if is_model_name(model) { Ok(()) } else { Err(UpstreamError::new(UpstreamErrorKind::Rejected, detail)) }
}
