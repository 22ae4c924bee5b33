//! Start at login on Linux: a desktop entry in the XDG autostart folder.

use std::io;
use std::path::{Path, PathBuf};

use tauri::AppHandle;

use super::super::application_id::APPLICATION_ID;

/// Former name of the entry and its icon, before the reverse-DNS name.
const FORMER_NAME: &str = "mammouth-proxy-desktop";

pub(super) fn is_on(_: &AppHandle) -> Option<bool> {
    Some(entry_path()?.is_file())
}

pub(super) fn set(_: &AppHandle, on: bool) -> io::Result<()> {
    let path = entry_path().ok_or_else(|| io::Error::other("there is no folder for settings"))?;
    if !on {
        return match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, entry_text(&program()?))
}

fn entry_path() -> Option<PathBuf> {
    Some(entry_in(&autostart_folder()?, APPLICATION_ID))
}

fn autostart_folder() -> Option<PathBuf> {
    Some(directories::BaseDirs::new()?.config_dir().join("autostart"))
}

fn entry_in(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.desktop"))
}

/// Renames an entry of the former name. The renamed entry keeps the program that it starts and the user's
/// additions.
pub(super) fn migrate() -> io::Result<()> {
    autostart_folder().map_or(Ok(()), |folder| migrate_entry(&folder))
}

fn migrate_entry(folder: &Path) -> io::Result<()> {
    let (former, present) = (entry_in(folder, FORMER_NAME), entry_in(folder, APPLICATION_ID));
    let text = match std::fs::read_to_string(&former) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read?,
    };
    if !present.exists() {
        let icon = |name: &str| format!("\nIcon={name}\n");
        std::fs::write(&present, text.replace(&icon(FORMER_NAME), &icon(APPLICATION_ID)))?;
    }
    std::fs::remove_file(former)
}

/// The path to start. An AppImage runs from a mount that is gone at the next login, so its own path is taken from its
/// environment.
fn program() -> io::Result<PathBuf> {
    match std::env::var_os("APPIMAGE") {
        Some(image) => Ok(image.into()),
        None => std::env::current_exe(),
    }
}

pub(super) fn entry_text(program: &Path) -> String {
    let program = exec_quoted(&program.display().to_string());
    format!(
        "[Desktop Entry]\nType=Application\nVersion=1.0\nName=Mammouth Proxy\nComment=A local proxy in the tray\n\
         Exec={program} --hidden\nIcon={APPLICATION_ID}\nTerminal=false\nStartupNotify=false\n\
         X-GNOME-Autostart-enabled=true\n"
    )
}

/// Quotes an argument of `Exec` by the rules of the Desktop Entry Specification: quoted, then escaped as a string once
/// more. `%` begins a field code and is doubled.
fn exec_quoted(argument: &str) -> String {
    let mut quoted = String::from("\"");
    for c in argument.chars() {
        match c {
            '"' | '`' | '$' => quoted.push_str(r"\\"),
            // Escaped once for the quotes, and both characters again for the string.
            '\\' => {
                quoted.push_str(r"\\\\");
                continue;
            }
            '%' => quoted.push('%'),
            _ => {}
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(path: &str) -> String {
        let text = entry_text(Path::new(path));
        text.lines().find_map(|line| line.strip_prefix("Exec=")).unwrap().to_owned()
    }

    #[test]
    fn a_path_with_spaces_is_one_argument() {
        assert_eq!(exec("/opt/my apps/proxy"), r#""/opt/my apps/proxy" --hidden"#);
    }

    #[test]
    fn nothing_in_a_path_is_a_command() {
        assert_eq!(exec("/a$b`c\"d%e\\f"), r#""/a\\$b\\`c\\"d%%e\\\\f" --hidden"#);
    }

    #[test]
    fn an_entry_of_the_former_name_is_renamed_and_starts_the_same_program() {
        let dir = tempfile::tempdir().unwrap();
        migrate_entry(dir.path()).unwrap();
        let (former, present) = (entry_in(dir.path(), FORMER_NAME), entry_in(dir.path(), APPLICATION_ID));
        let exec = "Exec=\"/opt/proxy\" --hidden\n";
        std::fs::write(&former, format!("[Desktop Entry]\n{exec}Icon={FORMER_NAME}\nHidden=true\n")).unwrap();
        migrate_entry(dir.path()).unwrap();
        let expected = format!("[Desktop Entry]\n{exec}Icon={APPLICATION_ID}\nHidden=true\n");
        assert_eq!(std::fs::read_to_string(&present).unwrap(), expected);
        assert!(!former.exists());
        // There is one entry at the end, whatever was there before.
        std::fs::write(&former, "of another version").unwrap();
        migrate_entry(dir.path()).unwrap();
        assert!(!former.exists());
        assert_eq!(std::fs::read_to_string(&present).unwrap(), expected);
    }
}
