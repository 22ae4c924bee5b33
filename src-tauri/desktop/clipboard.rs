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

/// Copies.
#[cfg(not(target_os = "linux"))]
pub(super) fn copy(_: &AppHandle, text: String) {
    let copied = arboard::Clipboard::new().and_then(|mut clipboard| clipboard.set_text(text));
    if let Err(error) = copied {
        tracing::warn!("nothing was copied: {error}");
    }
}
