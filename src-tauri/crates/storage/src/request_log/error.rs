//! Errors of the log's file. None of them fails a request.
use rusqlite::ErrorCode;

/// Reason why the log could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum RequestLogError {
    /// There is no file, because nothing was recorded yet.
    #[error("there is no request log yet")]
    Missing,
    /// The file is not a sound database.
    #[error("the request log is damaged")]
    Damaged,
    /// A newer version of this program changed the file's format.
    #[error("the database was written by a newer version of this program, and is left untouched")]
    Newer,
    /// Another program has locked the file; a later attempt may succeed.
    #[error("the request log is locked by another program")]
    Busy,
    /// The request log was closed, or its writer could not be started.
    #[error("the request log is closed")]
    Closed,
    /// Any other failure: a full disk, missing permission, an I/O error, a link in place of the file.
    #[error("the request log cannot be used: {0}")]
    Unusable(String),
}

impl From<rusqlite::Error> for RequestLogError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
            return Self::Damaged;
        }
        if matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)) {
            return Self::Busy;
        }
        Self::Unusable(error.to_string())
    }
}

impl From<std::io::Error> for RequestLogError {
    fn from(error: std::io::Error) -> Self {
        Self::Unusable(error.to_string())
    }
}
