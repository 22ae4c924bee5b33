//! Messages between the program and its window process: lines of JSON.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::super::host::{OpenRequest, SaveRequest, SecretText, SignInRequest};
use gateway::management::ControlError;

/// Message of the program.
#[derive(Serialize, Deserialize)]
pub(super) enum ToWindow {
    Request {
        id: u64,
        request: Request,
    },
    /// The outcome of this request is no longer awaited.
    Cancel {
        id: u64,
    },
    CommandResult {
        id: u64,
        result: Result<Value, ControlError>,
    },
    Event(Value),
}

/// Request for a window, answered by an [`Outcome`] with the same id.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    Open(OpenRequest),
    SignIn(SignInRequest),
    Save(SaveRequest),
    Copy(SecretText),
}

/// Outcome of a request.
#[derive(Serialize, Deserialize)]
pub(super) enum Outcome {
    Done,
    Session(SecretText),
    File(Option<String>),
}

/// Message of the window process.
#[derive(Serialize, Deserialize)]
pub(super) enum FromWindow {
    Outcome {
        id: u64,
        outcome: Result<Outcome, ControlError>,
    },
    /// Command of the management API, answered by its result with the same id.
    Command {
        id: u64,
        name: String,
        args: Value,
    },
    /// The page listens to events from now on. They begin anew.
    Subscribe,
    /// The process has no window, request or clipboard any more.
    Idle,
}

/// Writes one message.
pub(super) async fn write_message(
    writer: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    writer.write_all(&line).await
}
