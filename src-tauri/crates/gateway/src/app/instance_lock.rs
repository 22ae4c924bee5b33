//! Instance lock: one program per data directory. The command line finds the running program by it.
//!
//! The lock is a file lock of the system. It ends with the process, so a stale lock cannot exist. The address is in a
//! second file that only the holder of the lock writes. An address that is read while the lock is held is therefore the
//! holder's, and may be sent the control token. Both files are readable by their owner alone: another user who could
//! open the lock file could hold the lock and prevent the start.
//!
//! On a disk that cannot be written the proxy still serves. Commands do not find it then, and the program logs that.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use storage::secrets;

/// The address of the running program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningInstance {
    pub pid: u32,
    /// `IP:PORT`.
    pub address: std::net::SocketAddr,
    pub demo: bool,
}

/// The lock on a data directory. Dropping it releases the lock.
#[derive(Debug)]
pub(super) struct InstanceLock {
    /// `None` if the file cannot be created. Nothing else can be written to the directory then, so there is nothing to
    /// protect.
    _file: Option<File>,
    path: PathBuf,
}

impl InstanceLock {
    /// Acquires the lock. Returns `None` if another program holds it.
    pub(super) fn try_acquire(data_dir: &Path) -> io::Result<Option<Self>> {
        let path = instance_path(data_dir);
        let file = match open_lock_file(data_dir) {
            Err(error) if is_unwritable(&error) => match File::open(lock_path(data_dir)) {
                Ok(file) => file,
                Err(_) => return Ok(Some(Self { _file: None, path })),
            },
            opened => opened?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file), path })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Writes the address at which the program listens.
    pub(super) fn announce(&self, instance: &RunningInstance) -> io::Result<()> {
        secrets::atomic_write(&self.path, serde_json::to_string(instance)?.as_bytes())
    }
}

/// Whether a disk is full or read-only. The program continues without its files.
pub(super) fn is_unwritable(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    [QuotaExceeded, ReadOnlyFilesystem, StorageFull].contains(&error.kind())
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        // A file that is left over does no harm: the lock is free, so its address is ignored.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The program that runs on this data directory, if there is one and it listens already.
pub fn find_running(data_dir: &Path) -> Option<RunningInstance> {
    let file = OpenOptions::new().read(true).write(true).open(lock_path(data_dir)).ok()?;
    if file.try_lock().is_ok() {
        return None;
    }
    let text = std::fs::read_to_string(instance_path(data_dir)).ok()?;
    serde_json::from_str(&text).ok()
}

fn open_lock_file(data_dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    secrets::restrict_to_owner(&mut options);
    let file = options.open(lock_path(data_dir))?;
    restrict_permissions(&file)?;
    Ok(file)
}

#[cfg(unix)]
fn restrict_permissions(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let open = file.metadata()?.permissions().mode() & 0o077 != 0;
    if open { file.set_permissions(std::fs::Permissions::from_mode(0o600)) } else { Ok(()) }
}

#[cfg(not(unix))]
fn restrict_permissions(_file: &File) -> io::Result<()> {
    Ok(())
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

    #[test]
    fn f33_a_second_instance_is_refused_and_finds_the_first() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(find_running(dir.path()), None);
        let lock = InstanceLock::try_acquire(dir.path()).unwrap().unwrap();
        let instance = RunningInstance { pid: 1, address: "127.0.0.1:3000".parse().unwrap(), demo: false };
        lock.announce(&instance).unwrap();
        lock.announce(&instance).unwrap();
        assert!(InstanceLock::try_acquire(dir.path()).unwrap().is_none());
        assert_eq!(find_running(dir.path()), Some(instance));
        drop(lock);
        assert_eq!(find_running(dir.path()), None);
        assert!(InstanceLock::try_acquire(dir.path()).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn l05_lock_and_address_are_private_and_follow_no_symlink() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = tempfile::tempdir().unwrap();
        let (lock, address, target) =
            (lock_path(dir.path()), instance_path(dir.path()), dir.path().join("target"));
        std::fs::write(&target, "theirs").unwrap();
        symlink(&target, &lock).unwrap();
        assert!(InstanceLock::try_acquire(dir.path()).is_err());
        std::fs::remove_file(&lock).unwrap();

        std::fs::write(&lock, "").unwrap();
        std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o666)).unwrap();
        symlink(&target, &address).unwrap();
        std::fs::write(dir.path().join("instance.json.tmp"), "").unwrap();
        let held = InstanceLock::try_acquire(dir.path()).unwrap().unwrap();
        held.announce(&RunningInstance { pid: 1, address: "127.0.0.1:3000".parse().unwrap(), demo: false })
            .unwrap();
        assert_eq!((mode(&lock), mode(&address)), (0o600, 0o600));
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "theirs");
    }
}
