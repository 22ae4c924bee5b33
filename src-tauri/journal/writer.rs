//! The one thread that writes. It sleeps until a record comes; when the file cannot be written, it keeps what it can in
//! memory and tries again by itself.
use super::Limits;
use super::error::JournalError;
use super::file;
use super::record::{Bodies, Record};
use super::shared::Shared;
use super::store::{self, Store};
use super::time::Moment;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Most records of one transaction.
const BATCH: usize = 256;
/// Most records taken from the queue at once: as many as it holds by default.
const HANDFUL: usize = 4_096;
/// How long a first record waits for company: a transaction and a wake-up for each record would cost more than all else
/// that a small request does.
const GATHER: Duration = Duration::from_millis(50);
/// Records after which retention runs, whatever the time.
const SWEEP_EVERY: usize = 1_000;
const HOUR: Duration = Duration::from_secs(3_600);
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// What comes through the queue, in order.
#[derive(Debug)]
pub(super) enum Message {
    Record(Box<Record>, Option<Box<Bodies>>),
    Do(Command),
}

/// A wish of a handle. Each is answered once, after everything queued before it was tried.
#[derive(Debug)]
pub(super) enum Command {
    Flush(Sender<()>),
    /// As `Flush`, but without trying a file again that failed a moment ago.
    Settle(Sender<()>),
    /// Deletes the records of one account, or all.
    Erase(Option<String>, Sender<Result<u64, JournalError>>),
    /// Gives an account another name.
    Rename {
        from: String,
        to: String,
        reply: Sender<Result<(), JournalError>>,
    },
    /// Deletes every body.
    EraseBodies(Sender<Result<(), JournalError>>),
    /// How much is kept from now on.
    Keep(Limits),
    /// A reader met something wrong.
    Check,
    Close(Sender<()>),
}

pub(super) struct Writer {
    shared: Arc<Shared>,
    limits: Limits,
    store: Option<Store>,
    last_id: u64,
    unswept: usize,
    /// What an earlier run knew was taken over.
    remembered: bool,
    next_sweep: Instant,
    /// Deleted text is still on disk, because a reader was in the way.
    shrink_due: bool,
    retry: Option<Retry>,
}

#[derive(Clone, Copy)]
struct Retry {
    at: Instant,
    step: Duration,
}

impl Writer {
    /// Opens the file, so that its state is known before the first request.
    pub(super) fn new(shared: Arc<Shared>, limits: Limits) -> Self {
        let next_sweep = Moment::now().steady;
        let mut writer = Self {
            shared,
            limits,
            store: None,
            last_id: 0,
            unswept: 0,
            remembered: false,
            next_sweep,
            shrink_due: false,
            retry: None,
        };
        writer.save(true);
        writer
    }

