//! Errors of management commands.

use serde::{Deserialize, Serialize};

use super::UserMessage;

/// Code of an error, by which a caller can react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ErrorCode {
    UnknownCommand,
    BadArguments,
    NotFound,
    /// The name or account already exists.
    Exists,
    PortTaken,
    /// The settings file could not be written.
    NotSaved,
    /// The keychain is missing, locked or denies access.
    Keychain,
    /// Mammouth rejected the credential, or cannot be reached.
    Upstream,
    Starting,
    /// A file that the user chose could not be written.
    FileNotSaved,
    /// The system's clipboard cannot be reached.
    Clipboard,
    /// The command needs the desktop program.
    DesktopOnly,
    /// The notice about web sessions has not been accepted yet.
    Terms,
    /// The user cancelled the operation.
    Cancelled,
    /// A file of a client cannot be read or changed, or another program changed it.
    ClientFile,
    /// The plan no longer matches the current state.
    Conflict,
    /// An environment variable or a flag decides the setting.
    FixedByEnvironment,
    Internal,
}

/// Error of a management command: a code and a message for users, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[derive(ts_rs::TS)]
pub struct ControlError {
    pub code: ErrorCode,
    pub message: String,
    /// The message as a code with arguments, if the window can translate it.
    #[serde(default)]
    pub said: Option<UserMessage>,
}

impl ControlError {
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), said: None }
    }

    pub(super) fn with_message(code: ErrorCode, said: UserMessage) -> Self {
        Self { code, message: said.to_string(), said: Some(said) }
    }

    /// The status of the HTTP response for this code.
    pub(super) fn status(&self) -> u16 {
        match self.code {
            ErrorCode::UnknownCommand | ErrorCode::NotFound => 404,
            ErrorCode::BadArguments => 400,
            ErrorCode::Exists
            | ErrorCode::PortTaken
            | ErrorCode::Terms
            | ErrorCode::Cancelled
            | ErrorCode::ClientFile
            | ErrorCode::Conflict
            | ErrorCode::FixedByEnvironment => 409,
            ErrorCode::DesktopOnly => 501,
            ErrorCode::Upstream => 502,
            ErrorCode::Keychain | ErrorCode::Starting => 503,
            ErrorCode::NotSaved | ErrorCode::FileNotSaved | ErrorCode::Clipboard | ErrorCode::Internal => 500,
        }
    }
}
