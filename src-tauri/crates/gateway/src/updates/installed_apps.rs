//! Version of the program under "Installed apps" of Windows. The installer (`packaging/windows/`) writes the entry.

use std::fs;
use std::io;
use std::path::Path;

use windows_registry::CURRENT_USER;

const UNINSTALL_KEY: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall\Mammouth Proxy";

/// Writes the version of the programs in `folder`. Does nothing if the entry is that of another folder.
///
/// # Errors
/// There is no entry, or it cannot be written.
pub(super) fn set_version(folder: &Path, version: &str) -> io::Result<()> {
    let entry = CURRENT_USER.options().read().write().open(UNINSTALL_KEY)?;
    let entry_folder = fs::canonicalize(entry.get_string("InstallLocation")?)?;
    if entry_folder == fs::canonicalize(folder)? {
        entry.set_string("DisplayVersion", version)?;
    }
    Ok(())
}
