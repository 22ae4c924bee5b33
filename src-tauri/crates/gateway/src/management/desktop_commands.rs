//! Commands `window.open` and `clipboard.copy`, which need the desktop program.

use serde::Deserialize;

use super::{Control, ControlError, Page};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct OpenArgs {
    // Without one the window stays where it is.
    #[ts(optional)]
    page: Option<Page>,
}

/// Brings the window to the front. A second start of the program and scripts use it.
pub(super) async fn open_window(control: &Control, args: OpenArgs) -> Result<(), ControlError> {
    control.require_desktop()?.open_window(args.page);
    Ok(())
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct CopyArgs {
    text: String,
}

/// Copies text to the system's clipboard. A page in WebKit cannot access the clipboard once it has waited for a
/// response.
pub(super) async fn copy(control: &Control, args: CopyArgs) -> Result<(), ControlError> {
    control.require_desktop()?.copy(args.text).await
}
