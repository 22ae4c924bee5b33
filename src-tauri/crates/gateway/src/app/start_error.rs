//! Errors of the program's start, with advice for the user.

use std::path::PathBuf;

use crate::server::BindError;
use storage::config::ConfigError;

/// Reason why the program did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("mammouth-proxy runs on {0} already; 'mammouth-proxy status' says where")]
    AlreadyRunning(String),
    #[error(transparent)]
    Port(#[from] BindError),
    #[error("{0}")]
    Settings(String),
    /// The HTTP client cannot be built. In practice, the system's root certificates are missing.
    #[error("{0}")]
    HttpClient(String),
    #[error("{what}: {error}")]
    DataDirectory { what: String, error: std::io::Error },
    #[error("{what}: {error}")]
    System { what: &'static str, error: std::io::Error },
}

impl StartError {
    /// The kind of problem.
    pub fn problem(&self) -> StartProblem {
        match self {
            Self::AlreadyRunning(_) => StartProblem::InUse,
            Self::Port(_) => StartProblem::Port,
            Self::Settings(_) => StartProblem::Settings,
            Self::HttpClient(_) => StartProblem::Certificates,
            Self::DataDirectory { .. } => StartProblem::DataDirectory,
            Self::System { .. } => StartProblem::Other,
        }
    }
}

/// Kinds of start problems, by the remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartProblem {
    Settings,
    DataDirectory,
    InUse,
    Port,
    Certificates,
    Other,
}

impl StartProblem {
    /// The kind of problem of an invalid setting.
    pub fn from_setting(error: &ConfigError) -> Self {
        if error.setting == "DATA_DIR" { Self::DataDirectory } else { Self::Settings }
    }

    /// Returns advice about the problem, in English.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Settings => "Correct what is named here, then start again.",
            Self::DataDirectory => {
                "Give your user the right to write to the data folder, or choose another one with DATA_DIR, then start again."
            }
            Self::InUse => {
                "Stop the other program first, or give this one another data folder with DATA_DIR, then start again."
            }
            Self::Port => "End the other program or choose another port (PORT), then start again.",
            Self::Certificates => {
                "Install the system's root certificates (on Debian, Ubuntu and Fedora: the package ca-certificates), then start again."
            }
            Self::Other => {
                "Start again. If that fails too, the files in the folder 'logs' of the data folder say more."
            }
        }
    }
}

/// A failed start, for display.
#[derive(Debug, Clone)]
pub struct StartFailure {
    pub problem: StartProblem,
    /// Description of the failure with its cause, in English.
    pub message: String,
    /// The data directory; `None` if it could not be determined.
    pub data_dir: Option<PathBuf>,
}
