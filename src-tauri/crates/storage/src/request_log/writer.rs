//! Writer thread. It sleeps until a record arrives. While the file cannot be written, it keeps records in
//! memory within the limit and retries.
use super::LogLimits;
use super::error::RequestLogError;
use super::file;
use super::reader;
use super::record::{Bodies, RequestRecord};
use super::state::LogState;
use super::store::LogStore;
use super::time::Timestamps;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Maximum number of records of one transaction.
const MAX_BATCH_RECORDS: usize = 256;
/// Maximum number of records taken from the queue at once: as many as it holds by default.
const MAX_GATHERED_RECORDS: usize = 4_096;
/// Time for which the first record waits for others: a transaction and a wake-up per record would cost more
/// than the rest of a small request.
const GATHER_DELAY: Duration = Duration::from_millis(50);
/// Number of records after which retention runs, regardless of the time.
const SWEEP_AFTER_RECORDS: usize = 1_000;
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);
const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Message of the writer's queue.
#[derive(Debug)]
pub(super) enum WriterMessage {
    Record(Box<RequestRecord>, Option<Box<Bodies>>),
    Command(WriterCommand),
}

/// Command of a handle. Each is answered once, after writing everything queued before it was attempted.
#[derive(Debug)]
pub(super) enum WriterCommand {
    Flush(Sender<()>),
    /// `Flush` without another attempt to write a file that failed a moment ago.
    FlushWithoutRetry(Sender<()>),
    /// Deletes the records of one account, or all.
    Erase(Option<String>, Sender<Result<u64, RequestLogError>>),
    /// Renames an account.
    Rename {
        from: String,
        to: String,
        reply: Sender<Result<(), RequestLogError>>,
    },
    /// Deletes every body.
    EraseBodies(Sender<Result<(), RequestLogError>>),
    /// Sets the retention limits.
    SetLimits(LogLimits),
    /// Checks the file, because a reader met an error.
    Check,
    Close(Sender<()>),
}

pub(super) struct Writer {
    state: Arc<LogState>,
    limits: LogLimits,
    store: Option<LogStore>,
    last_id: u64,
    records_since_sweep: usize,
    /// Whether the aggregates of earlier runs were restored.
    restored: bool,
    next_sweep: Instant,
    /// Whether deleted text is still on disk, because a reader prevented its removal.
    shrink_due: bool,
    retry: Option<RetryState>,
}

#[derive(Clone, Copy)]
struct RetryState {
    at: Instant,
    delay: Duration,
}

impl Writer {
    /// Opens the file, so that its state is known before the first request.
    pub(super) fn new(state: Arc<LogState>, limits: LogLimits) -> Self {
        let next_sweep = Timestamps::now().monotonic;
        let mut writer = Self {
            state,
            limits,
            store: None,
            last_id: 0,
            records_since_sweep: 0,
            restored: false,
            next_sweep,
            shrink_due: false,
            retry: None,
        };
        writer.save(true);
        writer
    }

