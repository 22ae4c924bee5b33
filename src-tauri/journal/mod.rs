//! The request log: one [`Record`] for every request, closed on every path, in one SQLite file that is searched, kept
//! small, and deleted for good when asked. It holds metadata only, unless the user has prompts and replies kept.
//!
//! Writing never delays an answer: a closed record goes into a bounded queue, and one thread writes. A file that is
//! locked, full, read-only or damaged costs records (counted), never a request. What is worth recording is the
//! proxy's business, and how it is shown to people is the CLI's and the UI's, save for the one-line form of
//! [`line()`].
//!
//! The accounts room keeps its own tables in the same file through its own connection; open the journal first, for it
//! creates the file, sets its mode, and sets a damaged one aside.
mod bodies;
mod entry;
mod error;
mod export;
mod facets;
mod file;
mod numbers;
mod record;
mod schema;
mod search;
mod shared;
mod show;
mod store;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod usage;
mod why;
mod writer;

pub use entry::{Entry, Outcome, Start};
pub use error::JournalError;
pub use export::ExportFormat;
pub(crate) use file::settled;
pub use numbers::{ClientUse, Minute, Sums};
pub use record::{Attempt, Bodies, Fault, Query, Record};
pub use shared::Counters;
pub use show::line;
pub use store::{Reader, read_only};
pub use time::utc;
pub use why::{Picked, PickedBy, Why};

use shared::Shared;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use tokio::sync::broadcast;
use writer::{Command, Message, Writer};

/// How long a reader waits for records that are on their way.
const SETTLE: Duration = Duration::from_secs(1);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Older records are deleted.
    pub max_age: Duration,
    /// Size of the file in bytes; the oldest records are deleted beyond nine tenths of it.
    pub max_bytes: u64,
    /// Most records in the queue, and most that wait in memory while the file cannot be written.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(30 * 24 * 3_600), max_bytes: 100_000_000, queue: 4_096 }
    }
}

/// A journal, and what the user should be told about its file.
#[derive(Debug)]
pub struct Opened {
    /// Works in any case.
    pub journal: Journal,
    /// For example that a damaged file was set aside, or that nothing can be written.
    pub notice: Option<String>,
}

/// The request log. A cheap handle; the writer ends when the last one is gone, or at [`Journal::close`].
#[derive(Debug, Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    outbox: Sender<Message>,
    shared: Arc<Shared>,
    /// To wake the writer while it lets records gather.
    writer: OnceLock<Thread>,
}

impl Journal {
    /// Opens the log in the file at `path`, whose folder must exist. Never fails: a damaged file is set aside, and while
    /// the file cannot be used, the last `limits.queue` records are kept in memory and opening is tried again.
    /// Blocking.
    pub fn open(path: &Path, limits: Limits) -> Opened {
        let journal = Self::start(Some(path.to_owned()), limits);
        let notice = journal.notice();
        Opened { journal, notice }
    }

    /// A log without a file that keeps the last 1,000 records.
    pub fn in_memory() -> Self {
        Self::start(None, Limits { queue: 1_000, ..Limits::default() })
    }

    /// Opens the record of a request that has just come in.
    pub fn begin(&self, start: Start) -> Entry {
        Entry::new(self.clone(), start)
    }

    /// The records wanted, newest first, including those on their way to the file. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read, nothing that fits is in memory, and it was not known before ([`Journal::notice`]).
    pub fn latest(&self, query: &Query) -> Result<Vec<Record>, JournalError> {
        // A disk that keeps the writer busy must not keep the reader: then the newest are missing for once.
        let _ = self.ask(Command::Settle).recv_timeout(SETTLE);
        // Memory first: a record that moves to the file in between is then found twice, not never.
        let waiting = self.inner.shared.select(query);
        let Some(path) = self.inner.shared.path() else { return Ok(waiting) };
        match store::read_only(path).and_then(|reader| reader.latest(query)) {
            Ok(saved) => Ok(merge(waiting, saved, query.effective_limit())),
            Err(error) => {
                self.suspect(&error);
                if waiting.is_empty() && !self.inner.shared.in_trouble() { Err(error) } else { Ok(waiting) }
            }
        }
    }

