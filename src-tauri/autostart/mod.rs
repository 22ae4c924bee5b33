//! Start at login, hidden.
//!
//! macOS uses Tauri's plug-in. On Linux and Windows the plug-in writes the program's path without quotes, so that a
//! path with a space starts nothing or another program. For an administrator of Windows it writes the entry for every
//! user. This module writes the entry itself there.

use tauri::AppHandle;

use gateway::management::{ControlError, ErrorCode};

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

/// Whether the program starts at login. `None` if the system does not report it.
pub(super) fn is_on(app: &AppHandle) -> Option<bool> {
    system::is_on(app)
}

/// Switches start at login on or off.
///
/// # Errors
/// The system rejects the change.
pub(super) fn set(app: &AppHandle, on: bool) -> Result<(), ControlError> {
    system::set(app, on).map_err(|error| {
        ControlError::new(ErrorCode::NotSaved, format!("starting at login could not be changed: {error}"))
    })
}

/// Renames the entry of the program's former name. Only Linux names it after the desktop entry.
pub(super) fn migrate() {
    #[cfg(target_os = "linux")]
    if let Err(error) = system::migrate() {
        tracing::warn!("the former entry for the start at login stays: {error}");
    }
}

/// The value of a `Run` entry of Windows: the program's path in quotes, which no path of Windows can contain, and the
/// flag to start hidden.
#[cfg(any(windows, test))]
fn run_command(program: &std::path::Path) -> String {
    format!("\"{}\" --hidden", program.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_for_windows_is_quoted() {
        let program =
            std::path::Path::new(r"C:\Users\Ana\AppData\Local\Mammouth Proxy\mammouth-proxy-desktop.exe");
        assert_eq!(
            run_command(program),
            r#""C:\Users\Ana\AppData\Local\Mammouth Proxy\mammouth-proxy-desktop.exe" --hidden"#
        );
    }
}
