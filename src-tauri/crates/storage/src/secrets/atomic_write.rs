//! Atomic writing of the user's own files: a reader, a crash or a full disk finds the old content or the new
//! one, never a mix.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces the file at `path` with `bytes`, readable by its owner only. The caller is the only writer.
///
/// # Errors
/// Any failure to write; the old file is then unchanged.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic_write_with(path, ".tmp", |file| file.write_all(bytes))
}

/// Replaces the file at `path` with the content that `write` writes into a file beside it, whose name ends in
/// `suffix`.
///
/// # Errors
/// The error of `write`, or any failure to write; the old file is then unchanged.
pub fn atomic_write_with<T, E: From<io::Error>>(
    path: &Path,
    suffix: &str,
    write: impl FnOnce(&mut fs::File) -> Result<T, E>,
) -> Result<T, E> {
    let new = with_suffix(path, suffix);
    remove_if_exists(&new)?;
    let written = write_new_file(&new, write).and_then(|value| {
        fs::rename(&new, path)?;
        Ok(value)
    });
    if written.is_err() {
        // The failure to write is the one to report.
        let _ = remove_if_exists(&new);
    }
    let value = written?;
    sync_parent(path);
    Ok(value)
}

/// Renames a bad file to `….bad-<now>`, or to the next number that is free. Returns the suffix added to its
/// name.
pub fn set_aside(path: &Path, now: u64) -> io::Result<String> {
    for time in now..now.saturating_add(1000) {
        let suffix = format!(".bad-{time}");
        let bad_path = with_suffix(path, &suffix);
        if fs::symlink_metadata(&bad_path).is_err() {
            fs::rename(path, &bad_path)?;
            make_private(&bad_path);
            return Ok(suffix);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes the access of group and others to a plain file. The target of a link is not changed.
#[cfg(unix)]
pub fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
}

/// Does nothing: files have the access rights of the user's own folder.
#[cfg(not(unix))]
pub fn make_private(_: &Path) {}

/// Returns `path` with `suffix` added to its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates a directory, and those above it, with access for their owner only; an existing one is not changed.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Restricts a new file to its owner, and refuses to open a link. On systems other than Unix, the access
/// rights of the user's profile folder, which contains the data directory, have to suffice.
pub fn restrict_to_owner(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _ = options;
}

fn remove_if_exists(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn write_new_file<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> Result<T, E>,
) -> Result<T, E> {
    let mut options = OpenOptions::new();
    // `create_new` is O_EXCL: a planted file or link is neither followed nor written to.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let value = write(&mut file)?;
    file.sync_all()?;
    Ok(value)
}

/// Syncs the folder, because a power cut may otherwise undo the rename. A failure is ignored: not every file
/// system supports it, and the file is in place either way.
#[cfg(unix)]
fn sync_parent(path: &Path) {
    if let Some(parent) = path.parent() {
        let _ = fs::File::open(parent).and_then(|dir| dir.sync_all());
    }
}

#[cfg(not(unix))]
fn sync_parent(_path: &Path) {}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn l05_a_planted_symlink_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("settings.toml"), dir.path().join("target"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, with_suffix(&path, ".tmp")).unwrap();
        symlink(&target, &path).unwrap();
        atomic_write(&path, b"ours").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        assert_eq!(fs::read_to_string(&path).unwrap(), "ours");
        assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn f51_a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.toml");
        fs::write(&path, "old").unwrap();
        // A folder in place of the new file makes the write fail.
        fs::create_dir(with_suffix(&path, ".tmp")).unwrap();
        assert!(atomic_write(&path, b"new").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    }

    #[test]
    fn l05_a_file_set_aside_is_made_private_and_a_link_target_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("settings.toml"), dir.path().join("target"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::write(&path, "bad").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let ending = set_aside(&path, 7).unwrap();
        assert_eq!(mode(&with_suffix(&path, &ending)), 0o600);
        fs::write(&target, "theirs").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&target, &path).unwrap();
        make_private(&path);
        assert_eq!(mode(&target), 0o644);
    }

    #[test]
    fn l05_a_new_directory_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("with space é/inner");
        create_private_dir(&path).unwrap();
        create_private_dir(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
