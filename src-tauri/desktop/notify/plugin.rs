//! Notifications through Tauri's plug-in. It does not tell of clicks on macOS and Windows, where a click brings up the
//! program by itself.

use tauri_plugin_notification::{Error, NotificationExt};

use super::super::shell::Shell;
use super::Shown;

/// Shows it.
pub(super) async fn show(shell: &Shell, shown: Shown) -> Result<(), Error> {
    shell.app().notification().builder().title(shown.title).body(shown.text).show()
}
