//! The request log: a [`RequestRecord`] per request, closed exactly once on every path, in an SQLite file of bounded
//! size. It holds metadata only, unless the user enables storing prompts and replies.
//!
//! Writing does not delay replies: a closed record goes into a bounded queue, and one thread writes. If the file is
//! locked, full, read-only or damaged, records are lost (and counted), but no request fails. The proxy decides what is
//! recorded; command line and UI format it, except for the one-line form of [`format_line`].
//!
//! The account pool has its own tables in the same file and its own connection. The request log must be opened first: it
//! creates the file, sets its mode, and sets a damaged one aside.
mod aggregates;
mod bodies;
mod display;
mod error;
mod error_code;
mod export;
mod facets;
mod file;
mod open_record;
mod reader;
mod record;
mod sanitize;
mod schema;
mod search;
mod selection_reason;
mod state;
mod store;
mod stored_attempts;
#[cfg(test)]
mod tests;
mod time;
mod usage;
mod writer;

pub use aggregates::{ClientUsage, Minute, Totals};
pub use display::format_line;
pub use error::RequestLogError;
pub use error_code::{ErrorRules, ErrorSeverity, RequestErrorCode, RetryRule};
pub use export::ExportFormat;
pub use file::resolve_folder_links;
pub use open_record::{OpenRecord, RecordStart, RequestOrigin, RequestOutcome};
pub use reader::{LogReader, open_read_only};
pub use record::{Attempt, Bodies, ErrorSource, Query, RequestRecord};
pub use schema::check_version;
pub use selection_reason::{AccountSelection, SelectionReason, SelectionRule};
pub use state::LogCounters;
pub use time::format_utc;

use state::LogState;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;
use tokio::sync::broadcast;
use writer::{Writer, WriterCommand, WriterMessage};

/// Time limit for a reader that waits for queued records.
const QUERY_FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// Retention limits of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Age at which records are deleted.
    pub max_age: Duration,
    /// Size of the file in bytes; the oldest records are deleted beyond nine tenths of it.
    pub max_bytes: u64,
    /// Maximum number of records in the queue, and of records in memory while the file cannot be written.
    pub queue: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(30 * 24 * 3_600), max_bytes: 100_000_000, queue: 4_096 }
    }
}

/// An opened request log, with a message about its file.
#[derive(Debug)]
pub struct OpenedLog {
    /// The log, which works in any case.
    pub log: RequestLog,
    /// Message for the user, for example that a damaged file was set aside or that nothing can be written.
    pub notice: Option<String>,
}

/// The request log. A cheap handle; the writer ends when the last one is dropped, or at
/// [`RequestLog::close`].
#[derive(Debug, Clone)]
pub struct RequestLog {
    inner: Arc<LogInner>,
}

#[derive(Debug)]
struct LogInner {
    outbox: Sender<WriterMessage>,
    state: Arc<LogState>,
    /// Writer thread, to wake it while it gathers records.
    writer: OnceLock<Thread>,
}

impl RequestLog {
    /// Opens the log in the file at `path`, whose folder must exist. Never fails: a damaged file is set aside, and while
    /// the file cannot be used, the last `limits.queue` records are kept in memory and opening is tried again.
    /// Blocking.
    pub fn open(path: &Path, limits: LogLimits) -> OpenedLog {
        let log = Self::start(Some(path.to_owned()), limits);
        let notice = log.notice();
        OpenedLog { log, notice }
    }

    /// Creates a log without a file that keeps the last 1,000 records.
    pub fn in_memory() -> Self {
        Self::start(None, LogLimits { queue: 1_000, ..LogLimits::default() })
    }

    /// Opens the record of a request that has just arrived.
    pub fn begin(&self, start: RecordStart) -> OpenRecord {
        OpenRecord::new(self.clone(), start)
    }

    /// Returns the matching records, newest first, including those not yet in the file. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read, no matching record is in memory, and no write error was known before
    /// ([`RequestLog::notice`]).
    pub fn latest(&self, query: &Query) -> Result<Vec<RequestRecord>, RequestLogError> {
        // A slow disk that keeps the writer busy must not block the reader: the newest records are then
        // missing.
        let _ = self.send_request(WriterCommand::FlushWithoutRetry).recv_timeout(QUERY_FLUSH_TIMEOUT);
        // Memory comes first: a record that moves to the file in between is then found twice instead of
        // never.
        let unsaved = self.inner.state.select(query);
        let Some(path) = self.inner.state.path() else { return Ok(unsaved) };
        match open_read_only(path).and_then(|reader| reader.latest(query)) {
            Ok(saved) => Ok(merge_newest(unsaved, saved, query.effective_limit())),
            Err(error) => {
                self.check_after(&error);
                if unsaved.is_empty() && !self.inner.state.has_write_error() {
                    Err(error)
                } else {
                    Ok(unsaved)
                }
            }
        }
    }

