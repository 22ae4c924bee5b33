//! Puts text on the clipboard.

use tauri::AppHandle;

/// Copies. GTK keeps the text as long as this program runs, and hands it to a clipboard manager where there is one.
#[cfg(target_os = "linux")]
pub(super) fn copy(app: &AppHandle, text: String) {
    let copied = app.run_on_main_thread(move || {
        let clipboard = gtk::Clipboard::get(&gtk::gdk::SELECTION_CLIPBOARD);
        clipboard.set_text(&text);
        clipboard.store();
    });
    if let Err(error) = copied {
        tracing::warn!("nothing was copied: {error}");
    }
}

/// Copies by the program that the system has for it. The text goes over its input, where no other program sees it.
#[cfg(not(target_os = "linux"))]
pub(super) fn copy(_: &AppHandle, text: String) {
    if let Err(error) = hand_over(&text) {
        tracing::warn!("nothing was copied: {error}");
    }
}

#[cfg(not(target_os = "linux"))]
fn hand_over(text: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let name = if cfg!(target_os = "macos") { "pbcopy" } else { "clip" };
    let mut child = Command::new(name).stdin(Stdio::piped()).spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    child.wait().map(drop)
}
