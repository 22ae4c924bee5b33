//! A client's file on the disk: read as a whole, replaced atomically, only if it is unchanged since it was
//! read.

use std::fs::{self, Metadata};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// Maximum size of a configuration file, bytes.
pub(crate) const MAX_FILE_SIZE: u64 = 32 * 1024 * 1024;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Content and metadata of a file when it was read.
pub(crate) struct FileSnapshot {
    /// Path that the client uses.
    pub(crate) path: PathBuf,
    /// Path after resolving links.
    pub(crate) target: PathBuf,
    /// Content; `None` if the file does not exist.
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) metadata: Option<Metadata>,
}

impl FileSnapshot {
    /// Reads a file. A missing one is not an error.
    ///
    /// # Errors
    /// The path is a dangling link or not a file, or the file is too large or unreadable.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let owned = path.to_owned();
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { target: target_of_new(path), path: owned, bytes: None, metadata: None });
            }
            Err(error) => return Err(Error::io(path, "read")(error)),
            Ok(_) => {}
        }
        let target = fs::canonicalize(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                return Error::DanglingLink { path: owned.clone() };
            }
            Error::io(path, "read")(error)
        })?;
        let metadata = fs::metadata(&target).map_err(Error::io(path, "read"))?;
        if !metadata.is_file() {
            return Err(Error::NotAFile { path: owned });
        }
        if metadata.len() > MAX_FILE_SIZE {
            return Err(Error::TooLarge { path: owned, limit: MAX_FILE_SIZE });
        }
        let bytes = fs::read(&target).map_err(Error::io(path, "read"))?;
        Ok(Self { path: owned, target, bytes: Some(bytes), metadata: Some(metadata) })
    }

    /// The text without a byte order mark, and whether there is one.
    pub(crate) fn text(&self) -> Result<(bool, String), Error> {
        let bytes = self.bytes.as_deref().unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|error| self.not_utf8(bytes, error.valid_up_to()))?;
        match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(rest) => Ok((true, rest.to_owned())),
            None => Ok((false, text.to_owned())),
        }
    }

    fn not_utf8(&self, bytes: &[u8], valid: usize) -> Error {
        let before = String::from_utf8_lossy(&bytes[..valid]);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Error::NotUtf8 {
            path: self.path.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Checks whether the file may be written. The mode decides, because a rename needs no permission on the
    /// file itself and an administrator passes every check of the system.
    pub(crate) fn check_writable(&self, user_id: Option<u32>) -> Result<(), Error> {
        if let Some(metadata) = &self.metadata {
            if metadata.permissions().readonly() {
                return Err(Error::ReadOnly { path: self.path.clone() });
            }
            if let (Some(user), Some(owner)) = (user_id, owner(metadata))
                && user != owner
            {
                return Err(Error::ForeignOwner { path: self.path.clone() });
            }
        }
        let parent = existing_parent(&self.target);
        match fs::metadata(&parent) {
            Ok(folder) if folder.permissions().readonly() => Err(Error::ReadOnly { path: parent }),
            Ok(folder) if !folder.is_dir() => Err(Error::NotAFile { path: parent }),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io(&parent, "read")(error)),
        }
    }

    pub(crate) fn mode(&self) -> Option<u32> {
        self.metadata.as_ref().and_then(mode)
    }
}

/// Target of a new file, with links among its parent folders resolved.
fn target_of_new(path: &Path) -> PathBuf {
    let parent = existing_parent(path);
    match (fs::canonicalize(&parent), path.strip_prefix(&parent)) {
        (Ok(real), Ok(rest)) => real.join(rest),
        _ => path.to_owned(),
    }
}

fn existing_parent(path: &Path) -> PathBuf {
    path.ancestors().skip(1).find(|dir| dir.exists()).unwrap_or(Path::new("/")).to_owned()
}

/// Bytes of the text, with a byte order mark if `mark` is set.
pub(crate) fn with_mark(mark: bool, text: &str) -> Vec<u8> {
    if mark { [BYTE_ORDER_MARK, text].concat().into_bytes() } else { text.as_bytes().to_owned() }
}

pub(crate) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Replaces the content: writes a temporary file in the same folder, syncs it and renames it.
///
/// # Errors
/// The file has changed since it was read, or it cannot be written. It is then unchanged.
pub(crate) fn replace(snapshot: &FileSnapshot, bytes: &[u8], mode: Option<u32>) -> Result<(), Error> {
    replace_with(snapshot, bytes, mode, || {})
}

