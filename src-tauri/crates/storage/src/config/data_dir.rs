//! Location of the program's files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, SettingSource};
use super::sources::Sources;
use crate::secrets::{create_private_dir, make_private};

const DATA_DIR_SETTING: &str = "DATA_DIR";

/// Returns the platform's own directory for this program; `None` without a home directory. On Windows it is
/// below `AppData\Local`: a database and its locks must not roam with a domain profile. A directory below
/// `AppData\Roaming` is moved there first.
pub fn platform_dir() -> Option<PathBuf> {
    let dirs = directories::ProjectDirs::from("", "", "mammouth-proxy")?;
    Some(moved_dir(dirs.data_dir(), dirs.data_local_dir()))
}

/// Returns `to`, after moving `from` there if only `from` exists; returns `from` if it cannot be moved, for
/// example while a program uses it.
fn moved_dir(from: &Path, to: &Path) -> PathBuf {
    if to.exists() || !from.is_dir() {
        return to.to_owned();
    }
    let moved = to.parent().map_or(Ok(()), create_private_dir).and_then(|()| fs::rename(from, to));
    if moved.is_err() {
        return from.to_owned();
    }
    // Removes the parent only if it is empty.
    let _ = from.parent().map(fs::remove_dir);
    to.to_owned()
}

impl Sources {
    /// Returns the data directory, whether or not it exists.
    ///
    /// # Errors
    /// `DATA_DIR` has no usable value, or there is no home directory.
    pub fn data_dir(&self) -> Result<PathBuf, ConfigError> {
        data_dir(self)
    }

    /// Creates the data directory if it is missing (0700). Removes others' write access to the directory and
    /// all their access to the settings file.
    ///
    /// A directory on a read-only or full disk is accepted: the proxy works without writing.
    ///
    /// # Errors
    /// The directory cannot be created or listed, or its path is not a directory.
    pub fn prepare_data_dir(&self) -> Result<(), ConfigError> {
        let path = data_dir(self)?;
        create_private_dir(&path)
            .and_then(|()| fs::read_dir(&path).map(drop))
            .map_err(|error| unusable_dir_error(self, &path, error.kind()))?;
        close_to_others(&path);
        make_private(&path.join(super::file::SETTINGS_FILE_NAME));
        Ok(())
    }
}

/// Returns `--data-dir`, else `DATA_DIR`, else the platform's directory; in a demo a directory inside it, so
/// that the demo changes nothing in the real one.
pub(super) fn data_dir(sources: &Sources) -> Result<PathBuf, ConfigError> {
    let dir = match configured_dir(sources) {
        Some((by, path)) => absolute(sources, by, &path)?,
        None => sources.runtime.platform_dir.clone().ok_or_else(no_home_error)?,
    };
    Ok(if sources.flags.demo { dir.join("demo") } else { dir })
}

fn configured_dir(sources: &Sources) -> Option<(SettingSource, PathBuf)> {
    if let Some(path) = &sources.flags.data_dir {
        return Some((SettingSource::Flag, path.clone()));
    }
    sources.variable(DATA_DIR_SETTING).map(|given| (given.by, PathBuf::from(given.value)))
}

fn absolute(sources: &Sources, by: SettingSource, path: &Path) -> Result<PathBuf, ConfigError> {
    if path.as_os_str().is_empty() {
        return Err(ConfigError::new(DATA_DIR_SETTING, by, "is empty"));
    }
    if path.starts_with("~") {
        let why = "begins with ~, which only a shell replaces; give the whole path";
        return Err(ConfigError::new(DATA_DIR_SETTING, by, why));
    }
    Ok(sources.runtime.working_dir.join(path))
}

fn no_home_error() -> ConfigError {
    ConfigError::new(
        DATA_DIR_SETTING,
        SettingSource::Default,
        "cannot be worked out, because this user has no home directory; set DATA_DIR to a directory it may write to",
    )
}

fn unusable_dir_error(sources: &Sources, path: &Path, why: io::ErrorKind) -> ConfigError {
    match configured_dir(sources) {
        Some((by, _)) => {
            ConfigError::new(DATA_DIR_SETTING, by, format!("names a directory that cannot be used ({why})"))
        }
        None => {
            let problem = format!(
                "is {}, which cannot be used ({why}); repair it, or set DATA_DIR to a directory that can",
                path.display()
            );
            ConfigError::new(DATA_DIR_SETTING, SettingSource::Default, problem)
        }
    }
}

