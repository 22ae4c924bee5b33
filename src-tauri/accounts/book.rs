//! The handle everybody shares: accounts in the user's order, behind one short lock that is never held over an await.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};

use super::absent::{Absence, Absent};
use super::account::{Account, Kind};
use super::affinity::Affinity;
use super::ask::{Ask, Kinds, NoAccount, Report};
use super::change::Change;
use super::choice::order;
use super::clock::Now;
use super::hosts::Breakers;
use super::state::State;
use super::store::{Loaded, Store};
use super::view::{self, AccountView};
use crate::config::{Prefer, Strategy};
use crate::journal::Picked;
use crate::upstreams::{Identity, Quota};

/// The accounts. A cheap handle.
#[derive(Debug, Clone)]
pub struct Accounts {
    inner: Arc<Mutex<Book>>,
    /// Touched when something that people see may have changed.
    changed: watch::Sender<()>,
    looked_at: Arc<Notify>,
}

/// Between two writes of an account's last use.
const SAVE_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Book {
    pub(super) seats: Vec<Seat>,
    pub(super) absent: Vec<Absent>,
    /// The id of the one account that the user wants used.
    pub(super) only: Option<String>,
    /// Ids in the order that the user wants; who is not among them comes last.
    pub(super) order: Vec<String>,
    pub(super) strategy: Strategy,
    pub(super) prefer: Prefer,
    pub(super) affinity: Affinity,
    pub(super) breakers: Breakers,
    pub(super) store: Option<Store>,
    loaded: Loaded,
}

#[derive(Debug)]
pub(super) struct Seat {
    pub(super) account: Arc<Account>,
    pub(super) state: State,
}

/// The right to make one call with an account. Dropping it gives the place back.
#[derive(Debug)]
pub struct Lease {
    pub account: Arc<Account>,
    /// Why this account.
    pub why: Picked,
    book: Accounts,
    probe: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut book = self.book.change();
        if self.probe {
            book.breakers.of(self.account.kind).abandon();
        }
        if let Some(seat) = book.seat(&self.account.id) {
            seat.state.running = seat.state.running.saturating_sub(1);
        }
    }
}

impl Accounts {
    /// Accounts with what an earlier run knew of them. A second account with the same secret is left out.
    pub fn new(accounts: Vec<Account>, strategy: Strategy, store: Option<(Store, Loaded)>, now: Now) -> Self {
        let (store, loaded) =
            store.map_or((None, Loaded::default()), |(store, loaded)| (Some(store), loaded));
        let book = Book {
            seats: Vec::new(),
            absent: Vec::new(),
            only: None,
            order: Vec::new(),
            strategy,
            prefer: Prefer::default(),
            affinity: Affinity::default(),
            breakers: Breakers::default(),
            store,
            loaded,
        };
        let handle = Self {
            inner: Arc::new(Mutex::new(book)),
            changed: watch::Sender::new(()),
            looked_at: Arc::default(),
        };
        for account in accounts {
            handle.add(account, now);
        }
        handle
    }

    /// Adds an account at the end of the order; `false` where it is there already.
    pub fn add(&self, account: Account, now: Now) -> bool {
        let mut book = self.change();
        book.absent.retain(|absent| absent.id != account.id);
        if book.seat(&account.id).is_some() {
            return false;
        }
        let state = book.loaded.state(&account.id, now);
        book.seats.push(Seat { account: Arc::new(account), state });
        book.sort();
        true
    }

    /// Names an account whose secret is being read.
    pub fn expect(&self, id: String, label: String, kind: Kind) {
        self.change().absent.push(Absent { id, label, kind, why: Absence::Reading });
    }

    /// Adds an account that was expected, unless it was removed meanwhile.
    pub fn arrive(&self, account: Account, now: Now) {
        let expected = self.lock().absent.iter().any(|absent| absent.id == account.id);
        if expected {
            self.add(account, now);
        }
    }

