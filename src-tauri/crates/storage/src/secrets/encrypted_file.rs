//! Secrets in one encrypted file, for machines without a keychain and for keychains that accept short values
//! only.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::atomic_write::{atomic_write, set_aside, with_suffix};
use super::encryption::{self, DecryptError, EncryptionKey, SecretValues};
use super::token_file::{create_key, read_key};
use super::{Secret, SecretStore, StoreError};
use crate::capped_file::read_capped;

const FILE_NAME: &str = "secrets.sealed";
/// Name of the file whose key is in a keychain. It differs, so that a change of `secret_store` never finds a
/// file without its key.
const KEYCHAIN_FILE_NAME: &str = "keychain.sealed";
/// Name of the key in a keychain.
const KEY_ENTRY_NAME: &str = "file-key";
/// Maximum size of the file, bytes: some thousand accounts. A larger file is not from this program.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// Store of all values in one file in the data directory, for its owner only (0600), encrypted with a key
/// that is kept elsewhere: `secrets.sealed` with a key file, `keychain.sealed` with a key in the keychain.
/// Without the key the file is useless; a program that can read both can read the secrets.
pub struct EncryptedFileStore {
    path: PathBuf,
    key_source: KeySource,
    /// Lock for a change, which reads, modifies and writes the file.
    access_lock: Mutex<()>,
}

enum KeySource {
    File(PathBuf),
    StoreEntry(Arc<dyn SecretStore>),
}

impl EncryptedFileStore {
    /// Creates a store with its key in a file, which is created (0600) when the first value is stored. A key
    /// file that others could read is refused.
    pub fn with_key_file(key_file: PathBuf, data_dir: &Path) -> Self {
        Self::new(KeySource::File(key_file), data_dir.join(FILE_NAME))
    }

    /// Creates a store with its key as one entry of another store.
    pub fn with_key_in_store(store: Arc<dyn SecretStore>, data_dir: &Path) -> Self {
        Self::new(KeySource::StoreEntry(store), data_dir.join(KEYCHAIN_FILE_NAME))
    }

    fn new(key_source: KeySource, path: PathBuf) -> Self {
        Self { path, key_source, access_lock: Mutex::new(()) }
    }

    fn read(&self) -> Result<SecretValues, StoreError> {
        let Some(block) = read_block(&self.path)? else { return Ok(SecretValues::new()) };
        let key = self.key_source.load()?.ok_or_else(|| StoreError::KeyFile("it is gone".to_owned()))?;
        match encryption::decrypt(&block, &key) {
            Ok(values) => Ok(values),
            Err(DecryptError::WrongKey) => Err(StoreError::WrongKey),
            Err(DecryptError::Newer) => {
                Err(StoreError::File("a newer version of this program wrote it".to_owned()))
            }
            Err(DecryptError::Damaged) => Err(self.set_aside()),
        }
    }

    /// Renames the damaged file instead of deleting it, because it may be repairable. The next value can then
    /// be stored.
    fn set_aside(&self) -> StoreError {
        let now = crate::unix_seconds(SystemTime::now());
        match set_aside(&self.path, now) {
            Ok(suffix) => StoreError::SetAside(
                with_suffix(&self.path, &suffix)
                    .file_name()
                    .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            ),
            Err(error) => file_error(&error),
        }
    }

    fn write(&self, values: &SecretValues) -> Result<(), StoreError> {
        let no_random_error = || StoreError::File("the system has no random numbers".to_owned());
        let block =
            encryption::encrypt(values, &self.key_source.load_or_create()?).ok_or_else(no_random_error)?;
        atomic_write(&self.path, &block).map_err(|error| file_error(&error))
    }

    fn update(&self, change: impl FnOnce(&mut SecretValues) -> bool) -> Result<(), StoreError> {
        let _guard = self.access_lock.lock();
        let mut values = self.read()?;
        if change(&mut values) { self.write(&values) } else { Ok(()) }
    }
}

