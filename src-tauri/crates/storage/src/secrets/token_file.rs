//! A token or a key in a file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use super::Secret;

/// Random bytes in a token; the file holds them as hexadecimal digits.
const TOKEN_BYTES: usize = 32;

/// Returns the token in the file at `path`; the file is created (0600) if there is none.
///
/// A token that others could have read (a mode wider than 0600) or that is damaged is replaced by a new one. The
/// caller holds the lock of the data directory, so no other process creates one at the same time.
///
/// # Errors
/// A symlink, a file of another user, something that is not a file, or any failure to read or write.
pub fn read_or_create_token(path: &Path) -> io::Result<Secret> {
    let existing = match open_token_file(path) {
        Ok(file) => trusted_token(file, platform::is_owned_by_this_user)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return create_token_file(path),
        Err(error) => return Err(error),
    };
    match existing {
        Some(token) => Ok(token),
        None => {
            fs::remove_file(path)?;
            create_token_file(path)
        }
    }
}

/// Reads the token in the file at `path`, for a client of the instance that created it. Root may be the
/// client of another user's instance, such as a system service, in a folder that no third user can write to.
///
/// # Errors
/// The errors of [`read_or_create_token`]; also if there is no file, or its token cannot be trusted.
pub fn read_token(path: &Path) -> io::Result<Secret> {
    let folder = path.parent().map(fs::metadata).transpose()?;
    let is_trusted = |about: &fs::Metadata| {
        platform::is_owned_by_this_user(about)
            || folder.as_ref().is_some_and(|folder| platform::root_may_read(about, folder))
    };
    trusted_token(open_token_file(path)?, is_trusted)?.ok_or_else(|| {
        token_error(
            io::ErrorKind::InvalidData,
            "the token file is damaged or open to others; restart the server to renew it",
        )
    })
}

/// Returns the key in the file at `path`; `None` if there is no file. The key has the form of a token, but is
/// never replaced: the data encrypted with it would be lost.
///
/// # Errors
/// The errors of [`read_or_create_token`]; also if others could have read the key, or it is damaged.
pub(super) fn read_key(path: &Path) -> io::Result<Option<Secret>> {
    let file = match open_token_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match trusted_token(file, platform::is_owned_by_this_user)? {
        Some(key) => Ok(Some(key)),
        None => Err(token_error(
            io::ErrorKind::InvalidData,
            "it is open to others (chmod 600 closes it), or does not hold 64 hexadecimal digits",
        )),
    }
}

/// Creates the file at `path` (0600) with a new key.
///
/// # Errors
/// The path exists already, or the file cannot be written.
pub(super) fn create_key(path: &Path) -> io::Result<Secret> {
    create_token_file(path)
}

fn open_token_file(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(token_error(io::ErrorKind::PermissionDenied, "it is a symlink; remove it"));
    }
    let mut options = OpenOptions::new();
    options.read(true);
    platform::no_follow(&mut options);
    options.open(path)
}

/// Reads the token; `None` if the file's owner is trusted but the token must not be used any more.
fn trusted_token(file: File, is_trusted_owner: impl Fn(&fs::Metadata) -> bool) -> io::Result<Option<Secret>> {
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(token_error(io::ErrorKind::InvalidInput, "it is not a regular file; remove it"));
    }
    if !is_trusted_owner(&metadata) {
        return Err(token_error(io::ErrorKind::PermissionDenied, "it belongs to another user; remove it"));
    }
    if platform::is_open_to_others(&metadata) {
        return Ok(None);
    }
    let mut text = String::new();
    match file.take(1024).read_to_string(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::InvalidData => Err(error),
        Err(_) => Ok(None),
        Ok(_) => Ok(is_token(text.trim()).then(|| Secret::from(text.trim()))),
    }
}

fn is_token(text: &str) -> bool {
    text.len() == 2 * TOKEN_BYTES && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn create_token_file(path: &Path) -> io::Result<Secret> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let token: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let mut options = OpenOptions::new();
    // `create_new` is O_EXCL, which does not follow a symlink that was planted meanwhile.
    options.write(true).create_new(true);
    platform::owner_only(&mut options);
    let mut file = options.open(path)?;
    file.write_all(token.as_bytes())?;
    file.sync_all()?;
    Ok(Secret::from(token))
}

fn token_error(kind: io::ErrorKind, why: &'static str) -> io::Error {
    io::Error::new(kind, why)
}

#[cfg(unix)]
mod platform {
    use std::fs::{Metadata, OpenOptions};
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::fs::OFlags;