    /// Notes why the secret of an expected account is not here.
    pub fn set_absence(&self, id: &str, why: Absence) {
        if let Some(absent) = self.change().absent.iter_mut().find(|absent| absent.id == id) {
            absent.why = why;
        }
    }

    /// The accounts whose secrets are not here.
    pub fn absent(&self) -> Vec<Absent> {
        self.lock().absent.clone()
    }

    /// Takes an account out, by label or id, with everything that was kept of it.
    pub fn remove(&self, name: &str) -> Option<Arc<Account>> {
        let mut book = self.change();
        book.absent.retain(|absent| absent.id != name && absent.label != name);
        let index =
            book.seats.iter().position(|seat| seat.account.id == name || seat.account.label == name)?;
        let seat = book.seats.remove(index);
        book.affinity.forget_account(&seat.account.id);
        if let Some(store) = &book.store {
            store.remove(&seat.account.id);
        }
        Some(seat.account)
    }

    /// Picks the account for the next call and takes a place in it.
    ///
    /// # Errors
    /// [`NoAccount`] says why nobody can be asked.
    pub fn pick(&self, ask: &Ask<'_>, now: Now) -> Result<Lease, NoAccount> {
        let mut book = self.change();
        let (index, why, probe) = book.open_seat(ask, now)?;
        let seat = &mut book.seats[index];
        seat.state.begin(now);
        Ok(Lease { account: Arc::clone(&seat.account), why, book: self.clone(), probe })
    }

    /// Why [`Accounts::pick`] would find nobody now; `None` where it would find somebody. Takes no place.
    pub fn nobody(&self, ask: &Ask<'_>, now: Now) -> Option<NoAccount> {
        self.lock().choose(ask, now).err()
    }

    /// Learns how the call of a lease ended. `chance` in 0..1 is for jitter.
    pub fn report(&self, lease: &mut Lease, ask: &Ask<'_>, report: Report<'_>, now: Now, chance: f64) {
        let mut book = self.change();
        lease.probe = false;
        book.breakers.tell(lease.account.kind, report, now);
        let id = lease.account.id.clone();
        if let (Report::Answered { .. }, Some(conversation)) = (report, ask.conversation) {
            book.affinity.remember(conversation, &id, now.uptime);
        }
        let Some(seat) = book.seat(&id) else { return };
        let kept = |state: &State| (state.limits.clone(), state.throttled_until, state.needs_login);
        let before = kept(&seat.state);
        match report {
            Report::Answered { asked, served } => {
                let scope = seat.scope(ask);
                seat.state.succeed(scope, asked, served);
            }
            Report::Completed => {}
            Report::Failed(failure) => {
                let scope = seat.scope(ask);
                seat.state.fail(scope, failure, now, chance);
            }
        }
        let unsaved = seat.state.saved_at.is_none_or(|at| at + SAVE_INTERVAL <= now.uptime);
        if before != kept(&seat.state) || unsaved {
            book.save(&id, now);
        }
    }

    /// Learns what a check of the credential said: a valid session clears "needs login".
    pub fn checked(&self, id: &str, valid: bool, now: Now) {
        let mut book = self.change();
        if let Some(seat) = book.seat(id) {
            seat.state.needs_login = !valid;
            book.save(id, now);
        }
    }

    /// Takes an account out of the rotation or back into it, by label or id; `false` where there is none.
    pub fn set_enabled(&self, name: &str, enabled: bool, now: Now) -> bool {
        let mut book = self.change();
        let found = book.seats.iter_mut().find(|seat| seat.account.label == name || seat.account.id == name);
        let Some(seat) = found else { return false };
        seat.state.disabled = !enabled;
        let id = seat.account.id.clone();
        book.save(&id, now);
        true
    }

    /// Notes whose account it is.
    pub fn set_identity(&self, id: &str, identity: Identity, now: Now) {
        let mut book = self.change();
        if let Some(seat) = book.seat(id) {
            seat.state.identity = Some(identity);
            book.save(id, now);
        }
    }

