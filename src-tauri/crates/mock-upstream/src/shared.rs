//! State shared by all connections of a mock.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::accounts::{MockAccount, MockUpstreamOptions, QuotaCounter, QuotaUsage, UsageFormat};
use super::call_log::{CallLog, RecordedCall};
use super::fault::Fault;
use super::fault_rules::{self, FaultRule};
use super::uploads::Uploads;

/// Maximum number of released chunks, below the semaphore's limit.
const MAX_RELEASED_CHUNKS: usize = 1_000_000;

pub(super) struct SharedState {
    pub(super) accounts: Vec<MockAccount>,
    pub(super) word_delay: Duration,
    pub(super) usage_form: UsageFormat,
    pub(super) call_log: CallLog,
    pub(super) stop: CancellationToken,
    chunk_permits: Semaphore,
    rules: Mutex<Vec<FaultRule>>,
    quotas: Mutex<Vec<QuotaCounter>>,
    uploads: Mutex<Uploads>,
}

impl SharedState {
    pub(super) fn new(options: MockUpstreamOptions) -> Self {
        Self {
            quotas: Mutex::new(options.accounts.iter().map(|_| QuotaCounter::default()).collect()),
            accounts: options.accounts,
            word_delay: options.word_delay,
            usage_form: options.usage_format,
            call_log: CallLog::new(),
            stop: CancellationToken::new(),
            chunk_permits: Semaphore::new(0),
            rules: Mutex::default(),
            uploads: Mutex::default(),
        }
    }

    /// Index of the account with this session cookie.
    pub(super) fn account_with_cookie(&self, cookie: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.key.is_none() && account.cookie == cookie)
    }

    /// The web account of this label.
    pub(super) fn web_account(&self, label: &str) -> Option<&MockAccount> {
        self.accounts.iter().find(|account| account.key.is_none() && account.label() == label)
    }

    /// Index of the account with this key.
    pub(super) fn account_with_key(&self, key: &str) -> Option<usize> {
        self.accounts.iter().position(|account| account.key.as_deref() == Some(key))
    }

    pub(super) fn set_rules(&self, rules: Vec<FaultRule>) {
        *self.rules.lock() = rules;
        self.chunk_permits.forget_permits(self.chunk_permits.available_permits());
    }

    pub(super) fn take_fault(&self, path: &str, account: Option<&str>, model: Option<&str>) -> Option<Fault> {
        fault_rules::take_fault(&mut self.rules.lock(), path, account, model)
    }

    /// Counts a call. `false` if the account's quota for the model is used up.
    pub(super) fn charge(&self, account: usize, model: &str) -> bool {
        let mut ledgers = self.quotas.lock();
        ledgers[account].charge(&self.accounts[account], model, Instant::now())
    }

    pub(super) fn usage(&self, account: usize) -> QuotaUsage {
        self.quotas.lock()[account].usage(&self.accounts[account], Instant::now())
    }

    /// Stores an upload and returns its URL, which only this account may use.
    pub(super) fn save_upload(&self, account: usize, sha256: &str) -> String {
        self.uploads.lock().save(account, sha256)
    }

    pub(super) fn owns_upload(&self, account: usize, url: &str) -> bool {
        self.uploads.lock().owner(url) == Some(account)
    }

    pub(super) fn release(&self, chunks: usize) {
        self.chunk_permits.add_permits(chunks.min(MAX_RELEASED_CHUNKS));
    }

    /// Waits until a held chunk is released.
    pub(super) async fn wait_for_release(&self) {
        let _held = self.call_log.hold();
        // The semaphore is never closed, so there is no error to see.
        if let Ok(permit) = self.chunk_permits.acquire().await {
            permit.forget();
        }
    }
}

/// Guard of a running call. If it is dropped before completion, the call is recorded as disconnected.
pub(super) struct CallGuard {
    shared: Arc<SharedState>,
    id: u64,
    unrecorded: Option<RecordedCall>,
    ended: bool,
}

impl CallGuard {
    pub(super) fn begin(shared: &Arc<SharedState>, call: RecordedCall) -> Self {
        let id = shared.call_log.begin();
        Self { shared: Arc::clone(shared), id, unrecorded: Some(RecordedCall { id, ..call }), ended: false }
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Records the call after its request was read.
    pub(super) fn record_request(&mut self, fill: impl FnOnce(&mut RecordedCall)) {
        if let Some(mut call) = self.unrecorded.take() {
            fill(&mut call);
            self.shared.call_log.push(call);
        }
    }

    pub(super) fn record_status(&self, status: u16) {
        self.shared.call_log.update(self.id, |call| call.status = Some(status));
    }

    pub(super) fn record_sent(&self, bytes: u64) {
        self.shared.call_log.update(self.id, |call| {
            call.sent_chunks += 1;
            call.sent_bytes += bytes;
        });
    }

    /// Marks the call as complete, faults included.
    pub(super) fn complete(&mut self) {
        self.end(false);
    }

    fn end(&mut self, peer_closed_early: bool) {
        if !std::mem::replace(&mut self.ended, true) {
            self.shared.call_log.end(self.id, self.unrecorded.take(), peer_closed_early);
        }
    }
}

impl Drop for CallGuard {
    fn drop(&mut self) {
        self.end(!self.shared.stop.is_cancelled());
    }
}
