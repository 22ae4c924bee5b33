//! Command `program.stop`: ends the program as a signal does. Installers use it, and scripts where there are no signals.

use super::{Control, ControlError, NoArgs};

/// Requests the end of the program. The answer comes before it: replies in flight are drained.
pub(super) async fn stop(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    control.server()?;
    control.request_stop();
    Ok(())
}

impl Control {
    pub(super) fn request_stop(&self) {
        self.inner.stop.notify_one();
    }

    /// Completes when the command `program.stop` was run.
    pub async fn stop_requested(&self) {
        self.inner.stop.notified().await;
    }
}
