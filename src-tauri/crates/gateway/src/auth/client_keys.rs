//! The named client keys, stored as digests only.

use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::{ConditionallySelectable, ConstantTimeEq};

use storage::secrets::{ExposeSecret, Secret};

/// The valid client keys. Clones share the same keys.
#[derive(Clone, Default)]
pub struct KeyDigests(Arc<RwLock<Vec<Key>>>);

struct Key {
    name: Arc<str>,
    digest: [u8; 32],
}

impl KeyDigests {
    /// An empty set: every client is rejected.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, or replaces the key of that name. Applies from the next request on.
    pub fn insert(&self, name: &str, key: &Secret) {
        self.insert_digest(name, digest(key.expose_secret()));
    }

    /// As [`KeyDigests::insert`], for a key of which only the digest is stored.
    pub fn insert_digest(&self, name: &str, digest: [u8; 32]) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|key| &*key.name != name);
        keys.push(Key { name: name.into(), digest });
    }

    /// Revokes a key. Returns whether there was one of that name. Running replies are not cancelled.
    pub fn revoke(&self, name: &str) -> bool {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let before = keys.len();
        keys.retain(|key| &*key.name != name);
        keys.len() < before
    }

    /// The names, in the order in which the keys were added.
    pub fn names(&self) -> Vec<Arc<str>> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.iter().map(|key| Arc::clone(&key.name)).collect()
    }

    /// The name of the presented key, if the key is valid.
    ///
    /// The running time does not depend on how much of a guess is right: fixed-size digests are compared, always with
    /// all keys.
    pub fn find(&self, presented: &[u8]) -> Option<Arc<str>> {
        let presented = digest_bytes(presented);
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut index = u64::MAX;
        for (at, key) in (0u64..).zip(keys.iter()) {
            index.conditional_assign(&at, key.digest.ct_eq(&presented));
        }
        let found = usize::try_from(index).ok().and_then(|at| keys.get(at));
        found.map(|key| Arc::clone(&key.name))
    }
}

impl std::fmt::Debug for KeyDigests {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("KeyDigests").field(&self.names()).finish()
    }
}

/// The SHA-256 of a key, which is stored instead of the key. Keys are long and random, so no salt is needed.
pub fn digest(secret: &str) -> [u8; 32] {
    digest_bytes(secret.as_bytes())
}

/// A new client key or control token: `mp-` and 256 random bits.
pub fn generate_key() -> Secret {
    let mut random = [0u8; 32];
    getrandom::fill(&mut random)
        .expect("every supported system has a random source that cannot fail after boot");
    Secret::from(format!("mp-{}", URL_SAFE_NO_PAD.encode(random)))
}

/// Whether the text has the form of [`generate_key`]'s keys.
pub fn is_generated_key(text: &str) -> bool {
    let random = text.strip_prefix("mp-").and_then(|random| URL_SAFE_NO_PAD.decode(random).ok());
    random.is_some_and(|random| random.len() == 32)
}

/// Whether the presented bytes are the secret of this digest, in constant time.
pub fn is_secret_of(presented: &[u8], expected: &[u8; 32]) -> bool {
    digest_bytes(presented).ct_eq(expected).into()
}

pub(super) fn digest_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u10_a_key_is_valid_until_it_is_revoked_or_replaced() {
        let (keys, old, new) = (KeyDigests::new(), generate_key(), generate_key());
        keys.insert("ide", &old);
        assert_eq!(keys.clone().find(old.expose_secret().as_bytes()).as_deref(), Some("ide"));
        keys.insert("ide", &new);
        assert_eq!(keys.find(old.expose_secret().as_bytes()), None);
        keys.insert_digest("cli", digest(old.expose_secret()));
        assert_eq!(keys.names().iter().map(|name| &**name).collect::<Vec<_>>(), ["ide", "cli"]);
        assert!(keys.revoke("ide") && !keys.revoke("ide"));
        assert_eq!(keys.find(new.expose_secret().as_bytes()), None);
        assert_eq!(keys.find(old.expose_secret().as_bytes()).as_deref(), Some("cli"));
    }

    #[test]
    fn without_keys_nothing_is_found() {
        assert_eq!(KeyDigests::new().find(b""), None);
        assert_eq!(KeyDigests::new().find(b"x"), None);
    }

    #[test]
    fn generated_keys_are_long_distinct_and_valid_header_values() {
        let (one, two) = (generate_key(), generate_key());
        assert_ne!(one.expose_secret(), two.expose_secret());
        assert_eq!(one.expose_secret().len(), "mp-".len() + 43);
        assert!(one.expose_secret().bytes().all(|b| b.is_ascii_graphic()));
        assert!(is_generated_key(one.expose_secret()));
        assert!(!is_generated_key("mp-short") && !is_generated_key(&one.expose_secret()[3..]));
    }

    #[test]
    fn debug_output_of_keys_has_names_only() {
        let keys = KeyDigests::new();
        keys.insert("ide", &Secret::from("CANARY_TOK_0123456789"));
        assert_eq!(format!("{keys:?}"), "KeyDigests([\"ide\"])");
    }
}
