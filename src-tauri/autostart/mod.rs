//! Start at login, hidden.
//!
//! macOS through Tauri's plug-in. On Linux and Windows the plug-in writes the program's path without quotes, so that a
//! path with a space starts nothing or another program, and for an administrator of Windows it writes for every user; an
//! own entry is a few lines.

use tauri::AppHandle;

use gateway::management::{ControlError, ErrorCode};

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(target_os = "macos", path = "macos.rs")]
#[cfg_attr(windows, path = "windows.rs")]
mod system;

/// Whether the program starts at login; `None` where the system does not tell.
pub(super) fn is_on(app: &AppHandle) -> Option<bool> {
    system::is_on(app)
}

/// Switches it on or off.
///
/// # Errors
/// The system does not take it.
pub(super) fn set(app: &AppHandle, on: bool) -> Result<(), ControlError> {
    system::set(app, on).map_err(|error| {
        ControlError::new(ErrorCode::NotSaved, format!("starting at login could not be changed: {error}"))
    })
}

/// The value of a `Run` entry of Windows: the program in quotes, which no path of Windows can hold, and hidden.
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
