//! Writing a file of the user's own so that a reader, a crash or a full disk finds the old content or the new one, never a mix.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Puts `bytes` in place of the file at `path`, readable by its owner only. The caller is the only writer.
///
/// # Errors
/// Any failure to write; the old file is then as it was.
pub fn atomic_write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic_write_with(path, ".tmp", |file| file.write_all(bytes))
}

/// The same, written piece by piece into a file beside it, whose name ends in `ending`.
///
/// # Errors
/// What `write` says, or any failure to write; the old file is then as it was.
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

/// Renames a bad file to `….bad-<now>`, or the next number that is free; gives back what was added to its name.
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

/// Takes group's and others' rights away from a plain file. What a link names is not touched.
#[cfg(unix)]
pub fn make_private(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_file() && found.permissions().mode() & 0o077 != 0 {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o600));
    }
}

/// The rights of the user's own folder hold for what is in it.
#[cfg(not(unix))]
pub fn make_private(_: &Path) {}

/// `path` with `ending` added to its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes a directory, and those above it, that only their owner can enter; an existing one is left as it is.
pub fn create_private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Lets a file be opened that only its owner can read, and never through a link that somebody planted. Elsewhere than on
/// Unix the user's own profile folder, where the data directory is, keeps others out.
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
    // `create_new` is O_EXCL: something planted at the path is neither followed nor written into.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    let value = write(&mut file)?;
    file.sync_all()?;
    Ok(value)
}

/// Without this a power cut may undo the rename. Not every file system can do it, and the file is in place either way.
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
        // A folder where the new file should go stands in for a disk that refuses.
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
