//! Notifications through Tauri's plug-in. It does not tell of clicks on macOS and Windows, where a click brings up the
//! program by itself.

use tauri_plugin_notification::{Error, NotificationExt};

use super::super::context::DesktopContext;
use super::Notification;

/// Shows it.
pub(super) async fn show(context: &DesktopContext, notification: Notification) -> Result<(), Error> {
    context.app().notification().builder().title(notification.title).body(notification.text).show()
}
