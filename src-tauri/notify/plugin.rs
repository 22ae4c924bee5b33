//! Notifications through Tauri's plug-in. The plug-in does not report clicks on macOS and Windows, where a click
//! activates the program by itself.

use tauri_plugin_notification::{Error, NotificationExt};

use super::super::context::DesktopContext;
use super::Notification;

/// Shows a notification.
pub(super) async fn show(context: &DesktopContext, notification: Notification) -> Result<(), Error> {
    context.app().notification().builder().title(notification.title).body(notification.text).show()
}
