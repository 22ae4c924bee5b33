//! What the handles and the writer both see: counters, the live feed, and the records that are not in the file yet.
//! A request touches nothing here but two atomic numbers and, when it ends, the sums; the other locks are the writer's
//! and the readers'.
use super::numbers::{ClientUse, Minute, Numbers, Remembered, Sums};
use super::record::{Bodies, Query, Record};
use super::text::{NAME, clean};
use super::time::Moment;
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Records a slow subscriber of the live feed may lag behind before it misses some.
const FEED: usize = 256;
/// Bodies wait in memory only while this few records do: a disk that does not keep up must not cost much memory.
const MOST_BODIES: usize = 256;

/// Numbers since the start of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// Records saved.
    pub recorded: u64,
    /// Records lost: the queue was full, or too many waited for a file that could not be written.
    pub dropped: u64,
    /// Times the file could not be written.
    pub write_errors: u64,
    /// Times a damaged file was set aside. Whoever else has the file open must open it anew when this grows.
    pub set_aside: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    /// None for a journal that lives in memory alone.
    path: Option<PathBuf>,
    /// Most records in the queue, and most that wait for the file.
    limit: usize,
    waiting: Mutex<VecDeque<Waiting>>,
    keeps_bodies: AtomicBool,
    notices: Mutex<Notices>,
    numbers: Mutex<Numbers>,
    feed: broadcast::Sender<Arc<Record>>,
    queued: AtomicUsize,
    full: AtomicBool,
    recorded: AtomicU64,
    dropped: AtomicU64,
    write_errors: AtomicU64,
    set_aside: AtomicU64,
}

/// A record that is not in the file yet, with what is kept beside it.
#[derive(Debug, Clone)]
pub(super) struct Waiting {
    pub(super) record: Arc<Record>,
    pub(super) bodies: Option<Arc<Bodies>>,
}

#[derive(Debug, Default)]
struct Notices {
    trouble: Option<String>,
    aside: Option<String>,
}

impl Shared {
    pub(super) fn new(path: Option<PathBuf>, limit: usize) -> Self {
        Self {
            path,
            limit: limit.max(1),
            waiting: Mutex::default(),
            keeps_bodies: AtomicBool::new(false),
            notices: Mutex::default(),
            numbers: Mutex::default(),
            feed: broadcast::Sender::new(FEED),
            queued: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            write_errors: AtomicU64::new(0),
            set_aside: AtomicU64::new(0),
        }
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            recorded: self.recorded.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            write_errors: self.write_errors.load(Ordering::Relaxed),
            set_aside: self.set_aside.load(Ordering::Relaxed),
        }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Record>> {
        self.feed.subscribe()
    }

