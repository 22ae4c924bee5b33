//! Warning for desktops without a tray, with instructions to open the window.

use std::path::Path;
use std::time::Duration;

use super::context::{DesktopContext, strings_for};
use super::notify;
use super::tray::shows_icons;
use super::window::WindowPage;
use gateway::management::UserMessage;

/// Time to wait for a tray. At login the panel may start after this program.
const PANEL_START_TIMEOUT: Duration = Duration::from_secs(10);
/// File in the data directory that marks the notification as shown.
const SHOWN_MARKER: &str = "no-tray-said";

/// Warns if this desktop shows no icon: in the log and the window each time, as a notification once.
pub(super) async fn warn_if_missing(context: DesktopContext, has_icon: bool) {
    if has_icon && tray_appears().await {
        return;
    }
    let strings = strings_for(&context.status().await.unwrap_or_default());
    context.control().add_notice(UserMessage::Plain { text: strings.no_tray.to_owned() });
    if mark_as_shown(context.data_dir()) {
        notify::show(&context, strings.no_tray_title, strings.no_tray, WindowPage::Overview);
    }
}

async fn tray_appears() -> bool {
    let mut poll = tokio::time::interval(PANEL_START_TIMEOUT / 10);
    for _ in 0..=10 {
        poll.tick().await;
        if shows_icons().await {
            return true;
        }
    }
    false
}

/// Writes the marker. Without it the notification is shown again at the next start.
fn mark_as_shown(data_dir: &Path) -> bool {
    let mut new = std::fs::OpenOptions::new();
    new.write(true).create_new(true).open(data_dir.join(SHOWN_MARKER)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_shown_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(mark_as_shown(dir.path()));
        assert!(!mark_as_shown(dir.path()));
    }
}
