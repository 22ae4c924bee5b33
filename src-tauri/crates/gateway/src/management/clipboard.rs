//! Command `clipboard.copy`: text to the system's clipboard. A page in WebKit cannot access the clipboard once it has
//! waited for a response.

use serde::Deserialize;

use super::{Control, ControlError};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct CopyArgs {
    text: String,
}

/// Copies a text of the page.
pub(super) async fn copy(control: &Control, args: CopyArgs) -> Result<(), ControlError> {
    control.require_desktop()?.copy(args.text).await
}
