//! Errors of upstream calls, classified for the retry loop.

use std::time::Duration;

use protocol::{Usage, is_model_name};

/// Kind of a failed upstream call. Each variant is handled in its own way by the retry loop or the account pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum UpstreamErrorKind {
    /// The account has used up its quota for this model (family).
    Limited,
    /// The upstream's rate limit for the account (429).
    Throttled,
    /// The session or key is no longer valid.
    LoginRequired,
    /// A bot challenge before the upstream, independent of the account.
    Challenge,
    /// A server error (5xx).
    Server,
    /// A response that violates the protocol: wrong type, HTML, truncated JSON, a redirect to another host.
    BadResponse,
    /// A success without content.
    Empty,
    /// Connection refused, reset before a response, no route, DNS failure.
    Unreachable,
    /// The certificate or the TLS handshake failed.
    Tls,
    /// No first byte in time.
    Timeout,
    /// The account does not have the model; another may.
    NoSuchModel,
    /// The conversation exceeds the model's context length.
    ContextLength,
    /// The upstream rejected the request (400, 413, content policy).
    Rejected,
    /// An image could not be used: its link, its bytes, or its upload.
    Image,
    /// The reply ended early, after its first byte.
    Interrupted,
}

/// A failed upstream call.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind:?}: {detail}")]
pub struct UpstreamError {
    pub kind: UpstreamErrorKind,
    /// The upstream's HTTP status, if it answered.
    pub status: Option<u16>,
    /// A sentence for the user: one line of at most 2 KiB, without secrets and URL queries.
    pub detail: String,
    /// The upstream's `Retry-After`, limited to between 1 s and 1 h.
    pub retry_after: Option<Duration>,
    /// Usage of an interrupted reply up to its end; it counts against the quota.
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

/// Rejects an invalid model name.
pub(super) fn check_model(model: &str) -> Result<(), UpstreamError> {
    let detail = "the model's name is empty, longer than 200 characters or holds control characters";
    if is_model_name(model) { Ok(()) } else { Err(UpstreamError::new(UpstreamErrorKind::Rejected, detail)) }
}
