//! Focus of a window that already exists.
//!
//! Wayland lets a window take the focus only with a token, which the desktop gives the program that the user
//! started: a second start passes it on to the first. Without a token, a window that is mapped again comes to
//! the front as a new window does.

use tauri::WebviewWindow;

/// Prepares a window that is about to be shown and focused.
///
/// # Errors
/// The program is about to end.
#[cfg(target_os = "linux")]
pub(super) fn prepare(window: &WebviewWindow, token: Option<String>) -> tauri::Result<()> {
    use crate::display;
    use gtk::prelude::{GtkWindowExt, WidgetExt};

    let on_main = window.clone();
    window.run_on_main_thread(move || {
        // An error means that the window was closed meanwhile.
        let Ok(window) = on_main.gtk_window() else { return };
        match token {
            Some(token) => window.set_startup_id(&token),
            None if display::is_wayland() && !window.is_active() => window.hide(),
            None => {}
        }
    })
}

#[cfg(not(target_os = "linux"))]
pub(super) fn prepare(_: &WebviewWindow, _: Option<String>) -> tauri::Result<()> {
    Ok(())
}