    pub(super) fn no_follow(options: &mut OpenOptions) {
        // NONBLOCK: opening a planted FIFO would wait for a writer that never comes.
        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    }

    pub(super) fn owner_only(options: &mut OpenOptions) {
        options.mode(0o600);
    }

    pub(super) fn is_owned_by_this_user(about: &Metadata) -> bool {
        about.uid() == rustix::process::geteuid().as_raw()
    }

    pub(super) fn root_may_read(about: &Metadata, folder: &Metadata) -> bool {
        rustix::process::geteuid().is_root() && is_only_writer(about, folder)
    }

    /// Whether only the file's owner and root could have put the file into the folder.
    pub(super) fn is_only_writer(about: &Metadata, folder: &Metadata) -> bool {
        about.uid() == folder.uid() && folder.mode() & 0o022 == 0
    }

    pub(super) fn is_open_to_others(about: &Metadata) -> bool {
        about.mode() & 0o077 != 0
    }
}

/// Systems other than Unix: the access rights of the user's profile folder, which contains the data
/// directory, have to suffice.
#[cfg(not(unix))]
mod platform {
    use std::fs::{Metadata, OpenOptions};

    pub(super) fn no_follow(_options: &mut OpenOptions) {}

    pub(super) fn owner_only(_options: &mut OpenOptions) {}

    pub(super) fn is_owned_by_this_user(_about: &Metadata) -> bool {
        true
    }

    pub(super) fn root_may_read(_about: &Metadata, _folder: &Metadata) -> bool {
        false
    }

    pub(super) fn is_open_to_others(_about: &Metadata) -> bool {
        false
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::ExposeSecret;
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn make(path: &Path) -> String {
        read_or_create_token(path).unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_token_is_made_once_and_then_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.token");
        let first = make(&path);
        assert!(is_token(&first));
        assert_eq!(mode(&path), 0o600);
        assert_eq!(make(&path), first);
        assert_eq!(read_token(&path).unwrap().expose_secret(), first);
    }

    #[test]
    fn l05_a_token_that_others_could_read_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.token");
        let first = make(&path);
        for open in [0o644, 0o666, 0o640] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            assert!(read_token(&path).is_err());
            assert_ne!(make(&path), first);
            assert_eq!(mode(&path), 0o600);
        }
    }

    #[test]
    fn l05_a_planted_symlink_is_refused_and_its_target_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (path, target) = (dir.path().join("control.token"), dir.path().join("target"));
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &path).unwrap();
        assert!(read_or_create_token(&path).is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
        symlink(dir.path().join("nowhere"), dir.path().join("dangling")).unwrap();
        assert!(read_or_create_token(&dir.path().join("dangling")).is_err());
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn l05_a_folder_or_a_fifo_in_its_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read_or_create_token(dir.path()).is_err());
        let fifo = dir.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(read_or_create_token(&fifo).is_err());
    }

    #[test]
    fn f48_a_cut_or_garbage_token_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.token");
        make(&path);
        for bytes in [&b""[..], b"abc", &[0xff; 64], &[b'g'; 64]] {
            fs::write(&path, bytes).unwrap();
            assert!(read_token(&path).is_err());
            assert!(is_token(&make(&path)));
        }
    }

    #[test]
    fn l05_a_file_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.token");
        make(&path);
        assert!(platform::is_owned_by_this_user(&fs::metadata(&path).unwrap()));
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert!(read_or_create_token(&path).is_err());
        } else {
            assert!(!platform::is_owned_by_this_user(&fs::metadata("/").unwrap()));
        }
    }

    /// Case of a system service: the folder and its token belong to the same user.
    #[test]
    fn root_reads_the_token_of_the_folders_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.token");
        make(&path);
        let is_only_writer =
            || platform::is_only_writer(&fs::metadata(&path).unwrap(), &fs::metadata(dir.path()).unwrap());
        assert!(is_only_writer());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(!is_only_writer());
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert!(read_token(&path).is_err());
            std::os::unix::fs::chown(dir.path(), Some(65534), None).unwrap();
            assert!(read_token(&path).is_ok());
        }
    }

    #[test]
    fn a_key_is_made_once_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert!(read_key(&path).unwrap().is_none());
        let key = create_key(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert!(create_key(&path).is_err());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read_key(&path).unwrap_err().to_string().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(read_key(&path).unwrap().unwrap().expose_secret(), key.expose_secret());
        symlink(&path, dir.path().join("link")).unwrap();
        assert!(read_key(&dir.path().join("link")).is_err());
    }

    #[test]
    fn a_missing_file_is_not_made_by_reading() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control.token");
        assert_eq!(read_token(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!path.exists());
    }
}
