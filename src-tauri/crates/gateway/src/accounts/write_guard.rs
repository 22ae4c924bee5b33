//! Write guard of the account pool. Dropping it notifies subscribers.

use parking_lot::MutexGuard;
use tokio::sync::watch;

use super::pool::AccountPool;

/// Exclusive access to the pool for a change.
pub(super) struct PoolWriteGuard<'a> {
    pool: MutexGuard<'a, AccountPool>,
    changed: &'a watch::Sender<()>,
}

impl<'a> PoolWriteGuard<'a> {
    pub(super) fn new(pool: MutexGuard<'a, AccountPool>, changed: &'a watch::Sender<()>) -> Self {
        Self { pool, changed }
    }
}

impl std::ops::Deref for PoolWriteGuard<'_> {
    type Target = AccountPool;

    fn deref(&self) -> &AccountPool {
        &self.pool
    }
}

impl std::ops::DerefMut for PoolWriteGuard<'_> {
    fn deref_mut(&mut self) -> &mut AccountPool {
        &mut self.pool
    }
}

impl Drop for PoolWriteGuard<'_> {
    fn drop(&mut self) {
        // Each request changes the pool several times, mostly without a subscriber.
        if self.changed.receiver_count() > 0 {
            self.changed.send_replace(());
        }
    }
}
