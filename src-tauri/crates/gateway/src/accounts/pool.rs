//! The account pool: a shared handle on all accounts in the user's order. One short lock guards it and is never held
//! over an await.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use super::account::Account;
use super::affinity::Affinity;
use super::clock::Timestamp;
use super::pending_secret::{AccountWithoutSecret, MissingSecret};
use super::selection::is_allowed;
use super::selection_request::{CallOutcome, SelectionRequest, Unavailable};
use super::state::EntryState;
use super::store::{AccountStore, SavedStates};
use super::upstream_health::UpstreamBreakers;
use super::view::{self, AccountView};
use super::write_guard::PoolWriteGuard;
use storage::config::{KindPreference, Strategy};
use storage::request_log::AccountSelection;
use upstreams::{Identity, Quota, UpstreamId, UpstreamSet};

/// Handle on the account pool. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    pool: Arc<Mutex<AccountPool>>,
    /// Notified when something that [`Accounts::list`] shows may have changed.
    changed: watch::Sender<()>,
    refresh_requested: Arc<Notify>,
}

/// Minimum time between two writes of an account's last use.
const SAVE_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct AccountPool {
    pub(super) entries: Vec<PoolEntry>,
    pub(super) without_secret: Vec<AccountWithoutSecret>,
    /// The id of the pinned account: if set, no other is used.
    pub(super) pinned: Option<String>,
    /// Ids in the user's order. Accounts that are not listed come last.
    pub(super) entry_order: Vec<String>,
    pub(super) strategy: Strategy,
    pub(super) prefer: KindPreference,
    pub(super) affinity: Affinity,
    pub(super) breakers: UpstreamBreakers,
    pub(super) store: Option<AccountStore>,
    loaded: SavedStates,
}

#[derive(Debug)]
pub(super) struct PoolEntry {
    pub(super) account: Arc<Account>,
    pub(super) state: EntryState,
}

/// The right to make one call with an account. Dropping the lease releases it.
#[derive(Debug)]
pub struct Lease {
    pub account: Arc<Account>,
    /// Reason for the selection of this account.
    pub selection: AccountSelection,
    accounts: Accounts,
    /// The scope of the account's limits that the call counts for.
    scope: String,
    /// A hash of how the conversation began, for affinity.
    conversation: Option<u64>,
    is_probe: bool,
}

impl Lease {
    /// Records how the call ended: its first event and then its end, or a failure. `chance` in 0..1 is the source of
    /// jitter. A lease that is dropped without a report counts neither as a success nor as a failure.
    pub fn report(&mut self, outcome: CallOutcome<'_>, now: Timestamp, chance: f64) {
        let mut pool = self.accounts.write();
        self.is_probe = false;
        pool.breakers.record(self.account.upstream, outcome, now);
        let id = &self.account.id;
        if let (CallOutcome::Answered { .. }, Some(conversation)) = (outcome, self.conversation) {
            pool.affinity.record(conversation, id, now.uptime);
        }
        let Some(entry) = pool.entry_mut(id) else { return };
        let persistent =
            |state: &EntryState| (state.limits.clone(), state.throttled_until, state.needs_login);
        let before = persistent(&entry.state);
        match outcome {
            CallOutcome::Answered { requested, served } => {
                entry.state.record_success(&self.scope, requested, served);
            }
            CallOutcome::Completed => {}
            CallOutcome::Failed(failure) => entry.state.record_failure(&self.scope, failure, now, chance),
        }
        let unsaved = entry.state.saved_at.is_none_or(|at| at + SAVE_INTERVAL <= now.uptime);
        if before != persistent(&entry.state) || unsaved {
            pool.save(id, now);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut pool = self.accounts.write();
        if self.is_probe {
            pool.breakers.get_mut(self.account.upstream).release_probe();
        }
        if let Some(entry) = pool.entry_mut(&self.account.id) {
            entry.state.running = entry.state.running.saturating_sub(1);
        }
    }
}

impl Accounts {
    /// Creates the pool with the states that an earlier run saved. A second account with the same secret is left out.
    pub fn new(
        accounts: Vec<Account>,
        strategy: Strategy,
        store: Option<(AccountStore, SavedStates)>,
        now: Timestamp,
    ) -> Self {
        let (store, loaded) =
            store.map_or((None, SavedStates::default()), |(store, loaded)| (Some(store), loaded));
        let pool = AccountPool {
            entries: Vec::new(),
            without_secret: Vec::new(),
            pinned: None,
            entry_order: Vec::new(),
            strategy,
            prefer: KindPreference::default(),
            affinity: Affinity::default(),
            breakers: UpstreamBreakers::default(),
            store,
            loaded,
        };
        let handle = Self {
            pool: Arc::new(Mutex::new(pool)),
            changed: watch::Sender::new(()),
            refresh_requested: Arc::default(),
        };
        for account in accounts {
            handle.add(account, now);
        }
        handle
    }

