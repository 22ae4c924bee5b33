//! A desktop without a tray: said once, with the way to the window.

use std::path::Path;
use std::time::Duration;

use super::notify;
use super::place::Place;
use super::shell::{Shell, words_for};
use super::tray::shows_icons;
use crate::control::Said;

/// At login the panel may start after this program.
const PANEL_STARTS: Duration = Duration::from_secs(10);
/// Noted in the data directory that it was said.
const SAID: &str = "no-tray-said";

/// Says so if this desktop shows no icon: in the log and the window each time, as a notification once.
pub(super) async fn say_so(shell: Shell, has_icon: bool) {
    if has_icon && comes_up().await {
        return;
    }
    let words = words_for(&shell.look().await.unwrap_or_default());
    shell.control().notice(Said::Plain { text: words.no_tray.to_owned() });
    if first_time(shell.data_dir()) {
        notify::say(&shell, words.no_tray_title, words.no_tray, Place::Overview);
    }
}

async fn comes_up() -> bool {
    let mut look = tokio::time::interval(PANEL_STARTS / 10);
    for _ in 0..=10 {
        look.tick().await;
        if shows_icons().await {
            return true;
        }
    }
    false
}

/// Where it cannot be noted, it is said again the next time.
fn first_time(data_dir: &Path) -> bool {
    let mut new = std::fs::OpenOptions::new();
    new.write(true).create_new(true).open(data_dir.join(SAID)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(first_time(dir.path()));
        assert!(!first_time(dir.path()));
    }
}
