//! Uploaded images and their accounts, without the bytes.

use std::collections::{HashMap, VecDeque};

const MAX_UPLOADS: usize = 10_000;

#[derive(Default)]
pub(super) struct Uploads {
    owners: HashMap<String, usize>,
    oldest_first: VecDeque<String>,
    count: u64,
}

impl Uploads {
    /// Stores an upload and returns a new URL each time, as the real site does.
    pub(super) fn save(&mut self, account: usize, sha256: &str) -> String {
        self.count += 1;
        let url = format!("https://files.simulator.invalid/{}-{sha256}", self.count);
        self.owners.insert(url.clone(), account);
        self.oldest_first.push_back(url.clone());
        if self.oldest_first.len() > MAX_UPLOADS
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.owners.remove(&oldest);
        }
        url
    }

    pub(super) fn owner(&self, url: &str) -> Option<usize> {
        self.owners.get(url).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_uploads_are_dropped_first() {
        let mut uploads = Uploads::default();
        let first = uploads.save(0, "a");
        let second = uploads.save(1, "a");
        (0..MAX_UPLOADS - 1).for_each(|_| drop(uploads.save(0, "b")));
        assert_eq!(uploads.owner(&first), None);
        assert_eq!(uploads.owner(&second), Some(1));
        assert_eq!(uploads.owners.len(), MAX_UPLOADS);
    }
}