    /// Takes a place in the queue, or counts a lost record; the first loss of a row of them is told.
    pub(super) fn enter(&self) -> bool {
        if self.queued.fetch_add(1, Ordering::Relaxed) < self.limit {
            return true;
        }
        self.queued.fetch_sub(1, Ordering::Relaxed);
        self.lost(1);
        if !self.full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "the request log cannot keep up: records are left out until its queue is empty again"
            );
        }
        false
    }

    /// Gives the place back. Only an empty queue ends the silence about losses, or a queue at its brim would warn on
    /// every second record.
    pub(super) fn leave(&self) {
        if self.queued.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.full.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn lost(&self, n: u64) {
        self.dropped.fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn write_failed(&self) {
        self.write_errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes a record visible to readers and to the feed; the oldest waiting one falls out when there are too many.
    pub(super) fn publish(&self, record: Arc<Record>, bodies: Option<Box<Bodies>>) {
        lock(&self.numbers).failure(&record);
        let mut waiting = lock(&self.waiting);
        let bodies = bodies.filter(|_| self.keeps_bodies() && waiting.len() < MOST_BODIES).map(Arc::from);
        waiting.push_back(Waiting { record: Arc::clone(&record), bodies });
        if waiting.len() > self.limit {
            waiting.pop_front();
            if self.path.is_some() {
                self.lost(1);
            }
        }
        drop(waiting);
        if self.path.is_none() {
            self.recorded.fetch_add(1, Ordering::Relaxed);
        }
        // An error means that nobody listens.
        let _ = self.feed.send(record);
    }

    /// The oldest records that are not in the file, at most `n`.
    pub(super) fn unsaved(&self, n: usize) -> Vec<Waiting> {
        lock(&self.waiting).iter().take(n).cloned().collect()
    }

    pub(super) fn saved(&self, n: usize) {
        let mut waiting = lock(&self.waiting);
        let gone = n.min(waiting.len());
        waiting.drain(..gone);
        drop(waiting);
        self.recorded.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// The records in memory that fit, newest first.
    pub(super) fn select(&self, query: &Query) -> Vec<Record> {
        let waiting = lock(&self.waiting);
        let records = waiting.iter().rev().map(|waiting| &waiting.record);
        let found = records.filter(|record| query.matches(record));
        found.take(query.effective_limit()).map(|record| Record::clone(record)).collect()
    }

    /// Removes from memory the records that name the account, or all. Tells how many.
    pub(super) fn erase(&self, account: Option<&str>) -> u64 {
        let named = |record: &Record| account.is_none_or(|label| record.names_account(label));
        lock(&self.numbers).forget_failure(named);
        let mut waiting = lock(&self.waiting);
        let before = waiting.len();
        waiting.retain(|waiting| !named(&waiting.record));
        (before - waiting.len()) as u64
    }

    pub(super) fn keeps_bodies(&self) -> bool {
        self.keeps_bodies.load(Ordering::Relaxed)
    }

    /// From now on bodies are kept or not; those in memory go with the wish.
    pub(super) fn keep_bodies(&self, keep: bool) {
        self.keeps_bodies.store(keep, Ordering::Relaxed);
        if !keep {
            lock(&self.waiting).iter_mut().for_each(|waiting| waiting.bodies = None);
        }
    }

    /// How many records above this id wait and fit.
    pub(super) fn count_waiting(&self, query: &Query, above: u64) -> u64 {
        let waiting = lock(&self.waiting);
        let fitting =
            waiting.iter().filter(|waiting| waiting.record.id > above && query.matches(&waiting.record));
        fitting.count() as u64
    }

    pub(super) fn get(&self, id: u64) -> Option<Waiting> {
        lock(&self.waiting).iter().find(|waiting| waiting.record.id == id).cloned()
    }

    /// Gives an account another name in the records that wait.
    pub(super) fn rename(&self, from: &str, to: &str) {
        for waiting in lock(&self.waiting).iter_mut().filter(|waiting| waiting.record.names_account(from)) {
            waiting.record = Arc::new(waiting.record.renamed(from, to));
        }
    }

    /// Counts a request that has just ended.
    pub(super) fn count(&self, record: &Record) {
        lock(&self.numbers).note(record, Moment::now().unix_ms());
    }

    pub(super) fn remember(&self, kept: Remembered) {
        lock(&self.numbers).remember(kept, Moment::now());
    }

    pub(super) fn last_failure(&self) -> Option<Arc<Record>> {
        lock(&self.numbers).last_failure()
    }

    pub(super) fn minutes(&self) -> Vec<Minute> {
        lock(&self.numbers).minutes(Moment::now().unix_ms())
    }

    pub(super) fn today(&self) -> Sums {
        lock(&self.numbers).today(Moment::now().unix_ms())
    }

    pub(super) fn client(&self, name: &str) -> ClientUse {
        lock(&self.numbers).client(name, Moment::now().unix_ms())
    }

    pub(super) fn clients(&self) -> BTreeMap<String, ClientUse> {
        lock(&self.numbers).clients(Moment::now().unix_ms())
    }

    pub(super) fn notice(&self) -> Option<String> {
        let notices = lock(&self.notices);
        notices.trouble.clone().or_else(|| notices.aside.clone())
    }

    pub(super) fn in_trouble(&self) -> bool {
        lock(&self.notices).trouble.is_some()
    }

    /// Remembers the trouble; tells it once, however often writing fails.
    pub(super) fn trouble(&self, error: &str) {
        let limit = self.limit;
        let text = clean(error, NAME);
        let text = format!("{text}; requests go on, and the last {limit} records wait in memory");
        let before = lock(&self.notices).trouble.replace(text.clone());
        if before.is_none() {
            tracing::warn!("{text}");
        }
    }

    pub(super) fn trouble_over(&self) {
        if lock(&self.notices).trouble.take().is_some() {
            tracing::info!("the request log is written again");
        }
    }

    pub(super) fn put_aside(&self, aside: &Path) {
        let name = aside.file_name().unwrap_or_default().to_string_lossy();
        let text =
            format!("the request log was damaged and has been set aside as {name}; a new one was begun");
        tracing::warn!("{text}");
        lock(&self.notices).aside = Some(text);
        self.set_aside.fetch_add(1, Ordering::Relaxed);
    }
}

/// Every change above is complete at each moment, so a panic elsewhere leaves nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
