//! What all connections of one simulator share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accounts::{Ledger, Options, SimAccount, Usage, UsageForm};
use super::fault::Fault;
use super::record::{Call, Record};
use super::rules::{self, FaultRule};
use super::uploads::Uploads;

/// More would be of no use, and the semaphore has a limit of its own.
const MAX_RELEASE: usize = 1_000_000;

pub(super) struct Shared {
    pub(super) accounts: Vec<SimAccount>,
    pub(super) word_delay: Duration,
    pub(super) usage_form: UsageForm,
    pub(super) record: Record,
    pub(super) stop: CancellationToken,
    gate: Semaphore,
    rules: Mutex<Vec<FaultRule>>,
    ledgers: Mutex<Vec<Ledger>>,
    uploads: Mutex<Uploads>,
}

impl Shared {
    pub(super) fn new(options: Options) -> Self {
        Self {
            ledgers: Mutex::new(options.accounts.iter().map(|_| Ledger::default()).collect()),
            accounts: options.accounts,
            word_delay: options.word_delay,
            usage_form: options.usage_form,
            record: Record::new(),
            stop: CancellationToken::new(),
            gate: Semaphore::new(0),
            rules: Mutex::default(),
            uploads: Mutex::default(),
        }
    }

    /// The place of the account with this session cookie.
    pub(super) fn account_of(&self, cookie: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.key.is_none() && account.cookie == cookie)
    }

    /// The web account of this label.
    pub(super) fn web_account(&self, label: &str) -> Option<&SimAccount> {
        self.accounts.iter().find(|account| account.key.is_none() && account.label() == label)
    }

    /// The place of the account with this key.
    pub(super) fn account_of_key(&self, key: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.key.as_deref() == Some(key))
    }

    pub(super) fn set_rules(&self, rules: Vec<FaultRule>) {
        *lock(&self.rules) = rules;
        self.gate.forget_permits(self.gate.available_permits());
    }

    pub(super) fn take_fault(&self, path: &str, account: Option<&str>, model: Option<&str>) -> Option<Fault> {
        rules::take(&mut lock(&self.rules), path, account, model)
    }

    /// `false` means that the account's quota for the model is used.
    pub(super) fn charge(&self, account: usize, model: &str) -> bool {
        let mut ledgers = lock(&self.ledgers);
        ledgers[account].charge(&self.accounts[account], model, Instant::now())
    }

    pub(super) fn usage(&self, account: usize) -> Usage {
        lock(&self.ledgers)[account].usage(&self.accounts[account], Instant::now())
    }

    /// The URL under which the account, and no other, may use the image.
    pub(super) fn save_upload(&self, account: usize, sha256: &str) -> String {
        lock(&self.uploads).save(account, sha256)
    }

    pub(super) fn owns_upload(&self, account: usize, url: &str) -> bool {
        lock(&self.uploads).owner(url) == Some(account)
    }

    pub(super) fn release(&self, chunks: usize) {
        self.gate.add_permits(chunks.min(MAX_RELEASE));
    }

    /// Holds a chunk until it is released.
    pub(super) async fn pass_gate(&self) {
        let _held = self.record.hold();
        // The semaphore is never closed, so there is no error to see.
        if let Ok(permit) = self.gate.acquire().await {
            permit.forget();
        }
    }
}

/// One recorded call while it runs. Dropped before it is complete, it notes that the client went away.
pub(super) struct Ticket {
    shared: Arc<Shared>,
    id: u64,
    unread: Option<Call>,
    done: bool,
}

impl Ticket {
    pub(super) fn begin(shared: &Arc<Shared>, call: Call) -> Self {
        let id = shared.record.begin();
        Self { shared: Arc::clone(shared), id, unread: Some(Call { id, ..call }), done: false }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Records the call: its request has been read.
    pub(super) fn read(&mut self, fill: impl FnOnce(&mut Call)) {
        if let Some(mut call) = self.unread.take() {
            fill(&mut call);
            self.shared.record.push(call);
        }
    }

    pub(super) fn answered(&self, status: u16) {
        self.shared.record.update(self.id, |call| call.status = Some(status));
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.shared.record.update(self.id, |call| {
            call.sent_chunks += 1;
            call.sent_bytes += bytes;
        });
    }

    /// The call ended as it was meant to, faults included.
    pub(super) fn complete(&mut self) {
        self.end(false);
    }

    fn end(&mut self, peer_closed_early: bool) {
        if !std::mem::replace(&mut self.done, true) {
            self.shared.record.end(self.id, self.unread.take(), peer_closed_early);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(!self.shared.stop.is_cancelled());
    }
}

/// A panic elsewhere leaves these tables usable, because each change to them is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
