//! Start at login on Windows: a value under the current user's `Run` key. The uninstaller (`packaging/windows/`) knows
//! its name and removes it.

use std::io;

use tauri::AppHandle;
use windows_registry::CURRENT_USER;

const RUN_KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Run";
/// The key in which the task manager records the entries that the user disabled there.
const STARTUP_APPROVED_KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run";
/// The error "The system cannot find the file specified", for a value that does not exist.
const FILE_NOT_FOUND: i32 = 0x8007_0002_u32.cast_signed();

pub(super) fn is_on(app: &AppHandle) -> Option<bool> {
    let value = CURRENT_USER.open(RUN_KEY).and_then(|run| run.get_string(name(app))).map_err(io::Error::from);
    match value {
        Ok(_) => Some(!is_switched_off(app)),
        Err(error) if is_missing(&error) => Some(false),
        Err(_) => None,
    }
}

/// Whether the task manager disabled the entry: the first byte of its value is odd then.
fn is_switched_off(app: &AppHandle) -> bool {
    let value = CURRENT_USER.open(STARTUP_APPROVED_KEY).and_then(|approved| approved.get_value(name(app)));
    value.is_ok_and(|value| value.first().is_some_and(|byte| byte % 2 == 1))
}

pub(super) fn set(app: &AppHandle, on: bool) -> io::Result<()> {
    let run = CURRENT_USER.create(RUN_KEY)?;
    if !on {
        return ignore_missing(run.remove_value(name(app)).map_err(io::Error::from));
    }
    run.set_string(name(app), super::run_command(&std::env::current_exe()?))?;
    let switched_on =
        CURRENT_USER.options().write().open(STARTUP_APPROVED_KEY).and_then(|key| key.remove_value(name(app)));
    ignore_missing(switched_on.map_err(io::Error::from))
}

fn ignore_missing(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if is_missing(&error) => Ok(()),
        done => done,
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.raw_os_error() == Some(FILE_NOT_FOUND)
}

fn name(app: &AppHandle) -> &str {
    &app.package_info().name
}
