//! `log.…`: the request log.

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode, Nothing};
use crate::journal::{JournalError, Query, Record};

/// A file of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Exported {
    /// A name for the file.
    pub name: String,
    pub media_type: String,
    pub text: String,
}

pub(super) async fn latest(control: &Control, query: Query) -> Result<Vec<Record>, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.latest(&query)).await
}

pub(super) async fn clear(control: &Control, _: Nothing) -> Result<u64, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.clear()).await
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, ControlError> {
    let internal = |text: String| ControlError::new(ErrorCode::Internal, text);
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| internal(error.to_string()))?;
    done.map_err(|error| internal(error.to_string()))
}
