//! Access to the file: only its owner may read it, it is never opened through a planted link, and a damaged
//! one is set aside under a dated name.
//!
//! This module never opens an existing file: on Unix, closing any descriptor of a file releases all locks
//! that the process holds on it, and SQLite has it open elsewhere in this program.
use super::time::file_name_stamp;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Maximum number of damaged files that are kept. Older ones are removed, because each may be as large as the log.
const MAX_DAMAGED_FILES: usize = 3;
/// Suffixes of SQLite's other files.
const SIDECARS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Creates the file with mode 0600 if it does not exist, else removes the access of group and others, also
/// from the files that SQLite keeps beside it.
///
/// # Errors
/// The path is a symbolic link or not a plain file, or the file system reports an error.
pub(super) fn ensure_private(path: &Path) -> io::Result<()> {
    match create_new(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => restrict_permissions(path)?,
        Err(error) => return Err(error),
    }
    for suffix in SIDECARS {
        match restrict_permissions(&with_suffix(path, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

/// Resolves every link in the folder of a path. SQLite's "no link" flag refuses a link anywhere in the path,
/// but a linked home folder is valid.
pub fn resolve_folder_links(path: &Path) -> io::Result<PathBuf> {
    if cfg!(windows) {
        return Ok(path.to_owned());
    }
    let name = path.file_name().ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(folder.canonicalize()?.join(name))
}

/// Renames the file and SQLite's files beside it to `<name>-damaged-<date>.db…`. Returns the new path.
///
/// # Errors
/// Any error of the file system; the file is then still in its place.
pub(super) fn set_aside(path: &Path, now_ms: u64) -> io::Result<PathBuf> {
    let aside = unused_name(path, now_ms);
    fs::rename(path, &aside)?;
    for suffix in SIDECARS {
        // A remaining log file does no harm: SQLite removes it when it finds the new file empty.
        let _ = fs::rename(with_suffix(path, suffix), with_suffix(&aside, suffix));
    }
    let old = damaged_files(path);
    let excess = old.len().saturating_sub(MAX_DAMAGED_FILES);
    remove(&old[..excess]);
    Ok(aside)
}

/// Removes every damaged file that was set aside, because deleted records must not remain there.
pub(super) fn remove_damaged(path: &Path) {
    remove(&damaged_files(path));
}

fn create_new(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn restrict_permissions(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("{} is not a plain file", path.display()),
        ));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn damaged_prefix(path: &Path) -> String {
    format!("{}-damaged-", path.file_stem().unwrap_or_default().to_string_lossy())
}

fn unused_name(path: &Path, now_ms: u64) -> PathBuf {
    let start = format!("{}{}", damaged_prefix(path), file_name_stamp(now_ms));
    let mut candidate = path.with_file_name(format!("{start}.db"));
    let mut n = 2;
    while fs::symlink_metadata(&candidate).is_ok() {
        candidate = path.with_file_name(format!("{start}-{n}.db"));
        n += 1;
    }
    candidate
}

/// Returns the damaged files, the oldest first, without their sidecars.
fn damaged_files(path: &Path) -> Vec<PathBuf> {
    let prefix = damaged_prefix(path);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix) && name.ends_with(".db"))
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn remove(files: &[PathBuf]) {
    for file in files {
        for gone in [file.clone()].into_iter().chain(SIDECARS.map(|suffix| with_suffix(file, suffix))) {
            // A missing file is no failure; any other failure is retried at the next occasion.
            let _ = fs::remove_file(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_few_damaged_files_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mammouth.db");
        for day in 0..5_u64 {
            fs::write(&path, "x").unwrap();
            fs::write(with_suffix(&path, "-wal"), "w").unwrap();
            set_aside(&path, day * 86_400_000).unwrap();
        }
        let damaged = damaged_files(&path);
        assert_eq!(damaged.len(), MAX_DAMAGED_FILES);
        assert!(damaged[0].ends_with("mammouth-damaged-19700103T000000Z.db"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), MAX_DAMAGED_FILES * 2);
        remove_damaged(&path);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn two_damaged_files_of_one_second_have_different_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mammouth.db");
        for _ in 0..2 {
            fs::write(&path, "x").unwrap();
            set_aside(&path, 0).unwrap();
        }
        assert_eq!(damaged_files(&path).len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn l05_planted_links_are_refused_and_open_permissions_restricted() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::write(&target, "untouched").unwrap();

        let planted = folder.path().join("planted.db");
        symlink(&target, &planted).unwrap();
        assert!(ensure_private(&planted).is_err());
        let dangling = folder.path().join("dangling.db");
        symlink(folder.path().join("nowhere"), &dangling).unwrap();
        assert!(ensure_private(&dangling).is_err());
        assert!(!folder.path().join("nowhere").exists());

        let open = folder.path().join("open.db");
        fs::write(&open, "").unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
        ensure_private(&open).unwrap();
        assert_eq!(mode(&open), 0o600);

        let fresh = folder.path().join("fresh.db");
        ensure_private(&fresh).unwrap();
        assert_eq!(mode(&fresh), 0o600);
        symlink(&target, with_suffix(&fresh, "-wal")).unwrap();
        assert!(ensure_private(&fresh).is_err(), "a link in the place of a sidecar");
        assert_eq!(fs::read_to_string(&target).unwrap(), "untouched");
    }
}
