//! Client keys, and the commands `keys.…`.
//!
//! Client keys are checked by their digests, which are in the settings. The text of a key is in the secret store, so
//! that it can be shown and copied while it is valid. If it could not be stored, a named key is shown once, when it is
//! created.

mod commands;
mod copy;
mod issue;
mod stored;

pub use commands::KeyView;
pub(super) use commands::{
    AddArgs, ChangeArgs, ListArgs, NameArgs, add, change, list, replace_main, revoke, store_main_digest,
};
pub use issue::IssuedKey;

pub(super) use commands::{add_key, revoke_key};
pub(super) use copy::{CopyArgs, PLACEHOLDER, copy};
pub(super) use issue::{ISSUED_KEY_LIFETIME, IssueArgs, issue, issue_key};
pub(super) use stored::{key_text, named_key_texts};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::auth::{KeyDigests, KeyLimitTable, KeyLimits};
use storage::config::KeyLimitSettings;
use storage::secrets::{Secret, StoreError};

/// The name of the main key in lists, in the request log and in the settings.
const MAIN_KEY_NAME: &str = "main";
/// The keychain entry of the main key.
pub const MAIN_KEY_ENTRY: &str = "client-key:main";
/// The table of the settings with the names of the keys whose texts are in the secret store.
pub const STORED_KEYS: &str = "stored_client_keys";

/// Client keys of this run. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ClientKeys {
    keys: KeyDigests,
    main: Arc<Mutex<MainKey>>,
    named: Arc<Mutex<BTreeMap<String, NamedKey>>>,
    limits: KeyLimitTable,
}

/// A named key, without its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NamedKey {
    digest: [u8; 32],
    /// Whether the text of the key is in the secret store.
    stored: bool,
}

/// The main key.
#[derive(Debug, Clone)]
pub enum MainKey {
    /// The permanent main key.
    Kept { key: Secret, origin: &'static str },
    /// A key that was created for this run, because none could be read or stored. `why` is the cause.
    ForThisRun { key: Secret, why: StoreError },
    /// A key of which at most the digest is known: clients with the key are accepted, but the key cannot be
    /// shown.
    Unread { why: MainKeyUnavailable },
}

/// Reason why the main key cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MainKeyUnavailable {
    #[error("it is being read from the keychain")]
    Reading,
    /// No main key has been created yet. The text says why.
    #[error("{0}")]
    NotMade(&'static str),
    #[error("it cannot be shown now. {0}")]
    Refused(StoreError),
}

impl ClientKeys {
    /// Creates the keys from the digests of the settings, by their names. The digest of the main key admits clients
    /// while the keychain cannot be read.
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

    /// Sets the main key. If its text is known, clients must send that text from now on.
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

    /// Whether there is a main key, with or without its text.
    pub fn has_main(&self) -> bool {
        self.keys.names().iter().any(|name| &**name == MAIN_KEY_NAME)
    }

    /// The key digests that the guard compares with.
    pub fn guard_keys(&self) -> &KeyDigests {
        &self.keys
    }

    /// The limits that the proxy applies once it knows the model.
    pub fn limits(&self) -> &KeyLimitTable {
        &self.limits
    }

    /// Sets the limits of the keys.
    #[must_use]
    pub fn with_limits(self, limits: &BTreeMap<String, KeyLimitSettings>) -> Self {
        for (name, limit) in limits {
            self.limits.set(name, from_setting(limit));
        }
        self
    }

    /// Sets the names of the keys whose texts are in the secret store.
    #[must_use]
    pub fn with_stored(self, names: &BTreeSet<String>) -> Self {
        for (name, key) in self.named().iter_mut() {
            key.stored = names.contains(name);
        }
        self
    }

    /// The name of the named key with this digest.
    pub(super) fn name_of(&self, digest: &[u8; 32]) -> Option<String> {
        self.named().iter().find(|(_, key)| key.digest == *digest).map(|(name, _)| name.clone())
    }

    pub(super) fn has_named(&self, name: &str) -> bool {
        self.named().contains_key(name)
    }

    /// Whether the text of a named key is in the secret store.
    pub(super) fn is_stored(&self, name: &str) -> bool {
        self.named().get(name).is_some_and(|key| key.stored)
    }

    /// Revokes the issued keys of a client that has no permanent one.
    pub(super) fn revoke_issued(&self, name: &str) {
        if !self.has_named(name) {
            self.keys.revoke(name);
        }
    }

    fn lock_main(&self) -> MutexGuard<'_, MainKey> {
        self.main.lock()
    }

    fn named(&self) -> MutexGuard<'_, BTreeMap<String, NamedKey>> {
        self.named.lock()
    }
}

fn from_setting(limit: &KeyLimitSettings) -> KeyLimits {
    let KeyLimitSettings { models, daily_tokens, daily_cost_usd } = limit.clone();
    KeyLimits { models, daily_tokens, daily_cost_usd }
}
