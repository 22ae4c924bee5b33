//! One program on a data directory, and how the command line finds it.
//!
//! The lock is the system's file lock: it ends with the process, however that ends, so a stale one cannot exist. The
//! address stands in a file beside it that only the lock's holder writes; whoever reads it while the lock is held knows
//! that the address is the holder's, and may send it the control token.

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
    _held: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, or `None` where another program holds it.
    pub(super) fn take(data_dir: &Path) -> io::Result<Option<Self>> {
        let file = open(data_dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _held: file, path: instance_path(data_dir) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Says where the program listens.
    pub(super) fn announce(&self, instance: &Instance) -> io::Result<()> {
        let text = serde_json::to_string(instance)?;
        let new = self.path.with_extension("json.new");
        std::fs::write(&new, text)?;
        std::fs::rename(&new, &self.path)
    }
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

    #[test]
    fn f33_the_second_is_told_and_the_first_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(running(dir.path()), None);
        let lock = Lock::take(dir.path()).unwrap().unwrap();
        let instance = Instance { pid: 1, address: "127.0.0.1:3000".parse().unwrap(), demo: false };
        lock.announce(&instance).unwrap();
        assert!(Lock::take(dir.path()).unwrap().is_none());
        assert_eq!(running(dir.path()), Some(instance));
        drop(lock);
        assert_eq!(running(dir.path()), None);
        assert!(Lock::take(dir.path()).unwrap().is_some());
    }
}
