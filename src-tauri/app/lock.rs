//! One program on a data directory, and how the command line finds it.
//!
//! The lock is the system's file lock: it ends with the process, however that ends, so a stale one cannot exist. The
//! address stands in a file beside it that only the lock's holder writes; whoever reads it while the lock is held knows
//! that the address is the holder's, and may send it the control token.
//!
//! On a disk that cannot be written the proxy answers all the same; then no command finds it, and it says so.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Where the running program is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    pub pid: u32,
    /// `IP:PORT`.
    pub address: std::net::SocketAddr,
    pub demo: bool,
}

/// The right to use a data directory, for as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    /// `None` where the file cannot be made: nothing else can be written there either, so there is nothing to guard.
    _held: Option<File>,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, or `None` where another program holds it.
    pub(super) fn take(data_dir: &Path) -> io::Result<Option<Self>> {
        let path = instance_path(data_dir);
        let file = match open(data_dir) {
            Err(error) if is_unwritable(&error) => match File::open(lock_path(data_dir)) {
                Ok(file) => file,
                Err(_) => return Ok(Some(Self { _held: None, path })),
            },
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _held: Some(file), path })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Says where the program listens.
    pub(super) fn announce(&self, instance: &Instance) -> io::Result<()> {
        let text = serde_json::to_string(instance)?;
        let new = self.path.with_extension("json.new");
        write_private(&new, &text).and_then(|()| std::fs::rename(&new, &self.path)).inspect_err(|_| {
            // Half a file must not wait for the disk to have room again.
            let _ = std::fs::remove_file(&new);
        })
    }
}

/// Whether a disk is full or read-only, which costs the program its files and not its answers.
pub(super) fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    [QuotaExceeded, ReadOnlyFilesystem, StorageFull].contains(&error.kind())
}

/// Whoever can write this file is sent the control token, so it is its owner's alone.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    io::Write::write_all(&mut options.open(path)?, text.as_bytes())
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever reads a file that is left over finds the lock free and does not believe it.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The program that runs on this data directory, if one does and listens already.
pub fn running(data_dir: &Path) -> Option<Instance> {
    let file = OpenOptions::new().read(true).write(true).open(lock_path(data_dir)).ok()?;
    if file.try_lock().is_ok() {
        return None;
    }
    let text = std::fs::read_to_string(instance_path(data_dir)).ok()?;
    serde_json::from_str(&text).ok()
}

fn open(data_dir: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(lock_path(data_dir))
}

fn lock_path(data_dir: &Path) -> PathBuf {
    data_dir.join("lock")
}

fn instance_path(data_dir: &Path) -> PathBuf {
    data_dir.join("instance.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn l05_the_address_is_its_owners_to_write() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let planted = dir.path().join("instance.json.new");
        std::fs::write(&planted, "").unwrap();
        std::fs::set_permissions(&planted, std::fs::Permissions::from_mode(0o666)).unwrap();
        let lock = Lock::take(dir.path()).unwrap().unwrap();
        lock.announce(&Instance { pid: 1, address: "127.0.0.1:3000".parse().unwrap(), demo: false }).unwrap();
        let about = std::fs::metadata(instance_path(dir.path())).unwrap();
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn f33_the_second_is_told_and_the_first_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(running(dir.path()), None);
        let lock = Lock::take(dir.path()).unwrap().unwrap();
        let instance = Instance { pid: 1, address: "127.0.0.1:3000".parse().unwrap(), demo: false };
        lock.announce(&instance).unwrap();
        lock.announce(&instance).unwrap();
        assert!(Lock::take(dir.path()).unwrap().is_none());
        assert_eq!(running(dir.path()), Some(instance));
        drop(lock);
        assert_eq!(running(dir.path()), None);
        assert!(Lock::take(dir.path()).unwrap().is_some());
    }
}
