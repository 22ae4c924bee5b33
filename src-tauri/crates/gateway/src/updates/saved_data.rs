//! Copies of settings and database, made before a new version may change them.

use std::fs;
use std::io;
use std::path::Path;

use super::swap::remove_if_exists;
use storage::secrets::{create_private_dir, with_suffix};

/// Files whose format may differ between versions: settings, and the database with its write-ahead log. The database is
/// the last, so that it is never restored beside the log of another database.
const SAVED_FILES: [&str; 4] = ["settings.toml", "mammouth.db-wal", "mammouth.db-shm", "mammouth.db"];

/// Copies the files of `data_dir`, which no program may use meanwhile, to `saved`.
pub(super) fn save(data_dir: &Path, saved: &Path) -> io::Result<()> {
    if saved.try_exists()? {
        fs::remove_dir_all(saved)?;
    }
    create_private_dir(saved)?;
    for name in SAVED_FILES {
        copy_if_exists(&data_dir.join(name), &saved.join(name))?;
    }
    Ok(())
}

/// Restores the files. A file that did not exist is removed.
pub(super) fn restore(data_dir: &Path, saved: &Path) -> io::Result<()> {
    if !saved.try_exists()? {
        return Err(io::ErrorKind::NotFound.into());
    }
    for name in SAVED_FILES {
        let (file, copy) = (data_dir.join(name), with_suffix(&data_dir.join(name), ".restored"));
        if copy_if_exists(&saved.join(name), &copy)? {
            fs::rename(copy, file)?;
        } else {
            remove_if_exists(&file)?;
        }
    }
    Ok(())
}

fn copy_if_exists(from: &Path, to: &Path) -> io::Result<bool> {
    if !from.try_exists()? {
        return Ok(false);
    }
    fs::copy(from, to)?;
    fs::File::options().write(true).open(to)?.sync_all()?;
    Ok(true)
}
