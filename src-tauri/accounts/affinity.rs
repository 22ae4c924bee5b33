//! Which account served a conversation last, so that it stays there while that account can.

use std::collections::HashMap;
use std::time::Duration;

const MOST: usize = 1_024;
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Conversations by a hash of how they began.
#[derive(Debug, Default)]
pub(super) struct Affinity {
    seats: HashMap<u64, (String, Duration)>,
}

impl Affinity {
    pub(super) fn of(&self, conversation: u64, now: Duration) -> Option<&str> {
        let (account, at) = self.seats.get(&conversation)?;
        (*at + KEPT > now).then_some(account.as_str())
    }

    pub(super) fn remember(&mut self, conversation: u64, account: &str, now: Duration) {
        if self.seats.len() >= MOST && !self.seats.contains_key(&conversation) {
            self.make_room(now);
        }
        self.seats.insert(conversation, (account.to_owned(), now));
    }

    pub(super) fn forget_account(&mut self, account: &str) {
        self.seats.retain(|_, (seat, _)| seat != account);
    }

    fn make_room(&mut self, now: Duration) {
        self.seats.retain(|_, (_, at)| *at + KEPT > now);
        let oldest = self.seats.iter().min_by_key(|(_, (_, at))| *at).map(|(key, _)| *key);
        if let Some(key) = oldest.filter(|_| self.seats.len() >= MOST) {
            self.seats.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_and_stays_bounded() {
        let mut affinity = Affinity::default();
        for n in 0..5_000 {
            affinity.remember(n, "a", Duration::from_secs(n));
        }
        assert!(affinity.seats.len() <= MOST);
        assert_eq!(affinity.of(4_999, Duration::from_secs(5_000)), Some("a"));
        assert_eq!(affinity.of(4_999, Duration::from_secs(4_999) + KEPT), None);
    }
}
