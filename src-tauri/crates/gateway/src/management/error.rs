//! Errors of management commands.

use serde::{Deserialize, Serialize};

use super::UserMessage;

/// Something a caller can act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ErrorCode {
    UnknownCommand,
    BadArguments,
    NotFound,
    /// The name or account exists already.
    Exists,
    PortTaken,
    /// The settings file could not be written.
    NotSaved,
    /// The keychain is missing, locked or refuses.
    Keychain,
    /// Mammouth did not accept the credential, or cannot be asked.
    Upstream,
    Starting,
    /// A file that the user chose could not be written.
    FileNotSaved,
    /// The system's clipboard cannot be reached.
    Clipboard,
    /// Only the program with the window can do this.
    DesktopOnly,
    /// The notice about web sessions was not accepted yet.
    Terms,
    /// The user changed their mind.
    Cancelled,
    /// A file of a client cannot be read or changed, or another program changed it.
    ClientFile,
    /// What was planned no longer fits what is there.
    Conflict,
    /// A variable or a flag decides this setting.
    FixedByEnvironment,
    Internal,
}

/// A code and a sentence for people, without any secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[derive(ts_rs::TS)]
pub struct ControlError {
    pub code: ErrorCode,
    pub message: String,
    /// The same as the message, where the window can say it in other languages.
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
