//! Reasons why a client could not be set up, undone or started.

use std::path::{Path, PathBuf};

use crate::document::TextError;
use crate::view::Drift;

/// Error of a set-up, undo or launch; its message is one sentence for the user. No file of a client has
/// changed when it is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    #[error("{} cannot be read: {problem}", path.display())]
    Text { path: PathBuf, problem: TextError },
    #[error("{} is not UTF-8 text: line {line}, column {column}", path.display())]
    NotUtf8 { path: PathBuf, line: usize, column: usize },
    #[error("{} is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{} is read-only", path.display())]
    ReadOnly { path: PathBuf },
    #[error("{} belongs to another user", path.display())]
    ForeignOwner { path: PathBuf },
    #[error("{} is a link to a file that does not exist", path.display())]
    DanglingLink { path: PathBuf },
    #[error("{} is not a file", path.display())]
    NotAFile { path: PathBuf },
    #[error("{} was changed by another program in the meantime; nothing was written", path.display())]
    ChangedMeanwhile { path: PathBuf },
    #[error("{} cannot be {action}: {source}", path.display())]
    Io { path: PathBuf, action: &'static str, source: std::io::Error },
    /// Values of the set-up were changed since; the user must choose.
    #[error("values were changed since set-up: {}", paths(.0))]
    Drifted(Vec<Drift>),
    #[error("{client} was not set up from here")]
    NotSetUp { client: &'static str },
    #[error("{client} cannot be set up by file: {why}")]
    NotByFile { client: &'static str, why: &'static str },
    #[error("{client} cannot be started from here")]
    NotLaunchable { client: &'static str },
    #[error("`{argument}` collides with what starts {client} for the proxy")]
    CollidingArgument { client: &'static str, argument: String },
    #[error("the state of the set-up in {} is damaged: {source}", path.display())]
    State { path: PathBuf, source: serde_json::Error },
}

impl Error {
    pub(crate) fn io<'a>(path: &'a Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self + 'a {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }
}

fn paths(drifts: &[Drift]) -> String {
    drifts.iter().map(|drift| drift.key.as_str()).collect::<Vec<_>>().join(", ")
}
