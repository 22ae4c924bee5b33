//! Conversation affinity: the account that served a conversation last keeps serving it while it can.

use std::collections::HashMap;
use std::time::Duration;

const MAX_CONVERSATIONS: usize = 1_024;
const AFFINITY_TTL: Duration = Duration::from_secs(60 * 60);

/// The account of each conversation, by a hash of how the conversation began.
#[derive(Debug, Default)]
pub(super) struct Affinity {
    accounts: HashMap<u64, (String, Duration)>,
}

impl Affinity {
    pub(super) fn account_for(&self, conversation: u64, now: Duration) -> Option<&str> {
        let (account, at) = self.accounts.get(&conversation)?;
        (*at + AFFINITY_TTL > now).then_some(account.as_str())
    }

    pub(super) fn record(&mut self, conversation: u64, account: &str, now: Duration) {
        if self.accounts.len() >= MAX_CONVERSATIONS && !self.accounts.contains_key(&conversation) {
            self.evict(now);
        }
        self.accounts.insert(conversation, (account.to_owned(), now));
    }

    pub(super) fn forget_account(&mut self, account: &str) {
        self.accounts.retain(|_, (assigned, _)| assigned != account);
    }

    fn evict(&mut self, now: Duration) {
        self.accounts.retain(|_, (_, at)| *at + AFFINITY_TTL > now);
        let oldest = self.accounts.iter().min_by_key(|(_, (_, at))| *at).map(|(key, _)| *key);
        if let Some(key) = oldest.filter(|_| self.accounts.len() >= MAX_CONVERSATIONS) {
            self.accounts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_expire_and_their_number_is_bounded() {
        let mut affinity = Affinity::default();
        for n in 0..5_000 {
            affinity.record(n, "a", Duration::from_secs(n));
        }
        assert!(affinity.accounts.len() <= MAX_CONVERSATIONS);
        assert_eq!(affinity.account_for(4_999, Duration::from_secs(5_000)), Some("a"));
        assert_eq!(affinity.account_for(4_999, Duration::from_secs(4_999) + AFFINITY_TTL), None);
    }
}