impl SecretStore for EncryptedFileStore {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        let _guard = self.access_lock.lock();
        Ok(self.read()?.remove(name))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.update(|values| {
            values.insert(name.to_owned(), value.clone());
            true
        })
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.update(|values| values.remove(name).is_some())
    }

    fn check_available(&self) -> Result<(), StoreError> {
        match &self.key_source {
            KeySource::File(_) => Ok(()),
            KeySource::StoreEntry(store) => store.check_available(),
        }
    }
}

impl KeySource {
    fn load(&self) -> Result<Option<EncryptionKey>, StoreError> {
        let damaged = || StoreError::KeyFile("it is damaged".to_owned());
        let hex = match self {
            Self::File(path) => read_key(path).map_err(|error| StoreError::KeyFile(error.to_string()))?,
            Self::StoreEntry(store) => store.get(KEY_ENTRY_NAME)?,
        };
        hex.map(|hex| EncryptionKey::from_hex(&hex).ok_or_else(damaged)).transpose()
    }

    fn load_or_create(&self) -> Result<EncryptionKey, StoreError> {
        match self.load()? {
            Some(key) => Ok(key),
            None => self.create(),
        }
    }

    fn create(&self) -> Result<EncryptionKey, StoreError> {
        let creation_error =
            |error: io::Error| StoreError::KeyFile(format!("it cannot be made ({})", error.kind()));
        let hex = match self {
            Self::File(path) => create_key(path).map_err(creation_error)?,
            Self::StoreEntry(store) => {
                let hex =
                    EncryptionKey::new_hex().map_err(|error| creation_error(io::Error::other(error)))?;
                store.set(KEY_ENTRY_NAME, &hex)?;
                hex
            }
        };
        EncryptionKey::from_hex(&hex).ok_or_else(|| StoreError::KeyFile("it is damaged".to_owned()))
    }
}

fn read_block(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match read_capped(path, MAX_FILE_BYTES) {
        Ok(block) => Ok(Some(block)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err(StoreError::File("it is larger than 16 MB".to_owned()))
        }
        Err(error) => Err(file_error(&error)),
    }
}

