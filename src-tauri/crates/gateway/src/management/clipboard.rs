//! `clipboard.copy`: text on the system's clipboard, which a page in WebKit cannot reach once it has waited for an answer.

use serde::Deserialize;

use super::{Control, ControlError};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct CopyArgs {
    text: String,
}

/// Copies a text that the page shows.
pub(super) async fn copy(control: &Control, args: CopyArgs) -> Result<(), ControlError> {
    control.require_desktop()?.copy(args.text).await
}