    /// The live feed: each record once it has its id, which may be before it is in the file. A subscriber more than
    /// 256 records behind misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Record>> {
        self.inner.shared.subscribe()
    }

    /// Numbers since the start.
    pub fn counters(&self) -> Counters {
        self.inner.shared.counters()
    }

    /// What the user should know about the file now: that it cannot be written, or that one was set aside.
    pub fn notice(&self) -> Option<String> {
        self.inner.shared.notice()
    }

    /// How many records fit, whatever the query's limit. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, query: &Query) -> Result<u64, JournalError> {
        let _ = self.ask(Command::Settle).recv_timeout(SETTLE);
        let Some(path) = self.inner.shared.path() else {
            return Ok(self.inner.shared.count_waiting(query, 0));
        };
        let read = |path| {
            let reader = store::read_only(path)?;
            Ok((reader.newest_id()?, reader.count(query)?))
        };
        let (newest, saved) = read(path).inspect_err(|error| self.suspect(error))?;
        Ok(saved + self.inner.shared.count_waiting(query, newest))
    }

    /// One record; `None` where there is none of this id. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, id: u64) -> Result<Option<Record>, JournalError> {
        let waiting = self.inner.shared.get(id);
        match (waiting, self.inner.shared.path()) {
            (Some(waiting), _) => Ok(Some(Record::clone(&waiting.record))),
            (None, None) => Ok(None),
            (None, Some(path)) => store::read_only(path)?.get(id),
        }
    }

    /// Prompt and reply of a request; `None` where they were not kept. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bodies(&self, id: u64) -> Result<Option<Bodies>, JournalError> {
        let waiting = self.inner.shared.get(id).and_then(|waiting| waiting.bodies);
        match (waiting, self.inner.shared.path()) {
            (Some(bodies), _) => Ok(Some(Bodies::clone(&bodies))),
            (None, None) => Ok(None),
            (None, Some(path)) => store::read_only(path)?.bodies(id),
        }
    }

    /// Whether prompts and replies are kept.
    pub fn keeps_bodies(&self) -> bool {
        self.inner.shared.keeps_bodies()
    }

    /// Keeps prompts and replies from the next request on, or deletes all that were kept. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; none is kept any more nevertheless.
    pub fn keep_bodies(&self, keep: bool) -> Result<(), JournalError> {
        self.inner.shared.keep_bodies(keep);
        if keep { Ok(()) } else { self.ask(Command::EraseBodies).recv().map_err(|_| JournalError::Closed)? }
    }

    /// How much is kept from now on. What is too much goes at once.
    pub fn set_limits(&self, limits: Limits) {
        self.order(Command::Keep(limits));
    }

    /// Gives an account another name in every record. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn rename_account(&self, from: &str, to: &str) -> Result<(), JournalError> {
        let (from, to) = (text::clean(from, text::NAME), text::clean(to, text::NAME));
        self.ask(|reply| Command::Rename { from, to, reply }).recv().map_err(|_| JournalError::Closed)?
    }

    /// The last 60 minutes, the oldest first.
    pub fn minutes(&self) -> Vec<Minute> {
        self.inner.shared.minutes()
    }

    /// What was used since midnight UTC.
    pub fn today(&self) -> Sums {
        self.inner.shared.today()
    }

    /// What a client key did.
    pub fn client(&self, name: &str) -> ClientUse {
        self.inner.shared.client(name)
    }

    /// What each client key did.
    pub fn clients(&self) -> BTreeMap<String, ClientUse> {
        self.inner.shared.clients()
    }

    /// The last request of this run that failed.
    pub fn last_failure(&self) -> Option<Arc<Record>> {
        self.inner.shared.last_failure()
    }

    /// Deletes every record, from damaged files that were set aside too, and tells how many. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; what was in memory is gone nevertheless.
    pub fn clear(&self) -> Result<u64, JournalError> {
        self.erase(None)
    }

    /// Deletes every record in which the account was asked, and every damaged file that was set aside, and tells how
    /// many records. A request that is still running is recorded when it ends. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; what was in memory is gone nevertheless.
    pub fn delete_account(&self, label: &str) -> Result<u64, JournalError> {
        self.erase(Some(text::clean(label, text::NAME)))
    }

    /// Waits until everything closed before is written, or was tried. Blocking.
    pub fn flush(&self) {
        // An error means that the journal is closed, which wrote all there was.
        let _ = self.ask(Command::Flush).recv();
    }

    /// Writes what is queued and closes the file, waiting at most `deadline`. Records closed later are lost and counted.
    /// Blocking.
    pub fn close(&self, deadline: Duration) {
        // Too late or closed before: there is nothing more to do about either.
        let _ = self.ask(Command::Close).recv_timeout(deadline);
    }

    fn start(path: Option<PathBuf>, limits: Limits) -> Self {
        let (journal, inbox) = Self::idle(path, limits);
        let writer = Writer::new(Arc::clone(&journal.inner.shared), limits);
        let thread = std::thread::Builder::new().name("journal".into());
        match thread.spawn(move || writer.run(&inbox)) {
            Ok(running) => drop(journal.inner.writer.set(running.thread().clone())),
            Err(error) => {
                journal.inner.shared.trouble(&format!("the request log cannot be written: {error}"))
            }
        }
        journal
    }

    /// A journal whose queue nobody empties yet.
    fn idle(path: Option<PathBuf>, limits: Limits) -> (Self, Receiver<Message>) {
        let (outbox, inbox) = mpsc::channel();
        let shared = Arc::new(Shared::new(path, limits.queue));
        (Self { inner: Arc::new(Inner { outbox, shared, writer: OnceLock::new() }) }, inbox)
    }

    fn enqueue(&self, record: Box<Record>, bodies: Option<Box<Bodies>>) {
        let shared = &self.inner.shared;
        shared.count(&record);
        if shared.enter() && self.inner.outbox.send(Message::Record(record, bodies)).is_err() {
            shared.leave();
            shared.lost(1);
        }
    }

    fn erase(&self, account: Option<String>) -> Result<u64, JournalError> {
        self.ask(|reply| Command::Erase(account, reply)).recv().map_err(|_| JournalError::Closed)?
    }

    fn ask<T>(&self, command: impl FnOnce(Sender<T>) -> Command) -> Receiver<T> {
        let (reply, answer) = mpsc::channel();
        // When the writer is gone the reply is dropped here, and the answer says so.
        self.order(command(reply));
        answer
    }

    fn suspect(&self, error: &JournalError) {
        if matches!(error, JournalError::Damaged | JournalError::Missing) {
            self.order(Command::Check);
        }
    }

    fn order(&self, command: Command) {
        let _ = self.inner.outbox.send(Message::Do(command));
        if let Some(writer) = self.inner.writer.get() {
            writer.unpark();
        }
    }
}

fn merge(mut waiting: Vec<Record>, saved: Vec<Record>, limit: usize) -> Vec<Record> {
    let known: HashSet<u64> = waiting.iter().map(|record| record.id).collect();
    waiting.extend(saved.into_iter().filter(|record| !known.contains(&record.id)));
    waiting.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
    waiting.truncate(limit);
    waiting
}
