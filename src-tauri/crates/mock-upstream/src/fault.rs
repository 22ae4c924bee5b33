//! What can go wrong on purpose.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::tool_prompt::ToolMistake;

/// One way to misbehave. Fields can be combined; an empty one changes nothing.
/// The table in the room's head says what each does and how it is written as text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fault {
    /// From 200 to 599.
    pub status: Option<u16>,
    pub body: Option<FaultBody>,
    /// More response headers, checked when they are used: what is no header is left out.
    pub headers: Vec<(String, String)>,
    pub delay_before_head: Option<Delay>,
    pub delay_before_body: Option<Delay>,
    /// In chunks, as the next three.
    pub stall_after: Option<usize>,
    pub reset_after: Option<usize>,
    pub cut_after: Option<usize>,
    pub eof_after: Option<usize>,
    /// In chunks: then an error in the stream. Over the API only.
    pub error_after: Option<usize>,
    /// In bytes.
    pub slice: Option<NonZeroUsize>,
    /// In bytes.
    pub size: Option<u64>,
    pub endless: bool,
    pub bad_utf8: Option<BadUtf8>,
    /// How many bytes more than are sent the `Content-Length` announces.
    pub missing_bytes: Option<u64>,
    pub gzip_garbage: bool,
    pub tool_mistake: Option<ToolMistake>,
    pub gate: bool,
    /// Written to the socket instead of any answer.
    pub raw: Option<String>,
}

/// What a fault sends in place of the reply.
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

/// How long a fault waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    For(Duration),
    /// Until the client goes away or the simulator stops.
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

/// How a reply is no valid UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadUtf8 {
    /// Bytes that can stand nowhere, after the first chunk.
    Invalid,
    /// The reply ends inside a character.
    Cut,
}

/// How a body is broken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyInterruption {
    Stall,
    Reset,
    Cut,
    Eof,
}

impl Fault {
    /// A quota refusal, as the site sends it.
    pub fn quota() -> Self {
        Self { body: Some(FaultBody::Quota), ..Self::default() }
    }

    /// This status with a JSON message.
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// What is to happen once `sent` chunks are out.
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