    /// Subscribes to the live feed: each record once it has its id, which may be before it is in the file. A
    /// subscriber more than 256 records behind misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<RequestRecord>> {
        self.inner.state.subscribe()
    }

    /// Returns the counters since the start.
    pub fn counters(&self) -> LogCounters {
        self.inner.state.counters()
    }

    /// Returns the current message about the file: that it cannot be written, or that one was set aside.
    pub fn notice(&self) -> Option<String> {
        self.inner.state.notice()
    }

    /// Returns the number of matching records, regardless of the query's limit. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, query: &Query) -> Result<u64, RequestLogError> {
        let _ = self.send_request(WriterCommand::FlushWithoutRetry).recv_timeout(QUERY_FLUSH_TIMEOUT);
        let Some(path) = self.inner.state.path() else {
            return Ok(self.inner.state.count_unsaved(query, 0));
        };
        let read = |path| {
            let reader = open_read_only(path)?;
            Ok((reader.newest_id()?, reader.count(query)?))
        };
        let (newest, saved) = read(path).inspect_err(|error| self.check_after(error))?;
        Ok(saved + self.inner.state.count_unsaved(query, newest))
    }

    /// Returns one record; `None` if there is none of this id. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, id: u64) -> Result<Option<RequestRecord>, RequestLogError> {
        let unsaved = self.inner.state.get(id);
        match (unsaved, self.inner.state.path()) {
            (Some(unsaved), _) => Ok(Some(RequestRecord::clone(&unsaved.record))),
            (None, None) => Ok(None),
            (None, Some(path)) => open_read_only(path)?.get(id),
        }
    }

    /// Returns the prompt and the reply of a request; `None` if they were not stored. Blocking.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bodies(&self, id: u64) -> Result<Option<Bodies>, RequestLogError> {
        let unsaved = self.inner.state.get(id).and_then(|unsaved| unsaved.bodies);
        match (unsaved, self.inner.state.path()) {
            (Some(bodies), _) => Ok(Some(Bodies::clone(&bodies))),
            (None, None) => Ok(None),
            (None, Some(path)) => open_read_only(path)?.bodies(id),
        }
    }

    /// Whether prompts and replies are stored.
    pub fn keeps_bodies(&self) -> bool {
        self.inner.state.keeps_bodies()
    }

    /// Sets whether prompts and replies are stored from the next request on. Disabling deletes all stored
    /// ones. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; nothing more is stored nevertheless.
    pub fn set_keep_bodies(&self, keep: bool) -> Result<(), RequestLogError> {
        self.inner.state.set_keep_bodies(keep);
        if keep {
            Ok(())
        } else {
            self.send_request(WriterCommand::EraseBodies).recv().map_err(|_| RequestLogError::Closed)?
        }
    }

    /// Sets the retention limits. Records beyond them are deleted at once.
    pub fn set_limits(&self, limits: LogLimits) {
        self.send_command(WriterCommand::SetLimits(limits));
    }

    /// Renames an account in every record. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn rename_account(&self, from: &str, to: &str) -> Result<(), RequestLogError> {
        let (from, to) = (
            sanitize::sanitize_text(from, sanitize::MAX_NAME_CHARS),
            sanitize::sanitize_text(to, sanitize::MAX_NAME_CHARS),
        );
        self.send_request(|reply| WriterCommand::Rename { from, to, reply })
            .recv()
            .map_err(|_| RequestLogError::Closed)?
    }

    /// Returns the last 60 minutes, the oldest first.
    pub fn last_hour(&self) -> Vec<Minute> {
        self.inner.state.last_hour()
    }

    /// Returns the usage since midnight UTC.
    pub fn usage_today(&self) -> Totals {
        self.inner.state.usage_today()
    }

    /// Returns the usage of a client key.
    pub fn client_usage(&self, name: &str) -> ClientUsage {
        self.inner.state.client_usage(name)
    }

    /// Returns the usage of each client key.
    pub fn usage_by_client(&self) -> BTreeMap<String, ClientUsage> {
        self.inner.state.usage_by_client()
    }

    /// Returns the last request of this run that failed.
    pub fn last_failure(&self) -> Option<Arc<RequestRecord>> {
        self.inner.state.last_failure()
    }

    /// Deletes every record, and every damaged file that was set aside. Returns the number of records.
    /// Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; the records in memory are deleted nevertheless.
    pub fn clear(&self) -> Result<u64, RequestLogError> {
        self.erase(None)
    }

    /// Deletes every record in which the account was called, and every damaged file that was set aside.
    /// Returns the number of records. A request that is still running is recorded when it ends. Blocking.
    ///
    /// # Errors
    /// When the file cannot be written; the records in memory are deleted nevertheless.
    pub fn delete_account(&self, label: &str) -> Result<u64, RequestLogError> {
        self.erase(Some(sanitize::sanitize_text(label, sanitize::MAX_NAME_CHARS)))
    }

    /// Waits until writing everything closed before was attempted. Blocking.
    pub fn flush(&self) {
        // An error means that the log is closed, and closing writes everything.
        let _ = self.send_request(WriterCommand::Flush).recv();
    }

    /// Writes the queued records and closes the file, waiting at most `deadline`. Records closed later are
    /// lost and counted. Blocking.
    pub fn close(&self, deadline: Duration) {
        // An error means that the deadline has passed or the log was closed before; both need no action.
        let _ = self.send_request(WriterCommand::Close).recv_timeout(deadline);
    }

    fn start(path: Option<PathBuf>, limits: LogLimits) -> Self {
        let (log, inbox) = Self::without_writer(path, limits);
        let writer = Writer::new(Arc::clone(&log.inner.state), limits);
        let thread = std::thread::Builder::new().name("journal".into());
        match thread.spawn(move || writer.run(&inbox)) {
            Ok(handle) => drop(log.inner.writer.set(handle.thread().clone())),
            Err(error) => {
                log.inner.state.report_write_error(&format!("the request log cannot be written: {error}"))
            }
        }
        log
    }

    /// Creates a log whose queue nothing empties yet.
    fn without_writer(path: Option<PathBuf>, limits: LogLimits) -> (Self, Receiver<WriterMessage>) {
        let (outbox, inbox) = mpsc::channel();
        let state = Arc::new(LogState::new(path, limits.queue));
        (Self { inner: Arc::new(LogInner { outbox, state, writer: OnceLock::new() }) }, inbox)
    }

    fn enqueue(&self, record: Box<RequestRecord>, bodies: Option<Box<Bodies>>) {
        let state = &self.inner.state;
        state.count_request(&record);
        if state.try_reserve() && self.inner.outbox.send(WriterMessage::Record(record, bodies)).is_err() {
            state.release();
            state.count_dropped(1);
        }
    }

    fn erase(&self, account: Option<String>) -> Result<u64, RequestLogError> {
        self.send_request(|reply| WriterCommand::Erase(account, reply))
            .recv()
            .map_err(|_| RequestLogError::Closed)?
    }

    fn send_request<T>(&self, command: impl FnOnce(Sender<T>) -> WriterCommand) -> Receiver<T> {
        let (reply, answer) = mpsc::channel();
        // If the writer has ended, the sender is dropped here, and the receiver returns an error.
        self.send_command(command(reply));
        answer
    }

    fn check_after(&self, error: &RequestLogError) {
        if matches!(error, RequestLogError::Damaged | RequestLogError::Missing) {
            self.send_command(WriterCommand::Check);
        }
    }

    fn send_command(&self, command: WriterCommand) {
        let _ = self.inner.outbox.send(WriterMessage::Command(command));
        if let Some(writer) = self.inner.writer.get() {
            writer.unpark();
        }
    }
}

fn merge_newest(
    mut unsaved: Vec<RequestRecord>,
    saved: Vec<RequestRecord>,
    limit: usize,
) -> Vec<RequestRecord> {
    let known: HashSet<u64> = unsaved.iter().map(|record| record.id).collect();
    unsaved.extend(saved.into_iter().filter(|record| !known.contains(&record.id)));
    unsaved.sort_unstable_by_key(|record| std::cmp::Reverse(record.id));
    unsaved.truncate(limit);
    unsaved
}
