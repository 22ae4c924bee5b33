//! Faults that the mock can inject.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::tool_prompt::ToolMistake;

/// A fault. Fields can be combined; an empty one has no effect.
/// The table in the crate's documentation describes each field and its text form.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fault {
    /// Status of the response, 200 to 599.
    pub status: Option<u16>,
    pub body: Option<FaultBody>,
    /// Additional response headers. Invalid ones are omitted.
    pub headers: Vec<(String, String)>,
    pub delay_before_head: Option<Delay>,
    pub delay_before_body: Option<Delay>,
    /// Number of chunks before the fault, as in the next three fields.
    pub stall_after: Option<usize>,
    pub reset_after: Option<usize>,
    pub cut_after: Option<usize>,
    pub eof_after: Option<usize>,
    /// Number of chunks before an error in the stream (API only).
    pub error_after: Option<usize>,
    /// Size of the slices of the reply, bytes.
    pub slice: Option<NonZeroUsize>,
    /// Size of the reply, bytes.
    pub size: Option<u64>,
    pub endless: bool,
    pub bad_utf8: Option<BadUtf8>,
    /// Number of bytes by which `Content-Length` exceeds the body.
    pub missing_bytes: Option<u64>,
    pub gzip_garbage: bool,
    pub tool_mistake: Option<ToolMistake>,
    pub gate: bool,
    /// Bytes written to the socket instead of a response.
    pub raw: Option<String>,
}

/// Body that replaces the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultBody {
    Quota,
    BadCookie,
    Message(String),
    Leak,
    Html,
    Challenge,
    Portal,
    Login,
    Redirect(String),
    Text(String),
    Empty,
    Json,
    JsonString,
    JsonError,
    CutJson,
    Downgrade(String),
}

/// Duration of a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    For(Duration),
    /// No end: the delay lasts until the client disconnects or the mock stops.
    Forever,
}

impl Delay {
    pub(super) async fn elapse(self) {
        match self {
            Self::For(time) => tokio::time::sleep(time).await,
            Self::Forever => std::future::pending().await,
        }
    }
}

/// Kinds of invalid UTF-8 in a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadUtf8 {
    /// Bytes after the first chunk that are not UTF-8.
    Invalid,
    /// End of the reply inside a character.
    Cut,
}

/// Ways to interrupt a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyInterruption {
    Stall,
    Reset,
    Cut,
    Eof,
}

impl Fault {
    /// The site's error for a used-up quota.
    pub fn quota() -> Self {
        Self { body: Some(FaultBody::Quota), ..Self::default() }
    }

    /// A status with a JSON message.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// The interruption after `sent` chunks.
    pub(super) fn interruption_at(&self, sent: usize) -> Option<BodyInterruption> {
        let breaks = [
            (self.stall_after, BodyInterruption::Stall),
            (self.reset_after, BodyInterruption::Reset),
            (self.cut_after, BodyInterruption::Cut),
            (self.eof_after, BodyInterruption::Eof),
        ];
        breaks.into_iter().find(|(after, _)| *after == Some(sent)).map(|(_, kind)| kind)
    }
}