    /// Adds an account at the end of the order. Returns `false` if the pool has it already.
    pub fn add(&self, account: Account, now: Timestamp) -> bool {
        let mut pool = self.write();
        pool.without_secret.retain(|absent| absent.id != account.id);
        if pool.entry_mut(&account.id).is_some() {
            return false;
        }
        let state = pool.loaded.initial_state(&account.id, now);
        pool.entries.push(PoolEntry { account: Arc::new(account), state });
        pool.sort();
        true
    }

    /// Adds the name of an account whose secret is being read.
    pub fn add_pending(&self, id: String, label: String, upstream: UpstreamId) {
        self.write().without_secret.push(AccountWithoutSecret {
            id,
            label,
            upstream,
            reason: MissingSecret::Reading,
        });
    }

    /// Adds a pending account once its secret is read, unless the account was removed in the meantime.
    pub fn resolve_pending(&self, account: Account, now: Timestamp) {
        let expected = self.lock().without_secret.iter().any(|absent| absent.id == account.id);
        if expected {
            self.add(account, now);
        }
    }

    /// Records why the secret of a pending account is not available.
    pub fn set_missing_secret(&self, id: &str, reason: MissingSecret) {
        if let Some(absent) = self.write().without_secret.iter_mut().find(|absent| absent.id == id) {
            absent.reason = reason;
        }
    }

    /// The accounts whose secrets are not available.
    pub fn without_secret(&self) -> Vec<AccountWithoutSecret> {
        self.lock().without_secret.clone()
    }

    /// Removes the account with this label or id, and everything that was stored about it.
    pub fn remove(&self, name: &str) -> Option<Arc<Account>> {
        let mut pool = self.write();
        pool.without_secret.retain(|absent| absent.id != name && absent.label != name);
        let index =
            pool.entries.iter().position(|entry| entry.account.id == name || entry.account.label == name)?;
        let entry = pool.entries.remove(index);
        pool.affinity.forget_account(&entry.account.id);
        if let Some(store) = &pool.store {
            store.remove(&entry.account.id);
        }
        Some(entry.account)
    }

    /// Selects the account for the next call and leases it.
    ///
    /// # Errors
    /// [`Unavailable`] says why no account can be used.
    pub fn acquire(&self, request: &SelectionRequest<'_>, now: Timestamp) -> Result<Lease, Unavailable> {
        let mut pool = self.write();
        let (index, selection, is_probe) = pool.acquire(request, now)?;
        let entry = &mut pool.entries[index];
        entry.state.record_start(now);
        Ok(Lease {
            account: Arc::clone(&entry.account),
            selection,
            accounts: self.clone(),
            scope: entry.scope(request).to_owned(),
            conversation: request.conversation,
            is_probe,
        })
    }

    /// Returns the reason why [`Accounts::acquire`] would fail now; `None` if it would succeed. Acquires
    /// nothing.
    pub fn unavailable_reason(&self, request: &SelectionRequest<'_>, now: Timestamp) -> Option<Unavailable> {
        self.lock().select(request, now).err()
    }

    /// Records the result of a credential check. A valid session clears the "needs login" state.
    pub fn record_credential_check(&self, id: &str, valid: bool, now: Timestamp) {
        let mut pool = self.write();
        if let Some(entry) = pool.entry_mut(id) {
            entry.state.needs_login = !valid;
            pool.save(id, now);
        }
    }

    /// Enables or disables the account with this label or id. Returns `false` if there is none.
    pub fn set_enabled(&self, name: &str, enabled: bool, now: Timestamp) -> bool {
        let mut pool = self.write();
        let found =
            pool.entries.iter_mut().find(|entry| entry.account.label == name || entry.account.id == name);
        let Some(entry) = found else { return false };
        entry.state.disabled = !enabled;
        let id = entry.account.id.clone();
        pool.save(&id, now);
        true
    }

    /// Records the identity (name and email) behind an account.
    pub fn set_identity(&self, id: &str, identity: Identity, now: Timestamp) {
        let mut pool = self.write();
        if let Some(entry) = pool.entry_mut(id) {
            entry.state.identity = Some(identity);
            pool.save(id, now);
        }
    }

