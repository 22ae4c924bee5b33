//! Reasons why an update was refused or could not be fetched.

use upstreams::download::DownloadError;

/// Reason why an update failed, as one sentence. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    #[error("no newer version was found")]
    NotNewer,
    #[error("the list of releases cannot be fetched: {0}")]
    Feed(DownloadError),
    #[error("the signature of the list of releases is wrong")]
    FeedSignature,
    #[error("the list of releases is not valid")]
    FeedFormat,
    #[error("version {version} has no file {name} for this system")]
    NoFile { version: String, name: String },
    #[error("{name} cannot be downloaded: {error}")]
    Download { name: String, error: DownloadError },
    #[error("{name} is not the file that was announced")]
    WrongHash { name: String },
    #[error("the signature of {name} is wrong")]
    FileSignature { name: String },
    #[error("{what} cannot be written: {error}")]
    Write { what: &'static str, error: std::io::Error },
}
