//! Notifications over the session bus, the only way on Linux to receive clicks.

use std::collections::HashMap;

use futures_util::StreamExt;
use zbus::zvariant::Value;

use super::super::application_id::APPLICATION_ID;
use super::super::context::DesktopContext;
use super::super::window;
use super::Notification;

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// The action of a click on the notification itself, by the Desktop Notifications Specification.
const CLICK_ACTION: &str = "default";
/// The desktop decides how long a notification is shown.
const DEFAULT_EXPIRY: i32 = -1;

/// Shows a notification and waits until it is clicked or closed.
pub(super) async fn show(context: &DesktopContext, notification: Notification) -> zbus::Result<()> {
    let bus = zbus::Connection::session().await?;
    let desktop = zbus::Proxy::new(&bus, SERVICE, PATH, SERVICE).await?;
    // Subscribed before the notification is shown, so that an early click is not missed.
    let mut clicks = desktop.receive_signal("ActionInvoked").await?;
    let mut ends = desktop.receive_signal("NotificationClosed").await?;
    let hints: HashMap<&str, Value<'_>> = HashMap::from([("desktop-entry", Value::from(APPLICATION_ID))]);
    let arguments = (
        "Mammouth Proxy",
        0_u32,
        APPLICATION_ID,
        // By the specification the title is plain text, and the body may contain markup.
        notification.title,
        escape_markup(&notification.text),
        vec![CLICK_ACTION, ""],
        hints,
        DEFAULT_EXPIRY,
    );
    let id: u32 = desktop.call("Notify", &arguments).await?;
    loop {
        tokio::select! {
            Some(click) = clicks.next() => {
                if matches!(click.body().deserialize::<(u32, String)>(), Ok((of, _)) if of == id) {
                    window::open(context, notification.page);
                    return Ok(());
                }
            }
            Some(end) = ends.next() => {
                if matches!(end.body().deserialize::<(u32, u32)>(), Ok((of, _)) if of == id) {
                    return Ok(());
                }
            }
            else => return Ok(()),
        }
    }
}

/// Escapes markup, which some desktops interpret; labels and errors are plain text.
fn escape_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w10_markup_is_shown_as_text() {
        assert_eq!(escape_markup("<a href='x'>R&D</a>"), "&lt;a href='x'&gt;R&amp;D&lt;/a&gt;");
    }
}
