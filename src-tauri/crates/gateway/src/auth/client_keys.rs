//! Named client keys, stored as digests only, and issued keys, which expire.

use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use storage::secrets::{ExposeSecret, Secret};

/// The valid client keys. Clones share the same keys.
#[derive(Clone, Default)]
pub struct KeyDigests(Arc<RwLock<Vec<Key>>>);

struct Key {
    name: Arc<str>,
    digest: [u8; 32],
    /// Validity; `None` for a key that is valid until it is revoked.
    lifetime: Option<KeyLifetime>,
}

/// Validity of an issued key.
#[derive(Debug, Clone, Copy)]
pub struct KeyLifetime {
    pub until: SystemTime,
    /// Process that the key was issued for. On Unix the key ends with the process.
    pub process: Option<u32>,
}

/// The most issued keys that are valid at once; the oldest end first.
const MAX_ISSUED_KEYS: usize = 1_000;

impl KeyDigests {
    /// An empty set: every client is rejected.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, or replaces the key of that name. Applies from the next request on.
    pub fn insert(&self, name: &str, key: &Secret) {
        self.insert_digest(name, digest(key.expose_secret()));
    }

    /// Adds a key as [`KeyDigests::insert`] does, if only its digest is stored.
    pub fn insert_digest(&self, name: &str, digest: [u8; 32]) {
        let mut keys = self.0.write();
        keys.retain(|key| &*key.name != name || key.lifetime.is_some());
        keys.push(Key { name: name.into(), digest, lifetime: None });
    }

    /// Adds a key that ends by itself. Other keys of that name stay valid.
    pub fn issue(&self, name: &str, digest: [u8; 32], lifetime: KeyLifetime, now: SystemTime) {
        let mut keys = self.0.write();
        keys.retain(|key| key.is_valid(now));
        if keys.iter().filter(|key| key.lifetime.is_some()).count() >= MAX_ISSUED_KEYS
            && let Some(oldest) = keys.iter().position(|key| key.lifetime.is_some())
        {
            keys.remove(oldest);
        }
        keys.push(Key { name: name.into(), digest, lifetime: Some(lifetime) });
    }

    /// Revokes all keys of a name, issued ones too. Returns whether there was one of that name. Running replies are not cancelled.
    pub fn revoke(&self, name: &str) -> bool {
        let mut keys = self.0.write();
        let before = keys.len();
        keys.retain(|key| &*key.name != name);
        keys.len() < before
    }

    /// The names of the keys that last, in the order in which they were added.
    pub fn names(&self) -> Vec<Arc<str>> {
        let keys = self.0.read();
        let lasting = keys.iter().filter(|key| key.lifetime.is_none());
        lasting.map(|key| Arc::clone(&key.name)).collect()
    }

    /// The name of the presented key, if the key is valid.
    ///
    /// The running time does not depend on how much of a guess is right: fixed-size digests are compared, always with
    /// all keys.
    pub fn find(&self, presented: &[u8]) -> Option<Arc<str>> {
        let presented = digest_bytes(presented);
        let keys = self.0.read();
        let mut index = u64::MAX;
        for (at, key) in (0u64..).zip(keys.iter()) {
            index.conditional_assign(&at, equal(&key.digest, &presented));
        }
        let found = usize::try_from(index).ok().and_then(|at| keys.get(at));
        // The clock and the process are looked at for a right key only, and only if it can end.
        let valid = found.filter(|key| key.lifetime.is_none() || key.is_valid(SystemTime::now()));
        valid.map(|key| Arc::clone(&key.name))
    }
}

/// Whether two digests are equal, in constant time. By words: the bytes of hundreds of keys, one by one, would be a good
/// part of what a request costs.
fn equal(one: &[u8; 32], other: &[u8; 32]) -> Choice {
    let words = one.as_chunks().0.iter().zip(other.as_chunks().0);
    let differing = words.fold(0, |bits, (a, b)| bits | (u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b)));
    differing.ct_eq(&0)
}

impl Key {
    fn is_valid(&self, now: SystemTime) -> bool {
        let lives = |lifetime: KeyLifetime| now < lifetime.until && lifetime.process.is_none_or(is_running);
        self.lifetime.is_none_or(lives)
    }
}

/// Whether there is a process of this number. One that belongs to another user counts.
#[cfg(unix)]
fn is_running(process: u32) -> bool {
    let process = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw);
    let check = |process| rustix::process::test_kill_process(process) != Err(rustix::io::Errno::SRCH);
    process.is_some_and(check)
}

/// Returns `true`: on other systems an issued key only ends at its time.
#[cfg(not(unix))]
fn is_running(_: u32) -> bool {
    true
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
    fn an_issued_key_ends_by_itself_and_leaves_others_of_its_name() {
        let (keys, lasting, issued) = (KeyDigests::new(), generate_key(), generate_key());
        let now = SystemTime::now();
        keys.insert("codex", &lasting);
        let issue = |until, process| {
            keys.issue("codex", digest(issued.expose_secret()), KeyLifetime { until, process }, now);
            keys.find(issued.expose_secret().as_bytes()).as_deref().map(str::to_owned)
        };
        let hour = std::time::Duration::from_secs(3_600);
        assert_eq!(issue(now - hour, None), None);
        assert_eq!(issue(now + hour, None).as_deref(), Some("codex"));
        assert_eq!(keys.names().len(), 1);
        keys.insert("codex", &generate_key());
        assert_eq!(keys.find(issued.expose_secret().as_bytes()).as_deref(), Some("codex"));
        assert!(keys.revoke("codex"));
        assert_eq!(keys.find(issued.expose_secret().as_bytes()), None);
    }

    #[cfg(unix)]
    #[test]
    fn an_issued_key_ends_with_its_process() {
        let (keys, key) = (KeyDigests::new(), generate_key());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let until = SystemTime::now() + std::time::Duration::from_secs(60);
        let lifetime = KeyLifetime { until, process: Some(child.id()) };
        keys.issue("run", digest(key.expose_secret()), lifetime, SystemTime::now());
        assert!(keys.find(key.expose_secret().as_bytes()).is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(keys.find(key.expose_secret().as_bytes()), None);
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