    /// Runs until the log is closed or every handle is dropped.
    pub(super) fn run(mut self, inbox: &Receiver<WriterMessage>) {
        loop {
            let first = match inbox.recv_timeout(self.time_until_work(Timestamps::now().monotonic)) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.save(true),
            };
            if matches!(first, Some(WriterMessage::Record(..))) {
                std::thread::park_timeout(GATHER_DELAY);
            }
            let command = self.gather(first, inbox);
            self.save(!matches!(command, None | Some(WriterCommand::FlushWithoutRetry(_))));
            self.run_maintenance(Timestamps::now());
            if command.is_some_and(|command| self.execute(command).is_break()) {
                return;
            }
        }
    }

    fn time_until_work(&self, now: Instant) -> Duration {
        let sweep = if self.store.is_some() { self.next_sweep } else { now + SWEEP_INTERVAL };
        let retry = self.retry.map_or(sweep, |retry| retry.at);
        let shrink = if self.shrink_due { now + MIN_RETRY_DELAY } else { sweep };
        sweep.min(retry).min(shrink).saturating_duration_since(now)
    }

    /// Takes records until the maximum is reached, the queue is empty, or a command arrives, which is
    /// returned.
    fn gather(
        &mut self,
        first: Option<WriterMessage>,
        inbox: &Receiver<WriterMessage>,
    ) -> Option<WriterCommand> {
        let mut next = first;
        let mut count = 0;
        loop {
            match next? {
                WriterMessage::Record(record, bodies) => self.accept_record(record, bodies),
                WriterMessage::Command(command) => return Some(command),
            }
            count += 1;
            next = if count < MAX_GATHERED_RECORDS { inbox.try_recv().ok() } else { None };
        }
    }

    fn accept_record(&mut self, mut record: Box<RequestRecord>, bodies: Option<Box<Bodies>>) {
        self.state.release();
        self.last_id = Timestamps::now().unix_us.max(self.last_id + 1);
        record.id = self.last_id;
        self.state.publish(Arc::from(record), bodies);
    }

    /// Writes the queued records, unless the last write failed recently and `force` is false.
    fn save(&mut self, force: bool) {
        if self.state.path().is_none() {
            return;
        }
        let too_early = self.retry.is_some_and(|retry| retry.at > Timestamps::now().monotonic);
        if too_early && !force {
            return;
        }
        match self.write_all() {
            Ok(()) => self.record_success(),
            Err(error) => self.record_failure(&error),
        }
    }

    fn write_all(&mut self) -> Result<(), RequestLogError> {
        match self.write_batches() {
            Err(RequestLogError::Damaged) => {
                self.set_aside_file()?;
                self.write_batches()
            }
            other => other,
        }
    }

    fn write_batches(&mut self) -> Result<(), RequestLogError> {
        let store = match &mut self.store {
            Some(store) => store,
            none => {
                let Some(path) = self.state.path() else { return Ok(()) };
                let opened = LogStore::open(path)?;
                self.last_id = self.last_id.max(opened.newest_id()?);
                if !self.restored {
                    self.state.restore(opened.restored_aggregates(Timestamps::now().unix_ms())?);
                    self.restored = true;
                }
                none.insert(opened)
            }
        };
        loop {
            let batch = self.state.unsaved(MAX_BATCH_RECORDS);
            if batch.is_empty() {
                return Ok(());
            }
            store.insert(&batch)?;
            self.state.mark_saved(batch.len());
            self.records_since_sweep += batch.len();
        }
    }

    fn set_aside_file(&mut self) -> Result<(), RequestLogError> {
        self.store = None;
        let Some(path) = self.state.path() else { return Ok(()) };
        match file::set_aside(path, Timestamps::now().unix_ms()) {
            Ok(aside) => self.state.report_set_aside(&aside),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn record_success(&mut self) {
        if self.retry.take().is_some() {
            self.state.clear_write_error();
        }
    }

    fn record_failure(&mut self, error: &RequestLogError) {
        self.state.count_write_error();
        self.state.report_write_error(&error.to_string());
        // After a failed write a connection may stay unusable; after a lock it is still usable.
        if !matches!(error, RequestLogError::Busy) {
            self.store = None;
        }
        let delay = self.retry.map_or(MIN_RETRY_DELAY, |retry| (retry.delay * 2).min(MAX_RETRY_DELAY));
        self.retry = Some(RetryState { at: Timestamps::now().monotonic + delay, delay });
    }

    fn run_maintenance(&mut self, now: Timestamps) {
        let Some(store) = &mut self.store else { return };
        let is_due = now.monotonic >= self.next_sweep;
        let result = if is_due || self.records_since_sweep >= SWEEP_AFTER_RECORDS {
            self.records_since_sweep = 0;
            self.next_sweep = now.monotonic + SWEEP_INTERVAL;
            let max_age = u64::try_from(self.limits.max_age.as_millis()).unwrap_or(u64::MAX);
            let oldest_ms = now.unix_ms().saturating_sub(max_age);
            store.sweep(oldest_ms, self.limits.max_bytes).and_then(|deleted| {
                // The first sweep is due at the start: an earlier run may have ended between deleting and shrinking.
                if deleted || is_due || self.shrink_due { store.shrink() } else { Ok(true) }
            })
        } else if self.shrink_due {
            store.shrink()
        } else {
            return;
        };
        self.record_shrink(result);
    }

    fn record_shrink(&mut self, done: Result<bool, RequestLogError>) {
        match done {
            Ok(fully_shrunk) => self.shrink_due = !fully_shrunk,
            Err(RequestLogError::Busy) => self.shrink_due = true,
            Err(RequestLogError::Damaged) => self.replace_file(),
            Err(error) => self.record_failure(&error),
        }
    }

    fn execute(&mut self, command: WriterCommand) -> ControlFlow<()> {
        match command {
            WriterCommand::Flush(reply) | WriterCommand::FlushWithoutRetry(reply) => send_reply(&reply, ()),
            WriterCommand::Erase(account, reply) => send_reply(&reply, self.erase(account.as_deref())),
            WriterCommand::Rename { from, to, reply } => send_reply(&reply, self.rename(&from, &to)),
            WriterCommand::EraseBodies(reply) => send_reply(&reply, self.erase_bodies()),
            WriterCommand::SetLimits(limits) => {
                self.limits = limits;
                self.next_sweep = Timestamps::now().monotonic;
                self.run_maintenance(Timestamps::now());
            }
            WriterCommand::Check => self.check(),
            WriterCommand::Close(reply) => {
                // The file is closed before the reply, because the receiver may remove the folder.
                self.store = None;
                send_reply(&reply, ());
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn erase(&mut self, account: Option<&str>) -> Result<u64, RequestLogError> {
        let in_memory = self.state.erase(account);
        let Some(path) = self.state.path().map(Path::to_owned) else { return Ok(in_memory) };
        let in_file = match self.open_store()?.erase(account) {
            Err(RequestLogError::Damaged) => {
                self.replace_file();
                0
            }
            other => other?,
        };
        file::remove_damaged(&path);
        let done = self.store.as_ref().map_or(Ok(false), LogStore::shrink);
        self.record_shrink(done);
        Ok(in_memory + in_file)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), RequestLogError> {
        self.state.rename_account(from, to);
        if self.state.path().is_none() { Ok(()) } else { self.open_store()?.rename(from, to) }
    }

    fn erase_bodies(&mut self) -> Result<(), RequestLogError> {
        if self.state.path().is_none() {
            return Ok(());
        }
        self.open_store()?.erase_bodies()?;
        let done = self.store.as_ref().map_or(Ok(false), LogStore::shrink);
        self.record_shrink(done);
        Ok(())
    }

    fn open_store(&mut self) -> Result<&mut LogStore, RequestLogError> {
        let notice = || RequestLogError::Unusable(self.state.notice().unwrap_or_default());
        self.store.as_mut().ok_or_else(notice)
    }

    /// Checks the file through a new connection: this thread's connection may still see sound pages from its
    /// cache, or hold a file that was removed.
    fn check(&mut self) {
        let Some(path) = self.state.path().map(Path::to_owned) else { return };
        if self.store.is_some() && is_damaged_or_missing(&path) {
            self.replace_file();
        }
    }

    fn replace_file(&mut self) {
        if let Err(error) = self.set_aside_file() {
            return self.record_failure(&error);
        }
        self.save(true);
    }
}

fn is_damaged_or_missing(path: &Path) -> bool {
    let result = reader::open_read_only(path).and_then(|reader| reader.check());
    matches!(result, Err(RequestLogError::Damaged | RequestLogError::Missing))
}

fn send_reply<T>(reply: &Sender<T>, value: T) {
    // An error means that the caller no longer waits.
    let _ = reply.send(value);
}
