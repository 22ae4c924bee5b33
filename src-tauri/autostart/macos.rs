//! Start at login on macOS: a launch agent, written by Tauri's plug-in.

use std::io;

use tauri::AppHandle;
use tauri_plugin_autostart::ManagerExt;

pub(super) fn is_on(app: &AppHandle) -> Option<bool> {
    app.autolaunch().is_enabled().ok()
}

pub(super) fn set(app: &AppHandle, on: bool) -> io::Result<()> {
    let manager = app.autolaunch();
    let done = if on { manager.enable() } else { manager.disable() };
    done.map_err(io::Error::other)
}
