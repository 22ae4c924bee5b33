//! Command `serving.set`: stops serving clients without ending the program, and starts it again.

use serde::Deserialize;

use super::{Control, ControlError};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct ServingArgs {
    on: bool,
}

/// Stops or starts serving. Replies in flight continue, and the next start of the program serves again.
pub(super) async fn set(control: &Control, args: ServingArgs) -> Result<(), ControlError> {
    control.server()?;
    control.serving.set_serving(args.on);
    control.notify_changed();
    Ok(())
}
