//! Remembers which image of which account is already on the site.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// The most uploads that are remembered of one account.
const MAX_ENTRIES: usize = 512;
/// How long an upload is trusted to be still there.
const LIFETIME: Duration = Duration::from_secs(3600);

/// SHA-256 of an image's bytes.
pub(super) type Key = [u8; 32];

/// The key of an image.
pub(super) fn key(bytes: &[u8]) -> Key {
    Sha256::digest(bytes).into()
}

/// URLs by account and image. An account never sees another's: the URL of an upload is that account's own.
#[derive(Default)]
pub(super) struct Uploads {
    accounts: Mutex<HashMap<String, HashMap<Key, Entry>>>,
}

struct Entry {
    url: String,
    uploaded: Instant,
    used: Instant,
}

impl Uploads {
    pub(super) fn get(&self, account: &str, key: &Key, now: Instant) -> Option<String> {
        let mut accounts = self.lock();
        let entries = accounts.get_mut(account)?;
        let entry = entries.get_mut(key)?;
        if now.duration_since(entry.uploaded) >= LIFETIME {
            entries.remove(key);
            return None;
        }
        entry.used = now;
        Some(entry.url.clone())
    }

    pub(super) fn put(&self, account: &str, key: Key, url: String, now: Instant) {
        let mut accounts = self.lock();
        let entries = accounts.entry(account.to_owned()).or_default();
        if entries.len() >= MAX_ENTRIES {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            oldest.map(|oldest| entries.remove(&oldest));
        }
        entries.insert(key, Entry { url, uploaded: now, used: now });
    }

    pub(super) fn forget(&self, account: &str) {
        self.lock().remove(account);
    }

    /// A panic cannot leave the map half changed, so a poisoned lock is as good as any.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<Key, Entry>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r09_an_upload_is_known_to_its_own_account_only() {
        let (uploads, now) = (Uploads::default(), Instant::now());
        uploads.put("a", key(b"x"), "https://cdn/1".into(), now);
        assert_eq!(uploads.get("a", &key(b"x"), now).unwrap(), "https://cdn/1");
        assert_eq!(uploads.get("b", &key(b"x"), now), None);
        assert_eq!(uploads.get("a", &key(b"y"), now), None);
        uploads.forget("a");
        assert_eq!(uploads.get("a", &key(b"x"), now), None);
    }

    #[test]
    fn an_upload_is_trusted_for_an_hour() {
        let (uploads, now) = (Uploads::default(), Instant::now());
        uploads.put("a", key(b"x"), "u".into(), now);
        assert!(uploads.get("a", &key(b"x"), now + LIFETIME - Duration::from_secs(1)).is_some());
        assert!(uploads.get("a", &key(b"x"), now + LIFETIME).is_none());
    }

    #[test]
    fn the_longest_unused_is_forgotten_first() {
        let (uploads, now) = (Uploads::default(), Instant::now());
        let at = |n: usize| now + Duration::from_millis(n as u64);
        for n in 0..MAX_ENTRIES {
            uploads.put("a", key(&n.to_le_bytes()), n.to_string(), at(n));
        }
        uploads.get("a", &key(&0usize.to_le_bytes()), at(1000));
        uploads.put("a", key(b"new"), "new".into(), at(1001));
        assert!(uploads.get("a", &key(&0usize.to_le_bytes()), at(1002)).is_some());
        assert!(uploads.get("a", &key(&1usize.to_le_bytes()), at(1002)).is_none());
    }
}