    /// Notes an account's quota.
    pub fn set_quota(&self, id: &str, quota: Quota, now: Now) {
        let mut book = self.change();
        if let Some(seat) = book.seat(id) {
            seat.state.quota = Some(quota);
            seat.state.quota_at = Some(now.wall);
            book.save(id, now);
        }
    }

    /// Whether it is known whose account it is.
    pub fn knows_identity(&self, id: &str) -> bool {
        self.lock().seat(id).is_some_and(|seat| seat.state.identity.is_some())
    }

    pub fn set_strategy(&self, strategy: Strategy) {
        self.change().strategy = strategy;
    }

    /// Which kind of account serves what both kinds can.
    pub fn set_prefer(&self, prefer: Prefer) {
        self.change().prefer = prefer;
    }

    /// The kinds of which there is an account that the user lets serve.
    pub fn kinds(&self) -> Kinds {
        let book = self.lock();
        let has = |kind| {
            book.seats.iter().any(|seat| seat.account.kind == kind && !seat.state.disabled)
                && order(book.prefer).contains(&kind)
        };
        Kinds { web: has(Kind::Web), api: has(Kind::Api) }
    }

    /// All accounts in the user's order.
    pub fn list(&self, now: Now) -> Vec<AccountView> {
        let book = self.lock();
        let down = |kind| book.breakers.peek(kind).tripped().is_some();
        let here = book.seats.iter().map(|seat| {
            view::view(&seat.account, &seat.state, down(seat.account.kind), book.is_only(seat), now)
        });
        here.chain(book.absent.iter().map(view::absent)).collect()
    }

    /// The account with this label or id.
    pub fn find(&self, name: &str) -> Option<Arc<Account>> {
        let book = self.lock();
        let found = book.seats.iter().find(|seat| seat.account.label == name || seat.account.id == name);
        found.map(|seat| Arc::clone(&seat.account))
    }

    /// Accounts that were used within `span`: the ones whose quota is worth asking for.
    pub fn in_use(&self, span: Duration, now: Now) -> Vec<Arc<Account>> {
        let recent = |seat: &&Seat| seat.state.last_used.is_some_and(|at| at + span > now.uptime);
        let book = self.lock();
        book.seats.iter().filter(recent).map(|seat| Arc::clone(&seat.account)).collect()
    }

    /// Accounts that may serve and whose quota was told longer than `span` ago or never.
    pub fn outdated(&self, span: Duration, now: Now) -> Vec<Arc<Account>> {
        let fresh = |at: SystemTime| now.wall.duration_since(at).is_ok_and(|age| age <= span);
        let wanted = |seat: &&Seat| {
            let state = &seat.state;
            !state.disabled && !state.needs_login && !state.quota_at.is_some_and(fresh)
        };
        self.lock().seats.iter().filter(wanted).map(|seat| Arc::clone(&seat.account)).collect()
    }

    /// Says that somebody looks at the accounts now, so that quotas of before should be asked for anew.
    pub fn refresh(&self) {
        self.looked_at.notify_one();
    }

    /// Waits for the next [`Accounts::refresh`].
    pub async fn looked_at(&self) {
        self.looked_at.notified().await;
    }

    /// Becomes ready when something that [`Accounts::list`] shows may have changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Says that something which belongs to the accounts changed elsewhere, such as the catalogue of models.
    pub fn touch(&self) {
        self.changed.send_replace(());
    }

    /// The book for a change, which is told when the guard is dropped.
    pub(super) fn change(&self) -> Change<'_> {
        Change::of(self.lock(), &self.changed)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Book> {
        // A panic while the lock was held left plain data behind; going on beats refusing every request.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Book {
    pub(super) fn seat(&mut self, id: &str) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.account.id == id)
    }

    pub(super) fn save(&mut self, id: &str, now: Now) {
        let found = self.seats.iter_mut().find(|seat| seat.account.id == id);
        if let (Some(store), Some(seat)) = (&self.store, found) {
            seat.state.saved_at = Some(now.uptime);
            store.save(id, &seat.state, now);
        }
    }
}

#[cfg(test)]
mod tests;
