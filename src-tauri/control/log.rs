//! `log.…`: the request log.

use super::{Control, ControlError, ErrorCode};
use crate::journal::{JournalError, Query, Record};

pub(super) async fn latest(control: &Control, query: Query) -> Result<Vec<Record>, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.latest(&query)).await
}

pub(super) async fn clear(control: &Control) -> Result<u64, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.clear()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, ControlError> {
    let internal = |text: String| ControlError::new(ErrorCode::Internal, text);
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| internal(error.to_string()))?;
    done.map_err(|error| internal(error.to_string()))
}
