//! The handle everybody shares: accounts in the user's order, behind one short lock that is never held over an await.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::absent::{Absence, Absent};
use super::account::{Account, Kind};
use super::affinity::Affinity;
use super::ask::{Ask, Kinds, NoAccount, Report};
use super::breaker::{Breaker, Cause, Gate};
use super::clock::Now;
use super::pick::{self, Candidate};
use super::state::{Standing, State};
use super::store::{Loaded, Store};
use super::view::{self, AccountView};
use crate::config::{Prefer, Strategy};
use crate::upstreams::{FailureKind, Quota};

/// The scope of an API key's limits.
const BUDGET: &str = "budget";

/// The accounts. A cheap handle.
#[derive(Debug, Clone)]
pub struct Accounts {
    inner: Arc<Mutex<Book>>,
    /// Touched when something that people see may have changed.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Book {
    seats: Vec<Seat>,
    absent: Vec<Absent>,
    strategy: Strategy,
    prefer: Prefer,
    affinity: Affinity,
    breakers: Breakers,
    store: Option<Store>,
    loaded: Loaded,
}

#[derive(Debug)]
struct Seat {
    account: Arc<Account>,
    state: State,
}

/// The right to make one call with an account. Dropping it gives the place back.
#[derive(Debug)]
pub struct Lease {
    pub account: Arc<Account>,
    /// Why this account, in words.
    pub why: String,
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
            strategy,
            prefer: Prefer::default(),
            affinity: Affinity::default(),
            breakers: Breakers::default(),
            store,
            loaded,
        };
        let handle = Self { inner: Arc::new(Mutex::new(book)), changed: watch::Sender::new(()) };
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
        book.tell_breaker(lease.account.kind, report, now);
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
        if before != kept(&seat.state) {
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

    /// Notes an account's quota.
    pub fn set_quota(&self, id: &str, quota: Quota) {
        if let Some(seat) = self.change().seat(id) {
            seat.state.quota = Some(quota);
        }
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
        let here = book
            .seats
            .iter()
            .map(|seat| view::view(&seat.account, &seat.state, down(seat.account.kind), false, now));
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

    /// Becomes ready when something that [`Accounts::list`] shows may have changed.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The book for a change, which is told when the guard is dropped.
    fn change(&self) -> Change<'_> {
        Change { book: self.lock(), changed: &self.changed }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // A panic while the lock was held left plain data behind; going on beats refusing every request.
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A book that is being changed.
struct Change<'a> {
    book: MutexGuard<'a, Book>,
    changed: &'a watch::Sender<()>,
}

impl std::ops::Deref for Change<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

impl std::ops::DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.book
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        self.changed.send_replace(());
    }
}

