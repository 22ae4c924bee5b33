//! Reverse-DNS name of the program, and the migration of what was stored under its former one.

use std::io;
use std::path::Path;

/// The identifier of `tauri.conf.json`. On Linux it is also the name of the desktop entry and of the icon.
pub(super) const APPLICATION_ID: &str = "dev.mammouthproxy.MammouthProxy";
/// The former identifier. D-Bus and Flathub accept no dash in it.
const FORMER_ID: &str = "dev.mammouth-proxy.desktop";

/// Renames the folders in which Tauri and the web view store their data: the position of the window, and what the page
/// stored. Call it before Tauri opens them.
pub(super) fn migrate_folders() {
    let Some(folders) = directories::BaseDirs::new() else { return };
    let parents = [folders.data_dir(), folders.data_local_dir(), folders.config_dir(), folders.cache_dir()]
        .map(Path::to_owned);
    let webkit = cfg!(target_os = "macos").then(|| folders.home_dir().join("Library/WebKit"));
    for parent in parents.into_iter().chain(webkit) {
        if let Err(error) = migrate_folder(&parent) {
            tracing::warn!("{} keeps the folder {FORMER_ID}: {error}", parent.display());
        }
    }
}

/// Renames the folder in one place, unless a folder of the present name exists.
fn migrate_folder(parent: &Path) -> io::Result<()> {
    let (former, present) = (parent.join(FORMER_ID), parent.join(APPLICATION_ID));
    if former.is_dir() && !present.exists() { std::fs::rename(former, present) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_the_same_identifier() {
        let config: serde_json::Value = serde_json::from_str(include_str!("../tauri.conf.json")).unwrap();
        assert_eq!(config["identifier"], APPLICATION_ID);
    }

    #[test]
    fn every_system_and_store_accepts_the_identifier() {
        let parts: Vec<&str> = APPLICATION_ID.split('.').collect();
        // Flathub asks for three parts at least, and none of these at the end.
        assert!(parts.len() >= 3 && !matches!(parts.last(), Some(&"desktop" | &"app" | &"linux")));
        // D-Bus forbids a dash and a part that begins with a digit, macOS an underscore.
        for part in parts {
            assert!(part.starts_with(|c: char| c.is_ascii_alphabetic()), "{part}");
            assert!(part.chars().all(|c| c.is_ascii_alphanumeric()), "{part}");
        }
    }

    #[test]
    fn a_folder_of_the_former_name_is_renamed_once() {
        let dir = tempfile::tempdir().unwrap();
        let (former, present) = (dir.path().join(FORMER_ID), dir.path().join(APPLICATION_ID));
        migrate_folder(dir.path()).unwrap();
        assert!(!present.exists());
        std::fs::create_dir(&former).unwrap();
        std::fs::write(former.join(".window-state.json"), "{}").unwrap();
        migrate_folder(dir.path()).unwrap();
        assert!(!former.exists() && present.join(".window-state.json").is_file());
        // A second one of the former name does not replace what is in use.
        std::fs::create_dir(&former).unwrap();
        migrate_folder(dir.path()).unwrap();
        assert!(former.exists() && present.join(".window-state.json").is_file());
    }
}