fn file_error(error: &io::Error) -> StoreError {
    StoreError::File(error.kind().to_string())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::super::{ExposeSecret, MemoryStore};
    use super::*;

    fn store(dir: &TempDir) -> EncryptedFileStore {
        EncryptedFileStore::with_key_file(dir.path().join("key"), dir.path())
    }

    fn value(store: &EncryptedFileStore, name: &str) -> Option<String> {
        store.get(name).unwrap().map(|value| value.expose_secret().to_owned())
    }

    fn names(dir: &TempDir) -> Vec<String> {
        let names = fs::read_dir(dir.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn values_are_kept_replaced_and_forgotten_over_restarts() {
        let dir = tempfile::tempdir().unwrap();
        store(&dir).set("a", &Secret::from("one")).unwrap();
        store(&dir).set("b", &Secret::from("x".repeat(4096))).unwrap();
        store(&dir).set("a", &Secret::from("two")).unwrap();
        assert_eq!(value(&store(&dir), "a").as_deref(), Some("two"));
        assert_eq!(value(&store(&dir), "b").map(|value| value.len()), Some(4096));
        store(&dir).delete("a").unwrap();
        store(&dir).delete("a").unwrap();
        assert_eq!(value(&store(&dir), "a"), None);
        assert_eq!(names(&dir), ["key", "secrets.sealed"]);
    }

    #[test]
    fn reading_makes_no_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(value(&store(&dir), "a"), None);
        store(&dir).delete("a").unwrap();
        assert!(names(&dir).is_empty());
    }

    #[test]
    fn l05_both_files_are_for_their_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        store(&dir).set("a", &Secret::from("v")).unwrap();
        for name in names(&dir) {
            assert_eq!(fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn l05_a_key_that_others_could_read_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        store(&dir).set("a", &Secret::from("v")).unwrap();
        let key = dir.path().join("key");
        let before = fs::read(&key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(store(&dir).get("a"), Err(StoreError::KeyFile(_))));
        assert!(matches!(store(&dir).set("a", &Secret::from("w")), Err(StoreError::KeyFile(_))));
        assert_eq!(fs::read(&key).unwrap(), before);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(value(&store(&dir), "a").as_deref(), Some("v"));
    }

    #[test]
    fn a_wrong_or_lost_key_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        store(&dir).set("a", &Secret::from("v")).unwrap();
        let (file, key) = (dir.path().join("secrets.sealed"), dir.path().join("key"));
        let before = fs::read(&file).unwrap();
        fs::rename(&key, dir.path().join("away")).unwrap();
        assert!(matches!(store(&dir).get("a"), Err(StoreError::KeyFile(_))));
        assert!(matches!(store(&dir).set("a", &Secret::from("w")), Err(StoreError::KeyFile(_))));
        assert!(!key.exists(), "a new key would be of no use");
        create_key(&key).unwrap();
        assert_eq!(store(&dir).get("a").unwrap_err(), StoreError::WrongKey);
        assert_eq!(store(&dir).set("a", &Secret::from("w")).unwrap_err(), StoreError::WrongKey);
        assert_eq!(store(&dir).delete("a").unwrap_err(), StoreError::WrongKey);
        assert_eq!(fs::read(&file).unwrap(), before);
    }

    #[test]
    fn f48_a_damaged_file_is_set_aside_and_reported_once() {
        let dir = tempfile::tempdir().unwrap();
        store(&dir).set("a", &Secret::from("v")).unwrap();
        let file = dir.path().join("secrets.sealed");
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, &bytes).unwrap();
        let error = store(&dir).get("a").unwrap_err();
        let StoreError::SetAside(name) = error else { panic!("{error:?}") };
        assert!(name.starts_with("secrets.sealed.bad-"), "{name}");
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), bytes);
        assert_eq!(value(&store(&dir), "a"), None);
        store(&dir).set("a", &Secret::from("w")).unwrap();
        assert_eq!(value(&store(&dir), "a").as_deref(), Some("w"));
    }

    #[test]
    fn f51_a_failed_write_keeps_the_old_values() {
        let dir = tempfile::tempdir().unwrap();
        store(&dir).set("a", &Secret::from("v")).unwrap();
        // A folder in place of the new file makes the write fail.
        fs::create_dir(dir.path().join("secrets.sealed.tmp")).unwrap();
        assert!(matches!(store(&dir).set("a", &Secret::from("w")), Err(StoreError::File(_))));
        assert_eq!(value(&store(&dir), "a").as_deref(), Some("v"));
    }

    #[test]
    fn a_change_between_keychain_and_key_file_meets_no_file_of_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let keychain = Arc::new(MemoryStore::new());
        let in_keychain =
            || EncryptedFileStore::with_key_in_store(Arc::<MemoryStore>::clone(&keychain), dir.path());
        in_keychain().set("a", &Secret::from("old")).unwrap();
        assert_eq!(value(&store(&dir), "a"), None);
        store(&dir).set("a", &Secret::from("new")).unwrap();
        assert_eq!(value(&in_keychain(), "a").as_deref(), Some("old"));
        assert_eq!(value(&store(&dir), "a").as_deref(), Some("new"));
    }

    #[test]
    fn one_short_item_in_a_keychain_is_enough_for_long_values() {
        let dir = tempfile::tempdir().unwrap();
        let keychain = Arc::new(MemoryStore::new());
        let store =
            || EncryptedFileStore::with_key_in_store(Arc::<MemoryStore>::clone(&keychain), dir.path());
        store().set("a", &Secret::from("x".repeat(10_000))).unwrap();
        assert_eq!(value(&store(), "a").map(|value| value.len()), Some(10_000));
        assert_eq!(keychain.get(KEY_ENTRY_NAME).unwrap().unwrap().expose_secret().len(), 64);
        assert_eq!(names(&dir), ["keychain.sealed"]);
        keychain.delete(KEY_ENTRY_NAME).unwrap();
        assert!(matches!(store().get("a"), Err(StoreError::KeyFile(_))));
    }
}
