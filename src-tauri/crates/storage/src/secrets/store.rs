//! The trait of secret stores, their errors, and a store in memory.

use std::collections::HashMap;

use parking_lot::{Mutex, MutexGuard};

use super::Secret;

/// Store of secrets by name. The calls block, some for seconds: async code uses
/// [`AsyncSecretStore`](super::AsyncSecretStore).
pub trait SecretStore: Send + Sync {
    /// Returns the value under `name`; `None` if there is none, or an empty one (an empty value must never be
    /// sent).
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError>;
    /// Stores `value` under `name` and replaces an earlier value. After an error the old value is still
    /// stored, except after [`StoreError::Hung`], when either may be.
    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError>;
    /// Deletes `name`; a missing value is no error.
    fn delete(&self, name: &str) -> Result<(), StoreError>;
    /// Checks whether the other calls would work without a prompt for the user. Never prompts, so background
    /// work calls it first.
    fn check_available(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// Kind of a secret store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum StoreKind {
    #[default]
    Keychain,
    /// An encrypted file, chosen by the user.
    File,
    /// Memory: the secrets are lost when the program ends.
    Memory,
}

/// Error of a secret store. Each text says what to do; none contains a value.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, thiserror::Error)]
#[serde(tag = "what", content = "detail", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum StoreError {
    #[error(
        "This machine has no keychain that the program can reach. Start one (on Linux: GNOME Keyring or KWallet in \
         the same session), give accounts with COOKIES_FILE, or choose secret_store = \"file\""
    )]
    Missing,
    #[error(
        "The keychain holds no keyring to store in. Make one (on Linux: \"Passwords and Keys\", a new password keyring, \
         set as default), then try again"
    )]
    NoKeyring,
    #[error(
        "The keychain is locked. Unlock it (sign in to the desktop, or open the keychain's own program), then try again"
    )]
    Locked,
    #[error(
        "The keychain refused access. Allow \"mammouth-proxy\" in the keychain's own program, then try again"
    )]
    Denied,
    #[error(
        "The keychain did not answer in time. It may be waiting for you in a password window: answer that, then try \
         again; if there is none, restart the keychain"
    )]
    Hung,
    #[error(
        "The value is too long for this machine's keychain. Check that only the cookie or key itself was given"
    )]
    TooLong,
    #[error("What is stored is not what was put there. Remove the account and add it again")]
    Damaged,
    #[error("The file of secrets cannot be used: {0}")]
    File(String),
    #[error(
        "The file of secrets was written with another key. Give the key it was written with (SECRET_KEY_FILE), or \
         delete secrets.sealed (keychain.sealed on Windows) in the data directory and add the accounts again"
    )]
    WrongKey,
    #[error("The key of the file of secrets cannot be used: {0}")]
    KeyFile(String),
    #[error("The file of secrets was damaged. It is kept as {0}; add the accounts again")]
    SetAside(String),
    #[error("The keychain failed: {0}")]
    Other(String),
}

/// Store that keeps secrets until the program ends: for `--demo`, for accounts given by the environment, and
/// for tests. Never a substitute for a keychain that fails.
#[derive(Debug, Default)]
pub struct MemoryStore {
    values: Mutex<HashMap<String, Secret>>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    fn values(&self) -> MutexGuard<'_, HashMap<String, Secret>> {
        self.values.lock()
    }
}

impl SecretStore for MemoryStore {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        Ok(self.values().get(name).cloned())
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.values().insert(name.to_owned(), value.clone());
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.values().remove(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::ExposeSecret;
    use super::*;

    #[test]
    fn the_memory_store_keeps_replaces_and_deletes() {
        let store = MemoryStore::new();
        assert!(store.get("a").unwrap().is_none());
        store.set("a", &Secret::from("one")).unwrap();
        store.set("a", &Secret::from("two")).unwrap();
        assert_eq!(store.get("a").unwrap().unwrap().expose_secret(), "two");
        store.delete("a").unwrap();
        store.delete("a").unwrap();
        assert!(store.get("a").unwrap().is_none());
    }

    #[test]
    fn memory_does_not_print_its_values() {
        let store = MemoryStore::new();
        store.set("a", &Secret::from("canary-value")).unwrap();
        assert!(!format!("{store:?}").contains("canary-value"));
    }
}
