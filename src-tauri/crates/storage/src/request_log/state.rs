//! State shared by the handles and the writer: counters, the live feed, and the records that are not in the
//! file yet. A request uses only two atomic numbers and, at its end, the aggregates; the other locks belong
//! to the writer and the readers.
use super::aggregates::{Aggregates, ClientUsage, Minute, RestoredAggregates, Totals};
use super::record::{Bodies, Query, RequestRecord};
use super::sanitize::{MAX_NAME_CHARS, sanitize_text};
use super::time::Timestamps;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use tokio::sync::broadcast;

use parking_lot::Mutex;

/// Number of records that a slow subscriber of the live feed may lag behind before it misses some.
const FEED_CAPACITY: usize = 256;
/// Maximum number of waiting records with bodies, because a slow disk must not cost much memory.
const MAX_UNSAVED_BODIES: usize = 256;

/// Counters since the start of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct LogCounters {
    /// Number of saved records.
    pub recorded: u64,
    /// Number of lost records: the queue was full, or too many waited for a file that could not be written.
    pub dropped: u64,
    /// Number of failed writes to the file.
    pub write_errors: u64,
    /// Number of damaged files set aside. Other connections to the file must be reopened when it grows.
    pub set_aside: u64,
}

#[derive(Debug)]
pub(super) struct LogState {
    /// Path of the file; `None` for a log in memory only.
    path: Option<PathBuf>,
    /// Maximum number of records in the queue, and of records that wait for the file.
    limit: usize,
    unsaved: Mutex<VecDeque<UnsavedRecord>>,
    keeps_bodies: AtomicBool,
    notices: Mutex<FileNotices>,
    aggregates: Mutex<Aggregates>,
    feed: broadcast::Sender<Arc<RequestRecord>>,
    queued: AtomicUsize,
    overflowing: AtomicBool,
    recorded: AtomicU64,
    dropped: AtomicU64,
    write_errors: AtomicU64,
    set_aside: AtomicU64,
}

/// A record that is not in the file yet, with its bodies.
#[derive(Debug, Clone)]
pub(super) struct UnsavedRecord {
    pub(super) record: Arc<RequestRecord>,
    pub(super) bodies: Option<Arc<Bodies>>,
}

#[derive(Debug, Default)]
struct FileNotices {
    write_error: Option<String>,
    set_aside: Option<String>,
}

