//! Command `window.open`: brings the window of the desktop program to the front. A second start of the program and
//! scripts use it.

use serde::Deserialize;

use super::{Control, ControlError, Page};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct OpenArgs {
    // Without one the window stays where it is.
    #[ts(optional)]
    page: Option<Page>,
}

pub(super) async fn open(control: &Control, args: OpenArgs) -> Result<(), ControlError> {
    control.require_desktop()?.open_window(args.page);
    Ok(())
}
