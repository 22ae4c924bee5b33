//! Record of set-ups and backups, in the program's data folder and never beside a client's file.
//!
//! The record and the backups may contain keys of the proxy and of the user: files have mode 0600, the folder
//! 0700.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::change::Change;
use crate::connection::{Connection, Model};
use crate::document::Format;
use crate::error::Error;
use crate::file::{create_folders, hash};

/// Maximum number of backups of a file, excluding the original.
const MAX_BACKUPS: usize = 5;

/// The set-up of one client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SetupRecord {
    pub(crate) port: u16,
    pub(crate) key: StoredKey,
    pub(crate) model: Model,
    pub(crate) small_model: Option<Model>,
    /// Variables that determined the files' locations, so that a repair finds the same files.
    pub(crate) locations: BTreeMap<String, String>,
    pub(crate) files: Vec<FileRecord>,
}

impl SetupRecord {
    /// The connection that was written, with the default key command.
    pub(crate) fn connection(&self) -> Connection {
        let key = SecretString::from(self.key.expose());
        let small_model = self.small_model.clone();
        Connection { small_model, ..Connection::new(self.port, key, self.model.clone()) }
    }
}

/// The key that was written; later views mask it. `Debug` hides it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredKey(String);

impl StoredKey {
    pub(crate) fn new(key: &str) -> Self {
        Self(key.to_owned())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredKey(…)")
    }
}

/// Record of the changes to one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    /// Whether the set-up created the file.
    pub(crate) created: bool,
    pub(crate) created_folders: Vec<PathBuf>,
    /// Name of the backup from before the first set-up.
    pub(crate) original: Option<String>,
    pub(crate) original_mode: Option<u32>,
    /// SHA-256 of the content written last.
    pub(crate) written: String,
    pub(crate) changes: Vec<Change>,
}

#[derive(Default, Serialize, Deserialize)]
pub(crate) struct StateFile {
    #[serde(default)]
    pub(crate) clients: BTreeMap<String, SetupRecord>,
}

/// The folder of the state and the backups.
pub(crate) struct Store {
    dir: PathBuf,
}

impl Store {
    pub(crate) fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("client-setup") }
    }

    fn state_path(&self) -> PathBuf {
        self.dir.join("state.json")
    }

    /// Reads the record.
    ///
    /// # Errors
    /// The record cannot be read or parsed. It never counts as empty then, because nothing could be undone
    /// any more.
    pub(crate) fn load(&self) -> Result<StateFile, Error> {
        let path = self.state_path();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|source| Error::State { path, source }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(StateFile::default()),
            Err(error) => Err(Error::io(&path, "read")(error)),
        }
    }

    pub(crate) fn save(&self, state: &StateFile) -> Result<(), Error> {
        let path = self.state_path();
        let text = serde_json::to_vec(state).map_err(|source| Error::State { path: path.clone(), source })?;
        write_private(&path, &text)
    }

    /// Stores `bytes` and returns the name for reading them.
    pub(crate) fn back_up(
        &self,
        client: &str,
        path: &Path,
        bytes: &[u8],
        keep: Option<&str>,
    ) -> Result<String, Error> {
        let prefix = format!("{client}-{}-", &hash(path.as_os_str().as_encoded_bytes())[..16]);
        let mut present = self.backups(&prefix);
        if let Some(last) =
            present.last().filter(|name| fs::read(self.backup_path(name)).is_ok_and(|old| old == bytes))
        {
            return Ok(last.clone());
        }
        let number = present
            .last()
            .and_then(|name| name[prefix.len()..].parse::<u32>().ok())
            .map_or(1, |last| last + 1);
        let name = format!("{prefix}{number:06}");
        write_private(&self.backup_path(&name), bytes)?;
        present.retain(|old| Some(old.as_str()) != keep);
        for old in present.iter().rev().skip(MAX_BACKUPS - 1) {
            let _ = fs::remove_file(self.backup_path(old));
        }
        Ok(name)
    }

    pub(crate) fn read_backup(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.backup_path(name)).ok()
    }

    fn backup_path(&self, name: &str) -> PathBuf {
        self.dir.join("backups").join(name)
    }

    /// Names of a file's backups, the oldest first.
    fn backups(&self, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.dir.join("backups")).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| name.starts_with(prefix))
            .collect();
        names.sort();
        names
    }
}

/// Writes a file that only its owner can access, which is the mode of temporary files.
fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    create_folders(path)?;
    let folder = path.parent().unwrap_or(path);
    let write = |error| Error::Io { path: path.to_owned(), action: "written", source: error };
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(write)?;
    file.write_all(bytes).map_err(write)?;
    file.as_file().sync_all().map_err(write)?;
    file.persist(path).map_err(|error| write(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_backups_are_kept_and_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        let path = Path::new("/home/a/.client.json");
        let original = store.back_up("crush", path, b"0", None).unwrap();
        for number in 1..20 {
            store.back_up("crush", path, number.to_string().as_bytes(), Some(&original)).unwrap();
        }
        assert_eq!(store.read_backup(&original).unwrap(), b"0");
        assert_eq!(store.backups("crush-").len(), MAX_BACKUPS + 1);
    }

    #[cfg(unix)]
    #[test]
    fn state_and_backups_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        store.save(&StateFile::default()).unwrap();
        let name = store.back_up("pi", Path::new("/x"), b"sk-1", None).unwrap();
        for path in [store.state_path(), store.backup_path(&name)] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_state_is_not_taken_as_empty() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(dir.path());
        write_private(&store.state_path(), b"{").unwrap();
        assert!(matches!(store.load(), Err(Error::State { .. })));
    }
}