/// [`replace`] with a hook before the rename, in which tests change the file.
fn replace_with(
    snapshot: &FileSnapshot,
    bytes: &[u8],
    mode: Option<u32>,
    before_rename: impl FnOnce(),
) -> Result<(), Error> {
    let target = &snapshot.target;
    let folder = target.parent().unwrap_or(Path::new("/"));
    let write = |source| Error::Io { path: snapshot.path.clone(), action: "written", source };
    let mut temporary = tempfile::Builder::new().prefix(".mammouth-").tempfile_in(folder).map_err(write)?;
    temporary.write_all(bytes).map_err(write)?;
    keep_group(temporary.as_file(), snapshot.metadata.as_ref());
    set_mode(temporary.as_file(), mode).map_err(write)?;
    temporary.as_file().sync_all().map_err(write)?;
    before_rename();
    if !is_unchanged(snapshot) {
        return Err(Error::ChangedMeanwhile { path: snapshot.path.clone() });
    }
    let renamed = match snapshot.bytes {
        Some(_) => temporary.persist(target),
        None => temporary.persist_noclobber(target),
    };
    renamed.map_err(|error| write(error.error))?;
    sync_folder(folder);
    Ok(())
}

fn is_unchanged(snapshot: &FileSnapshot) -> bool {
    FileSnapshot::read(&snapshot.path)
        .is_ok_and(|now| now.target == snapshot.target && now.bytes == snapshot.bytes)
}

/// Removes a file, if it is unchanged since it was read.
pub(crate) fn remove(snapshot: &FileSnapshot) -> Result<(), Error> {
    if !is_unchanged(snapshot) {
        return Err(Error::ChangedMeanwhile { path: snapshot.path.clone() });
    }
    fs::remove_file(&snapshot.target).map_err(Error::io(&snapshot.path, "removed"))
}

/// Creates the missing folders above `path`, accessible to their owner only, and returns them, the outermost
/// first.
pub(crate) fn create_folders(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let missing: Vec<_> =
        path.ancestors().skip(1).take_while(|dir| !dir.exists()).map(Path::to_owned).collect();
    let mut created = Vec::new();
    for folder in missing.into_iter().rev() {
        folder_builder().create(&folder).map_err(Error::io(&folder, "created"))?;
        created.push(folder);
    }
    Ok(created)
}

#[cfg(unix)]
fn folder_builder() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

#[cfg(not(unix))]
fn folder_builder() -> fs::DirBuilder {
    fs::DirBuilder::new()
}

/// Removes the empty ones of these folders, the innermost first.
pub(crate) fn remove_folders(created: &[PathBuf]) {
    for folder in created.iter().rev() {
        if fs::remove_dir(folder).is_err() {
            return;
        }
    }
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn owner(metadata: &Metadata) -> Option<u32> {
    Some(std::os::unix::fs::MetadataExt::uid(metadata))
}

#[cfg(not(unix))]
fn owner(_: &Metadata) -> Option<u32> {
    None
}

#[cfg(unix)]
fn set_mode(file: &fs::File, mode: Option<u32>) -> std::io::Result<()> {
    let mode = mode.unwrap_or(0o600);
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &fs::File, _: Option<u32>) -> std::io::Result<()> {
    Ok(())
}

/// Sets the former file's group. Errors are ignored: a user cannot set a group that they are not a member of.
/// The owner was checked before.
fn keep_group(file: &fs::File, former: Option<&Metadata>) {
    #[cfg(unix)]
    if let Some(former) = former {
        let _ = std::os::unix::fs::fchown(file, None, Some(std::os::unix::fs::MetadataExt::gid(former)));
    }
    #[cfg(not(unix))]
    let _ = (file, former);
}

/// Syncs the folder, so that the rename survives a power failure. Errors are ignored, because the former
/// content is not at risk.
fn sync_folder(folder: &Path) {
    #[cfg(unix)]
    if let Ok(folder) = fs::File::open(folder) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changes_before_the_rename_keeps_the_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        fs::write(&path, "{}").unwrap();
        let snapshot = FileSnapshot::read(&path).unwrap();
        let result = replace_with(&snapshot, b"ours", None, || fs::write(&path, "theirs").unwrap());
        assert!(matches!(result, Err(Error::ChangedMeanwhile { .. })), "{result:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_file_that_appears_before_the_rename_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("settings.json");
        let snapshot = FileSnapshot::read(&path).unwrap();
        let result = replace_with(&snapshot, b"ours", None, || fs::write(&path, "theirs").unwrap());
        assert!(matches!(result, Err(Error::ChangedMeanwhile { .. })), "{result:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs");
    }
}