impl Book {
    fn seat(&mut self, id: &str) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.account.id == id)
    }

    fn save(&mut self, id: &str, now: Now) {
        let found = self.seats.iter().find(|seat| seat.account.id == id);
        if let (Some(store), Some(seat)) = (&self.store, found) {
            store.save(id, &seat.state, now);
        }
    }

    /// The seat for the next call, and whether the call tries if Mammouth is back. Where the host of the preferred kind
    /// is down, the other kind's may not be.
    fn open_seat(&mut self, ask: &Ask<'_>, now: Now) -> Result<(usize, String, bool), NoAccount> {
        let mut down = None;
        for kind in order(self.prefer) {
            let Some((index, mut why)) = self.choose_of(*kind, ask, now) else { continue };
            match self.breakers.of(*kind).gate(now.uptime) {
                Gate::Open => return Ok((index, why, false)),
                Gate::Probe => {
                    why.push_str("; tries whether Mammouth is back");
                    return Ok((index, why, true));
                }
                Gate::Closed { wait, cause: Cause::Failing } => {
                    down.get_or_insert(NoAccount::UpstreamDown { wait });
                }
                Gate::Closed { wait, cause: Cause::Challenge } => {
                    down.get_or_insert(NoAccount::Challenge { wait });
                }
            }
        }
        Err(down.unwrap_or_else(|| self.nobody(ask, now)))
    }

    fn choose(&self, ask: &Ask<'_>, now: Now) -> Result<(usize, String), NoAccount> {
        let mut found = order(self.prefer).iter().filter_map(|kind| self.choose_of(*kind, ask, now));
        found.next().ok_or_else(|| self.nobody(ask, now))
    }

    fn choose_of(&self, kind: Kind, ask: &Ask<'_>, now: Now) -> Option<(usize, String)> {
        let ready = |index: &usize| {
            let seat = &self.seats[*index];
            seat.account.kind == kind
                && ask.kinds.has(kind)
                && !ask.tried.contains(&seat.account.id)
                && seat.standing(ask, now) == Standing::Ready
        };
        let ready: Vec<usize> = (0..self.seats.len()).filter(ready).collect();
        let candidates: Vec<Candidate<'_>> =
            ready.iter().map(|index| self.seats[*index].candidate()).collect();
        let stays = ask.conversation.and_then(|conversation| self.affinity.of(conversation, now.uptime));
        let (chosen, why) = pick::choose(&candidates, self.strategy, stays)?;
        Some((ready[chosen], why + &self.left_out(ask, now)))
    }

    /// The seats that could serve the request if nothing stood in their way.
    fn possible<'a>(&'a self, ask: &Ask<'_>) -> impl Iterator<Item = &'a Seat> + use<'a> {
        let (kinds, order) = (ask.kinds, order(self.prefer));
        self.seats
            .iter()
            .filter(move |seat| kinds.has(seat.account.kind) && order.contains(&seat.account.kind))
    }

    /// How many were passed over and why, for the explanation of a pick. It names no other account, so that deleting
    /// one from the log leaves nothing of it.
    fn left_out(&self, ask: &Ask<'_>, now: Now) -> String {
        let (mut limited, mut lost, mut disabled) = (0, 0, 0);
        for seat in self.possible(ask) {
            match seat.standing(ask, now) {
                Standing::Ready => {}
                Standing::Limited { .. } => limited += 1,
                Standing::NeedsLogin => lost += 1,
                Standing::Disabled => disabled += 1,
            }
        }
        let groups = [(limited, "limited"), (lost, "in need of a login"), (disabled, "disabled")];
        groups.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("; {n} {what}")).collect()
    }

    fn nobody(&self, ask: &Ask<'_>, now: Now) -> NoAccount {
        let standings: Vec<(bool, Standing)> = self
            .possible(ask)
            .map(|seat| (!ask.tried.contains(&seat.account.id), seat.standing(ask, now)))
            .collect();
        let limited = standings.iter().filter_map(|(_, standing)| match standing {
            Standing::Limited { until, reason } => Some((*until, *reason)),
            Standing::Ready | Standing::NeedsLogin | Standing::Disabled => None,
        });
        if standings.iter().any(|(fresh, standing)| !fresh && *standing == Standing::Ready) {
            return NoAccount::AllTried;
        }
        if self.absent.iter().any(|absent| absent.why == Absence::Reading) {
            return NoAccount::Starting;
        }
        if let Some((until, reason)) = limited.min_by_key(|(until, _)| *until) {
            return NoAccount::Limited { wait: until.saturating_sub(now.uptime), reason };
        }
        self.nobody_at_all(ask, &standings)
    }

    fn nobody_at_all(&self, ask: &Ask<'_>, standings: &[(bool, Standing)]) -> NoAccount {
        let unreadable = self.absent.iter().find_map(|absent| match &absent.why {
            Absence::Unreadable(error) => Some(error.clone()),
            Absence::Reading | Absence::Lost => None,
        });
        if let Some(error) = unreadable {
            return NoAccount::Unreadable(error);
        }
        let lost = self.absent.iter().any(|absent| absent.why == Absence::Lost);
        if lost || standings.iter().any(|(_, standing)| *standing == Standing::NeedsLogin) {
            return NoAccount::LoginRequired;
        }
        if !standings.is_empty() || self.seats.is_empty() {
            return NoAccount::None;
        }
        let wanted = order(self.prefer).iter().copied().find(|kind| ask.kinds.has(*kind));
        NoAccount::Missing(wanted.unwrap_or(if ask.kinds.api { Kind::Api } else { Kind::Web }))
    }

    fn tell_breaker(&mut self, kind: Kind, report: Report<'_>, now: Now) {
        let breaker = self.breakers.of(kind);
        let failure = match report {
            Report::Answered { .. } => return breaker.report(true, now.uptime),
            Report::Completed => return breaker.completed(),
            Report::Failed(failure) => failure,
        };
        match failure.kind {
            FailureKind::Challenge => breaker.challenged(now.uptime),
            FailureKind::Server
            | FailureKind::BadResponse
            | FailureKind::Empty
            | FailureKind::Unreachable
            | FailureKind::Tls
            | FailureKind::Timeout => breaker.report(false, now.uptime),
            FailureKind::Interrupted => breaker.broke_off(now.uptime),
            FailureKind::Limited
            | FailureKind::Throttled
            | FailureKind::LoginRequired
            | FailureKind::NoSuchModel
            | FailureKind::ContextLength
            | FailureKind::Rejected => breaker.report(true, now.uptime),
            // Often a link elsewhere: says nothing about Mammouth.
            FailureKind::Image => {}
        }
    }
}

/// A breaker for each host: one may be down while the other is not.
#[derive(Debug, Default)]
struct Breakers {
    web: Breaker,
    api: Breaker,
}

impl Breakers {
    fn of(&mut self, kind: Kind) -> &mut Breaker {
        match kind {
            Kind::Web => &mut self.web,
            Kind::Api => &mut self.api,
        }
    }

    fn peek(&self, kind: Kind) -> &Breaker {
        match kind {
            Kind::Web => &self.web,
            Kind::Api => &self.api,
        }
    }
}

/// The kinds in the order in which they are asked.
fn order(prefer: Prefer) -> &'static [Kind] {
    match prefer {
        Prefer::Api => &[Kind::Api, Kind::Web],
        Prefer::Web => &[Kind::Web, Kind::Api],
        Prefer::OnlyApi => &[Kind::Api],
        Prefer::OnlyWeb => &[Kind::Web],
    }
}

impl Seat {
    fn standing(&self, ask: &Ask<'_>, now: Now) -> Standing {
        self.state.standing(self.scope(ask), now)
    }

    /// What a limit of this account applies to.
    fn scope<'a>(&self, ask: &Ask<'a>) -> &'a str {
        match self.account.kind {
            Kind::Web => ask.scope,
            Kind::Api => BUDGET,
        }
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: &self.account.id,
            running: self.state.running,
            used: self.state.quota.as_ref().and_then(|quota| quota.percent).unwrap_or(0.0),
            last_used: self.state.last_used,
            window_began: self.state.window_began,
        }
    }
}

#[cfg(test)]
mod tests;