    /// Records an account's quota.
    pub fn set_quota(&self, id: &str, quota: Quota, now: Timestamp) {
        let mut pool = self.write();
        if let Some(entry) = pool.entry_mut(id) {
            entry.state.quota = Some(quota);
            entry.state.quota_at = Some(now.wall);
            pool.save(id, now);
        }
    }

    /// Whether the identity behind the account is known.
    pub fn knows_identity(&self, id: &str) -> bool {
        self.lock().entry_mut(id).is_some_and(|entry| entry.state.identity.is_some())
    }

    pub fn set_strategy(&self, strategy: Strategy) {
        self.write().strategy = strategy;
    }

    /// Sets which upstream is preferred for models that several upstreams serve.
    pub fn set_kind_preference(&self, prefer: KindPreference) {
        self.write().prefer = prefer;
    }

    /// The upstreams of which at least one account is enabled.
    pub fn enabled_upstreams(&self) -> UpstreamSet {
        let pool = self.lock();
        let enabled = pool.entries.iter().filter(|entry| !entry.state.disabled);
        let upstreams = enabled.map(|entry| entry.account.upstream);
        upstreams.filter(|upstream| is_allowed(pool.prefer, *upstream)).collect()
    }

    /// Returns all accounts in the user's order.
    pub fn list(&self, now: Timestamp) -> Vec<AccountView> {
        let pool = self.lock();
        let with_secret = pool.entries.iter().map(|entry| {
            view::account_view(
                &entry.account,
                &entry.state,
                pool.breakers.is_open(entry.account.upstream),
                pool.is_pinned(entry),
                now,
            )
        });
        with_secret.chain(pool.without_secret.iter().map(view::view_without_secret)).collect()
    }

    /// The account with this label or id.
    pub fn find(&self, name: &str) -> Option<Arc<Account>> {
        let pool = self.lock();
        let found = pool.entries.iter().find(|entry| entry.account.label == name || entry.account.id == name);
        found.map(|entry| Arc::clone(&entry.account))
    }

    /// Accounts that were used within `span`, whose quota is worth polling.
    pub fn recently_used(&self, span: Duration, now: Timestamp) -> Vec<Arc<Account>> {
        let recent = |entry: &&PoolEntry| entry.state.last_used.is_some_and(|at| at + span > now.uptime);
        let pool = self.lock();
        pool.entries.iter().filter(recent).map(|entry| Arc::clone(&entry.account)).collect()
    }

    /// Enabled accounts with a valid login whose quota was never fetched, or longer than `span` ago.
    pub fn with_stale_quota(&self, span: Duration, now: Timestamp) -> Vec<Arc<Account>> {
        let fresh = |at: SystemTime| now.wall.duration_since(at).is_ok_and(|age| age <= span);
        let wanted = |entry: &&PoolEntry| {
            let state = &entry.state;
            !state.disabled && !state.needs_login && !state.quota_at.is_some_and(fresh)
        };
        self.lock().entries.iter().filter(wanted).map(|entry| Arc::clone(&entry.account)).collect()
    }

    /// Requests that stale quotas be fetched again, because the accounts are being displayed.
    pub fn request_refresh(&self) {
        self.refresh_requested.notify_one();
    }

    /// Waits for the next [`Accounts::request_refresh`].
    pub async fn wait_for_refresh_request(&self) {
        self.refresh_requested.notified().await;
    }

    /// A receiver that is notified when something that [`Accounts::list`] shows may have changed.
    pub fn subscribe_changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Notifies subscribers of a change outside the pool that affects accounts, such as a new model catalog.
    pub fn notify_changed(&self) {
        self.changed.send_replace(());
    }

    /// Locks the pool for a change. Dropping the guard notifies subscribers.
    pub(super) fn write(&self) -> PoolWriteGuard<'_> {
        PoolWriteGuard::new(self.lock(), &self.changed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, AccountPool> {
        // After a panic with the lock held, the plain data is still usable, so requests continue.
        self.pool.lock()
    }
}

impl AccountPool {
    pub(super) fn entry_mut(&mut self, id: &str) -> Option<&mut PoolEntry> {
        self.entries.iter_mut().find(|entry| entry.account.id == id)
    }

    pub(super) fn save(&mut self, id: &str, now: Timestamp) {
        let found = self.entries.iter_mut().find(|entry| entry.account.id == id);
        if let (Some(store), Some(entry)) = (&self.store, found) {
            entry.state.saved_at = Some(now.uptime);
            store.save(id, &entry.state, now);
        }
    }
}

#[cfg(test)]
mod tests;
