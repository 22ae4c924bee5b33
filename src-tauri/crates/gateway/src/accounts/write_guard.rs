//! The book while somebody changes it: whoever shows the accounts hears of it afterwards.

use std::sync::MutexGuard;

use tokio::sync::watch;

use super::pool::AccountPool;

/// A book that is being changed.
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
        // Each request changes the book several times, and mostly nobody looks.
        if self.changed.receiver_count() > 0 {
            self.changed.send_replace(());
        }
    }
}
