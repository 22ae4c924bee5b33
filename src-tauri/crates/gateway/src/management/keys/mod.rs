//! `keys.…`: the keys that clients send.
//!
//! Clients are judged by digests, which stand in the settings. The text of a key is in the secret store, so that it can
//! be shown and copied as long as it is valid. Where nothing could be stored, a named key is shown once, when it is made.

mod commands;
mod copy;
mod stored;

pub use commands::KeyView;
pub(super) use commands::{
    AddArgs, ChangeArgs, ListArgs, NameArgs, add, change, list, replace_main, revoke, store_main_digest,
};

pub(super) use copy::{CopyArgs, copy};
pub(super) use stored::named_key_texts;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::auth::{KeyDigests, KeyLimitTable, KeyLimits};
use storage::config::KeyLimitSettings;
use storage::secrets::{Secret, StoreError};

/// The name of the main key, in lists, in the log and in the settings.
const MAIN_KEY_NAME: &str = "main";
/// The name under which the keychain keeps the main key.
pub const MAIN_KEY_ENTRY: &str = "client-key:main";
/// The table of the settings that names the keys whose texts the secret store has.
pub const STORED_KEYS: &str = "stored_client_keys";

/// The client keys of this run. A cheap handle.
#[derive(Debug, Clone)]
pub struct ClientKeys {
    keys: KeyDigests,
    main: Arc<Mutex<MainKey>>,
    named: Arc<Mutex<BTreeMap<String, NamedKey>>>,
    limits: KeyLimitTable,
}

/// A key of one client, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NamedKey {
    digest: [u8; 32],
    /// Whether the secret store has its text.
    stored: bool,
}

/// The key that can be shown again.
#[derive(Debug, Clone)]
pub enum MainKey {
    /// It is what it will be.
    Kept { key: Secret, origin: &'static str },
    /// Made because none could be read or stored; `why` says what to do about it.
    ForThisRun { key: Secret, why: StoreError },
    /// Known by its digest at most, so that clients are let in, but cannot be shown.
    Unread { why: MainKeyUnavailable },
}

/// Why the main key cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MainKeyUnavailable {
    #[error("it is being read from the keychain")]
    Reading,
    /// There is none before the program runs.
    #[error("{0}")]
    NotMade(&'static str),
    #[error("it cannot be shown now. {0}")]
    Refused(StoreError),
}

impl ClientKeys {
    /// The digests of keys by their names, as they stand in the settings: the main one lets clients in while the
    /// keychain cannot be read.
    pub fn new(digests: BTreeMap<String, [u8; 32]>) -> Self {
        let keys = KeyDigests::default();
        for (name, digest) in &digests {
            keys.insert_digest(name, *digest);
        }
        let main = MainKey::Unread { why: MainKeyUnavailable::Reading };
        let named = digests.into_iter().filter(|(name, _)| name != MAIN_KEY_NAME);
        let named = named.map(|(name, digest)| (name, NamedKey { digest, stored: false })).collect();
        Self {
            keys,
            main: Arc::new(Mutex::new(main)),
            named: Arc::new(Mutex::new(named)),
            limits: KeyLimitTable::default(),
        }
    }

    /// Sets the main key; one that can be shown is what clients must send from now on.
    pub fn set_main(&self, main: MainKey) {
        match &main {
            MainKey::Kept { key, .. } | MainKey::ForThisRun { key, .. } => {
                self.keys.insert(MAIN_KEY_NAME, key)
            }
            MainKey::Unread { .. } => {}
        }
        *self.lock_main() = main;
    }

    pub fn main(&self) -> MainKey {
        self.lock_main().clone()
    }

    /// Whether clients can send a main key, read or not.
    pub fn has_main(&self) -> bool {
        self.keys.names().iter().any(|name| &**name == MAIN_KEY_NAME)
    }

    /// What the guard compares with.
    pub fn guard_keys(&self) -> &KeyDigests {
        &self.keys
    }

    /// What the proxy judges by once it knows the model.
    pub fn limits(&self) -> &KeyLimitTable {
        &self.limits
    }

    /// Sets what the keys may ask for and use.
    #[must_use]
    pub fn with_limits(self, limits: &BTreeMap<String, KeyLimitSettings>) -> Self {
        for (name, limit) in limits {
            self.limits.set(name, from_setting(limit));
        }
        self
    }

    /// Names the keys whose texts the secret store has.
    #[must_use]
    pub fn with_stored(self, names: &BTreeSet<String>) -> Self {
        for (name, key) in self.named().iter_mut() {
            key.stored = names.contains(name);
        }
        self
    }

    fn lock_main(&self) -> std::sync::MutexGuard<'_, MainKey> {
        self.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn named(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, NamedKey>> {
        self.named.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn from_setting(limit: &KeyLimitSettings) -> KeyLimits {
    let KeyLimitSettings { models, daily_tokens, daily_cost_usd } = limit.clone();
    KeyLimits { models, daily_tokens, daily_cost_usd }
}