    /// Runs until it is told to close or every handle is gone.
    pub(super) fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let first = match inbox.recv_timeout(self.idle_for(Moment::now().steady)) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return self.save(true),
            };
            if matches!(first, Some(Message::Record(..))) {
                std::thread::park_timeout(GATHER);
            }
            let command = self.gather(first, inbox);
            self.save(!matches!(command, None | Some(Command::Settle(_))));
            self.tidy(Moment::now());
            if command.is_some_and(|command| self.obey(command).is_break()) {
                return;
            }
        }
    }

    fn idle_for(&self, now: Instant) -> Duration {
        let sweep = if self.store.is_some() { self.next_sweep } else { now + HOUR };
        let retry = self.retry.map_or(sweep, |retry| retry.at);
        let shrink = if self.shrink_due { now + FIRST_RETRY } else { sweep };
        sweep.min(retry).min(shrink).saturating_duration_since(now)
    }

    /// Takes records until there are many, the queue is empty, or a command comes, which is handed back.
    fn gather(&mut self, first: Option<Message>, inbox: &Receiver<Message>) -> Option<Command> {
        let mut next = first;
        let mut taken = 0;
        loop {
            match next? {
                Message::Record(record, bodies) => self.accept(record, bodies),
                Message::Do(command) => return Some(command),
            }
            taken += 1;
            next = if taken < HANDFUL { inbox.try_recv().ok() } else { None };
        }
    }

    fn accept(&mut self, mut record: Box<Record>, bodies: Option<Box<Bodies>>) {
        self.shared.leave();
        self.last_id = Moment::now().unix_us.max(self.last_id + 1);
        record.id = self.last_id;
        self.shared.publish(Arc::from(record), bodies);
    }

    /// Writes what waits, unless it failed a moment ago and nobody insists.
    fn save(&mut self, insist: bool) {
        if self.shared.path().is_none() {
            return;
        }
        let too_early = self.retry.is_some_and(|retry| retry.at > Moment::now().steady);
        if too_early && !insist {
            return;
        }
        match self.write_all() {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    fn write_all(&mut self) -> Result<(), JournalError> {
        match self.write_batches() {
            Err(JournalError::Damaged) => {
                self.put_aside()?;
                self.write_batches()
            }
            other => other,
        }
    }

    fn write_batches(&mut self) -> Result<(), JournalError> {
        let store = match &mut self.store {
            Some(store) => store,
            none => {
                let Some(path) = self.shared.path() else { return Ok(()) };
                let opened = Store::open(path)?;
                self.last_id = self.last_id.max(opened.newest_id()?);
                if !self.remembered {
                    self.shared.remember(opened.remembered(Moment::now().unix_ms())?);
                    self.remembered = true;
                }
                none.insert(opened)
            }
        };
        loop {
            let batch = self.shared.unsaved(BATCH);
            if batch.is_empty() {
                return Ok(());
            }
            store.insert(&batch)?;
            self.shared.saved(batch.len());
            self.unswept += batch.len();
        }
    }

    fn put_aside(&mut self) -> Result<(), JournalError> {
        self.store = None;
        let Some(path) = self.shared.path() else { return Ok(()) };
        match file::set_aside(path, Moment::now().unix_ms()) {
            Ok(aside) => self.shared.put_aside(&aside),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn succeeded(&mut self) {
        if self.retry.take().is_some() {
            self.shared.trouble_over();
        }
    }

    fn failed(&mut self, error: &JournalError) {
        self.shared.write_failed();
        self.shared.trouble(&error.to_string());
        // After a failed write a connection may stay unusable; after a lock it is as good as before.
        if !matches!(error, JournalError::Busy) {
            self.store = None;
        }
        let step = self.retry.map_or(FIRST_RETRY, |retry| (retry.step * 2).min(LONGEST_RETRY));
        self.retry = Some(Retry { at: Moment::now().steady + step, step });
    }

    fn tidy(&mut self, now: Moment) {
        let Some(store) = &mut self.store else { return };
        let done = if self.unswept >= SWEEP_EVERY || now.steady >= self.next_sweep {
            self.unswept = 0;
            self.next_sweep = now.steady + HOUR;
            let max_age = u64::try_from(self.limits.max_age.as_millis()).unwrap_or(u64::MAX);
            store.sweep(now.unix_ms().saturating_sub(max_age), self.limits.max_bytes)
        } else if self.shrink_due {
            store.shrink()
        } else {
            return;
        };
        self.note_shrunk(done);
    }

    fn note_shrunk(&mut self, done: Result<bool, JournalError>) {
        match done {
            Ok(done) => self.shrink_due = !done,
            Err(JournalError::Busy) => self.shrink_due = true,
            Err(JournalError::Damaged) => self.renew(),
            Err(error) => self.failed(&error),
        }
    }

    fn obey(&mut self, command: Command) -> ControlFlow<()> {
        match command {
            Command::Flush(reply) | Command::Settle(reply) => answer(&reply, ()),
            Command::Erase(account, reply) => answer(&reply, self.erase(account.as_deref())),
            Command::Rename { from, to, reply } => answer(&reply, self.rename(&from, &to)),
            Command::EraseBodies(reply) => answer(&reply, self.erase_bodies()),
            Command::Keep(limits) => {
                self.limits = limits;
                self.next_sweep = Moment::now().steady;
                self.tidy(Moment::now());
            }
            Command::Check => self.check(),
            Command::Close(reply) => {
                // Closed before the answer: whoever waits for it may remove the folder.
                self.store = None;
                answer(&reply, ());
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    fn erase(&mut self, account: Option<&str>) -> Result<u64, JournalError> {
        let in_memory = self.shared.erase(account);
        let Some(path) = self.shared.path().map(Path::to_owned) else { return Ok(in_memory) };
        let in_file = match self.opened()?.erase(account) {
            Err(JournalError::Damaged) => {
                self.renew();
                0
            }
            other => other?,
        };
        file::remove_aside(&path);
        let done = self.store.as_ref().map_or(Ok(false), Store::shrink);
        self.note_shrunk(done);
        Ok(in_memory + in_file)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), JournalError> {
        self.shared.rename(from, to);
        if self.shared.path().is_none() { Ok(()) } else { self.opened()?.rename(from, to) }
    }

    fn erase_bodies(&mut self) -> Result<(), JournalError> {
        if self.shared.path().is_none() {
            return Ok(());
        }
        self.opened()?.erase_bodies()?;
        let done = self.store.as_ref().map_or(Ok(false), Store::shrink);
        self.note_shrunk(done);
        Ok(())
    }

    fn opened(&mut self) -> Result<&mut Store, JournalError> {
        let notice = || JournalError::Unusable(self.shared.notice().unwrap_or_default());
        self.store.as_mut().ok_or_else(notice)
    }

    /// Looks at the file with fresh eyes: this thread's connection may still see sound pages from its cache, or hold
    /// a file that was removed.
    fn check(&mut self) {
        let Some(path) = self.shared.path().map(Path::to_owned) else { return };
        if self.store.is_some() && is_lost(&path) {
            self.renew();
        }
    }

    fn renew(&mut self) {
        if let Err(error) = self.put_aside() {
            return self.failed(&error);
        }
        self.save(true);
    }
}

fn is_lost(path: &Path) -> bool {
    let verdict = store::read_only(path).and_then(|reader| reader.check());
    matches!(verdict, Err(JournalError::Damaged | JournalError::Missing))
}

fn answer<T>(reply: &Sender<T>, value: T) {
    // An error means that whoever asked no longer waits.
    let _ = reply.send(value);
}