/// Removes others' write access, unless the directory has the sticky bit. A failure is ignored, because some
/// mounts have no modes; each file inside is 0600 as well.
#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o022;
    let Ok(about) = fs::metadata(path) else { return };
    let is_shared_on_purpose = about.mode() & STICKY != 0;
    if about.mode() & OTHERS_WRITE != 0 && !is_shared_on_purpose {
        let closed = fs::Permissions::from_mode(about.mode() & 0o7777 & !OTHERS_WRITE);
        let _ = fs::set_permissions(path, closed);
    }
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) {}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::{flags, sources};
    use super::*;

    #[test]
    fn the_data_dir_is_given_or_the_platforms() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        assert_eq!(data_dir(&sources(root, &[])).unwrap(), root.join("platform"));
        assert_eq!(data_dir(&sources(root, &[("DATA_DIR", "near")])).unwrap(), root.join("near"));
        let mut both = sources(root, &[("DATA_DIR", "near")]);
        both.flags = flags(|flags| {
            flags.data_dir = Some(root.join("with space é"));
            flags.demo = true;
        });
        assert_eq!(data_dir(&both).unwrap(), root.join("with space é/demo"));
    }

    #[test]
    fn a_former_directory_is_moved_once() {
        let home = tempfile::tempdir().unwrap();
        let roaming = home.path().join("Roaming/mammouth-proxy/data");
        let local = home.path().join("Local/mammouth-proxy/data");
        assert_eq!(moved_dir(&roaming, &local), local);
        assert!(!local.exists(), "nothing is made where nothing was");
        fs::create_dir_all(&roaming).unwrap();
        fs::write(roaming.join("mammouth.db"), "kept").unwrap();
        assert_eq!(moved_dir(&roaming, &local), local);
        assert_eq!(fs::read_to_string(local.join("mammouth.db")).unwrap(), "kept");
        assert!(!home.path().join("Roaming/mammouth-proxy").exists());
        fs::create_dir_all(&roaming).unwrap();
        assert_eq!(moved_dir(&roaming, &local), local);
        assert!(roaming.exists() && local.join("mammouth.db").exists(), "what is there is not replaced");
    }

    #[test]
    fn f44_a_former_directory_that_cannot_be_moved_is_used_where_it_is() {
        let home = tempfile::tempdir().unwrap();
        let roaming = home.path().join("Roaming");
        fs::create_dir_all(&roaming).unwrap();
        // A file in place of a folder stands for a directory in use.
        fs::write(home.path().join("Local"), "").unwrap();
        assert_eq!(moved_dir(&roaming, &home.path().join("Local/data")), roaming);
    }

    #[test]
    fn f44_no_home_is_said_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let mut sources = sources(dir.path(), &[]);
        sources.runtime.platform_dir = None;
        let error = data_dir(&sources).unwrap_err().to_string();
        assert!(error.contains("no home directory") && error.contains("set DATA_DIR"), "{error}");
    }

    #[test]
    fn f44_a_tilde_is_not_taken_for_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        assert!(data_dir(&sources(dir.path(), &[("DATA_DIR", "~/data")])).is_err());
    }

    #[test]
    fn f44_a_data_dir_that_cannot_be_made_says_which_and_why() {
        let dir = tempfile::tempdir().unwrap();
        let platform = dir.path().join("platform");
        fs::write(&platform, "").unwrap();
        let error = sources(dir.path(), &[]).prepare_data_dir().unwrap_err().to_string();
        assert!(error.contains(&platform.display().to_string()), "{error}");
        let error = sources(dir.path(), &[("DATA_DIR", "platform/x")]).prepare_data_dir().unwrap_err();
        assert_eq!(error.given_by, SettingSource::Environment);
    }

    #[cfg(unix)]
    #[test]
    fn l05_a_data_dir_that_others_may_write_to_is_repaired() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let (open, shared) = (dir.path().join("open"), dir.path().join("shared"));
        for (path, bits) in [(&open, 0o777), (&shared, 0o1777)] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
            sources(dir.path(), &[("DATA_DIR", path.to_str().unwrap())]).prepare_data_dir().unwrap();
        }
        assert_eq!((mode(&open), mode(&shared)), (0o755, 0o1777));
    }
}