impl LogState {
    pub(super) fn new(path: Option<PathBuf>, limit: usize) -> Self {
        Self {
            path,
            limit: limit.max(1),
            unsaved: Mutex::default(),
            keeps_bodies: AtomicBool::new(false),
            notices: Mutex::default(),
            aggregates: Mutex::default(),
            feed: broadcast::Sender::new(FEED_CAPACITY),
            queued: AtomicUsize::new(0),
            overflowing: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            write_errors: AtomicU64::new(0),
            set_aside: AtomicU64::new(0),
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn counters(&self) -> LogCounters {
        LogCounters {
            recorded: self.recorded.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            write_errors: self.write_errors.load(Ordering::Relaxed),
            set_aside: self.set_aside.load(Ordering::Relaxed),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<RequestRecord>> {
        self.feed.subscribe()
    }

    /// Reserves a place in the queue, or counts a lost record. Only the first of consecutive losses is
    /// logged.
    pub(super) fn try_reserve(&self) -> bool {
        if self.queued.fetch_add(1, Ordering::Relaxed) < self.limit {
            return true;
        }
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.count_dropped(1);
        if !self.overflowing.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the request log cannot keep up: records are left out until its queue is empty again"
            );
        }
        false
    }

    /// Releases a place in the queue. Only an empty queue enables the next warning about losses; a full queue
    /// would otherwise cause one for every second record.
    pub(super) fn release(&self) {
        if self.queued.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.overflowing.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn count_dropped(&self, n: u64) {
        self.dropped.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn count_write_error(&self) {
        self.write_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a record visible to readers and to the feed. If too many are waiting, the oldest is dropped.
    pub(super) fn publish(&self, record: Arc<RequestRecord>, bodies: Option<Box<Bodies>>) {
        self.aggregates.lock().record_failure(&record);
        let mut queue = self.unsaved.lock();
        let bodies =
            bodies.filter(|_| self.keeps_bodies() && queue.len() < MAX_UNSAVED_BODIES).map(Arc::from);
        queue.push_back(UnsavedRecord { record: Arc::clone(&record), bodies });
        if queue.len() > self.limit {
            queue.pop_front();
            if self.path.is_some() {
                self.count_dropped(1);
            }
        }
        drop(queue);
        if self.path.is_none() {
            self.recorded.fetch_add(1, Ordering::Relaxed);
        }
        // An error means that there is no subscriber.
        let _ = self.feed.send(record);
    }

    /// Returns the oldest records that are not in the file, at most `n`.
    pub(super) fn unsaved(&self, n: usize) -> Vec<UnsavedRecord> {
        self.unsaved.lock().iter().take(n).cloned().collect()
    }

    pub(super) fn mark_saved(&self, n: usize) {
        let mut queue = self.unsaved.lock();
        let drained = n.min(queue.len());
        queue.drain(..drained);
        drop(queue);
        self.recorded.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// Returns the matching records in memory, newest first.
    pub(super) fn select(&self, query: &Query) -> Vec<RequestRecord> {
        let queue = self.unsaved.lock();
        let records = queue.iter().rev().map(|unsaved| &unsaved.record);
        let found = records.filter(|record| query.matches(record));
        found.take(query.effective_limit()).map(|record| RequestRecord::clone(record)).collect()
    }

    /// Removes the records that name the account, or all, from memory. Returns their number.
    pub(super) fn erase(&self, account: Option<&str>) -> u64 {
        let matches_account =
            |record: &RequestRecord| account.is_none_or(|label| record.names_account(label));
        self.aggregates.lock().forget_failure_if(matches_account);
        let mut queue = self.unsaved.lock();
        let before = queue.len();
        queue.retain(|unsaved| !matches_account(&unsaved.record));
        (before - queue.len()) as u64
    }

    pub(super) fn keeps_bodies(&self) -> bool {
        self.keeps_bodies.load(Ordering::Relaxed)
    }

    /// Sets whether bodies are stored. Disabling removes those in memory.
    pub(super) fn set_keep_bodies(&self, keep: bool) {
        self.keeps_bodies.store(keep, Ordering::Relaxed);
        if !keep {
            self.unsaved.lock().iter_mut().for_each(|unsaved| unsaved.bodies = None);
        }
    }

    /// Returns the number of matching records in memory above this id.
    pub(super) fn count_unsaved(&self, query: &Query, min_id: u64) -> u64 {
        let queue = self.unsaved.lock();
        let matching =
            queue.iter().filter(|unsaved| unsaved.record.id > min_id && query.matches(&unsaved.record));
        matching.count() as u64
    }

    pub(super) fn get(&self, id: u64) -> Option<UnsavedRecord> {
        self.unsaved.lock().iter().find(|unsaved| unsaved.record.id == id).cloned()
    }

    /// Renames an account in the records in memory.
    pub(super) fn rename_account(&self, from: &str, to: &str) {
        for unsaved in self.unsaved.lock().iter_mut().filter(|unsaved| unsaved.record.names_account(from)) {
            unsaved.record = Arc::new(unsaved.record.with_account_renamed(from, to));
        }
    }

    /// Counts a request that has just ended.
    pub(super) fn count_request(&self, record: &RequestRecord) {
        self.aggregates.lock().record(record, Timestamps::now().unix_ms());
    }

    pub(super) fn restore(&self, restored: RestoredAggregates) {
        self.aggregates.lock().restore(restored, Timestamps::now());
    }

    pub(super) fn last_failure(&self) -> Option<Arc<RequestRecord>> {
        self.aggregates.lock().last_failure()
    }

    pub(super) fn last_hour(&self) -> Vec<Minute> {
        self.aggregates.lock().last_hour(Timestamps::now().unix_ms())
    }

    pub(super) fn usage_today(&self) -> Totals {
        self.aggregates.lock().usage_today(Timestamps::now().unix_ms())
    }

    pub(super) fn client_usage(&self, name: &str) -> ClientUsage {
        self.aggregates.lock().client_usage(name, Timestamps::now().unix_ms())
    }

    pub(super) fn usage_by_client(&self) -> BTreeMap<String, ClientUsage> {
        self.aggregates.lock().usage_by_client(Timestamps::now().unix_ms())
    }

    pub(super) fn notice(&self) -> Option<String> {
        let notices = self.notices.lock();
        notices.write_error.clone().or_else(|| notices.set_aside.clone())
    }

    pub(super) fn has_write_error(&self) -> bool {
        self.notices.lock().write_error.is_some()
    }

    /// Stores a write error. Only the first of consecutive errors is logged.
    pub(super) fn report_write_error(&self, error: &str) {
        let limit = self.limit;
        let text = sanitize_text(error, MAX_NAME_CHARS);
        let text = format!("{text}; requests go on, and the last {limit} records wait in memory");
        let previous = self.notices.lock().write_error.replace(text.clone());
        if previous.is_none() {
            tracing::warn!("{text}");
        }
    }

    pub(super) fn clear_write_error(&self) {
        if self.notices.lock().write_error.take().is_some() {
            tracing::info!("the request log is written again");
        }
    }

    pub(super) fn report_set_aside(&self, aside: &Path) {
        let name = aside.file_name().unwrap_or_default().to_string_lossy();
        let text =
            format!("the request log was damaged and has been set aside as {name}; a new one was begun");
        tracing::warn!("{text}");
        self.notices.lock().set_aside = Some(text);
        self.set_aside.fetch_add(1, Ordering::Relaxed);
    }
}
