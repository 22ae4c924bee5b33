//! Cache of uploads: the images of each account that are already on the site.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest, Sha256};

/// Maximum number of cached uploads per account.
const MAX_UPLOADS_PER_ACCOUNT: usize = 512;
/// Time for which an upload is assumed to exist on the site.
const UPLOAD_TTL: Duration = Duration::from_secs(3600);

/// SHA-256 of an image's bytes.
pub(super) type ImageHash = [u8; 32];

/// The key of an image.
pub(super) fn image_hash(bytes: &[u8]) -> ImageHash {
    Sha256::digest(bytes).into()
}

/// URLs by account and image. An account never gets the URL of another account's upload.
#[derive(Default)]
pub(super) struct UploadCache {
    accounts: Mutex<HashMap<String, HashMap<ImageHash, CachedUpload>>>,
}

struct CachedUpload {
    url: String,
    uploaded_at: Instant,
    last_used: Instant,
}

impl UploadCache {
    pub(super) fn get(&self, account: &str, key: &ImageHash, now: Instant) -> Option<String> {
        let mut accounts = self.lock();
        let entries = accounts.get_mut(account)?;
        let entry = entries.get_mut(key)?;
        if now.duration_since(entry.uploaded_at) >= UPLOAD_TTL {
            entries.remove(key);
            return None;
        }
        entry.last_used = now;
        Some(entry.url.clone())
    }

    pub(super) fn insert(&self, account: &str, key: ImageHash, url: String, now: Instant) {
        let mut accounts = self.lock();
        let entries = accounts.entry(account.to_owned()).or_default();
        if entries.len() >= MAX_UPLOADS_PER_ACCOUNT {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.last_used).map(|(key, _)| *key);
            oldest.map(|oldest| entries.remove(&oldest));
        }
        entries.insert(key, CachedUpload { url, uploaded_at: now, last_used: now });
    }

    pub(super) fn remove_account(&self, account: &str) {
        self.lock().remove(account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<ImageHash, CachedUpload>>> {
        self.accounts.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r09_an_upload_is_cached_for_its_own_account_only() {
        let (uploads, now) = (UploadCache::default(), Instant::now());
        uploads.insert("a", image_hash(b"x"), "https://cdn/1".into(), now);
        assert_eq!(uploads.get("a", &image_hash(b"x"), now).unwrap(), "https://cdn/1");
        assert_eq!(uploads.get("b", &image_hash(b"x"), now), None);
        assert_eq!(uploads.get("a", &image_hash(b"y"), now), None);
        uploads.remove_account("a");
        assert_eq!(uploads.get("a", &image_hash(b"x"), now), None);
    }

    #[test]
    fn an_upload_is_trusted_for_an_hour() {
        let (uploads, now) = (UploadCache::default(), Instant::now());
        uploads.insert("a", image_hash(b"x"), "u".into(), now);
        assert!(uploads.get("a", &image_hash(b"x"), now + UPLOAD_TTL - Duration::from_secs(1)).is_some());
        assert!(uploads.get("a", &image_hash(b"x"), now + UPLOAD_TTL).is_none());
    }

    #[test]
    fn the_least_recently_used_is_evicted_first() {
        let (uploads, now) = (UploadCache::default(), Instant::now());
        let at = |n: usize| now + Duration::from_millis(n as u64);
        for n in 0..MAX_UPLOADS_PER_ACCOUNT {
            uploads.insert("a", image_hash(&n.to_le_bytes()), n.to_string(), at(n));
        }
        uploads.get("a", &image_hash(&0usize.to_le_bytes()), at(1000));
        uploads.insert("a", image_hash(b"new"), "new".into(), at(1001));
        assert!(uploads.get("a", &image_hash(&0usize.to_le_bytes()), at(1002)).is_some());
        assert!(uploads.get("a", &image_hash(&1usize.to_le_bytes()), at(1002)).is_none());
    }
}
