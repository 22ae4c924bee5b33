//! Persistent account states: limits, lost sessions and the last known identity and quota. The tables are in the SQLite
//! file of the request log.
//!
//! Writing happens on a separate thread, so no request waits for the disk. If the store cannot be opened or written,
//! only the state after a restart is lost.

use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags, params};
use serde::{Deserialize, Serialize};

use super::clock::Timestamp;
use super::state::{EntryState, QUOTA_WINDOW};
use super::view::last_used;
use storage::request_log;
use storage::unix_ms;
use upstreams::{Identity, Quota};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS account_limits (
        account TEXT NOT NULL, scope TEXT NOT NULL, until_ms INTEGER NOT NULL, PRIMARY KEY (account, scope)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS account_flags (
        account TEXT PRIMARY KEY, needs_login INTEGER NOT NULL, disabled INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS account_seen (account TEXT PRIMARY KEY, seen TEXT NOT NULL) WITHOUT ROWID;";
/// The scope of a throttle, which applies to every model. No family has an empty name.
const ALL_MODELS_SCOPE: &str = "";
/// The most snapshots that wait to be written. Each holds one account, so a longer queue means that the disk does not
/// respond.
const MAX_QUEUED_SNAPSHOTS: usize = 256;

/// A handle for saving. Dropping it waits until all snapshots are written.
#[derive(Debug)]
pub struct AccountStore {
    queue: Option<SyncSender<Snapshot>>,
    writer: Option<JoinHandle<()>>,
}

impl Drop for AccountStore {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // A panic of the writer has been reported already.
            let _ = writer.join();
        }
    }
}

#[derive(Debug)]
struct Snapshot {
    account: String,
    limits: Vec<(String, u64)>,
    needs_login: bool,
    disabled: bool,
    observations: AccountObservations,
    removed: bool,
}

/// The last known details of an account and its last use. Stored as JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct AccountObservations {
    identity: Option<Identity>,
    quota: Option<Quota>,
    quota_at: Option<SystemTime>,
    last_used: Option<SystemTime>,
}

/// The saved state of one account, in wall time.
#[derive(Debug, Default)]
pub(super) struct SavedState {
    limits: Vec<(String, u64)>,
    needs_login: bool,
    disabled: bool,
    seen: AccountObservations,
}

impl AccountStore {
    /// Opens the tables in the file at `path` and starts the writing thread.
    ///
    /// # Errors
    /// The error of SQLite or of the system. The caller continues without a store.
    pub fn open(path: &Path) -> Result<(Self, SavedStates), std::io::Error> {
        let connection = connect(path)?;
        let saved = load(&connection).map_err(std::io::Error::other)?;
        let (queue, receiver) = sync_channel::<Snapshot>(MAX_QUEUED_SNAPSHOTS);
        let writer = std::thread::Builder::new().name("accounts-store".into()).spawn(move || {
            while let Ok(snapshot) = receiver.recv() {
                if let Err(error) = write(&connection, &snapshot) {
                    tracing::warn!(%error, "the state of an account could not be saved");
                }
            }
        })?;
        Ok((Self { queue: Some(queue), writer: Some(writer) }, SavedStates(saved)))
    }

    pub(super) fn save(&self, account: &str, state: &EntryState, now: Timestamp) {
        let wall = |until: &Duration| unix_ms(now.wall_at(*until));
        let throttle = state.throttled_until.as_ref().map(|until| (ALL_MODELS_SCOPE, until));
        let limits = state.limits.iter().map(|(scope, until)| (scope.as_str(), until)).chain(throttle);
        let limits = limits.filter(|(_, until)| **until > now.uptime);
        self.send(Snapshot {
            account: account.to_owned(),
            limits: limits.map(|(scope, until)| (scope.to_owned(), wall(until))).collect(),
            needs_login: state.needs_login,
            disabled: state.disabled,
            observations: AccountObservations {
                identity: state.identity.clone(),
                quota: state.quota.clone(),
                quota_at: state.quota_at,
                last_used: last_used(state, now),
            },
            removed: false,
        });
    }

    pub(super) fn remove(&self, account: &str) {
        let account = account.to_owned();
        self.send(Snapshot {
            account,
            limits: Vec::new(),
            needs_login: false,
            disabled: false,
            observations: AccountObservations::default(),
            removed: true,
        });
    }

    fn send(&self, snapshot: Snapshot) {
        if self.queue.as_ref().is_some_and(|queue| queue.try_send(snapshot).is_err()) {
            tracing::warn!("the state of an account could not be saved: the disk does not keep up");
        }
    }
}

/// The states that an earlier run saved.
#[derive(Debug, Default)]
pub struct SavedStates(HashMap<String, SavedState>);

impl SavedStates {
    /// The state that an account starts with. A limit is restored for one window at most, whatever the clock did in the
    /// meantime.
    pub(super) fn initial_state(&self, account: &str, now: Timestamp) -> EntryState {
        let Some(saved) = self.0.get(account) else { return EntryState::default() };
        let limits = saved.limits.iter().filter_map(|(scope, until_ms)| {
            // A damaged file may name a time beyond what this system can represent: on Windows it ends in the year 30828.
            let left = match UNIX_EPOCH.checked_add(Duration::from_millis(*until_ms)) {
                Some(until) => until.duration_since(now.wall).ok()?.min(QUOTA_WINDOW),
                None => QUOTA_WINDOW,
            };
            Some((scope.clone(), now.uptime + left))
        });
        let mut limits: HashMap<String, Duration> = limits.collect();
        EntryState {
            throttled_until: limits.remove(ALL_MODELS_SCOPE),
            limits,
            needs_login: saved.needs_login,
            disabled: saved.disabled,
            identity: saved.seen.identity.clone(),
            quota: saved.seen.quota.clone(),
            quota_at: saved.seen.quota_at,
            last_used_in_earlier_run: saved.seen.last_used,
            ..EntryState::default()
        }
    }
}

/// Opens the file. A symbolic link at `path` itself is not followed, as for the request log; the folder may be a link.
fn connect(path: &Path) -> Result<Connection, std::io::Error> {
    let flags = OpenFlags::default() | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(request_log::resolve_folder_links(path)?, flags);
    let connection = connection.map_err(std::io::Error::other)?;
    request_log::check_version(&connection).map_err(std::io::Error::other)?;
    prepare(connection).map_err(std::io::Error::other)
}

fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.execute_batch(SCHEMA)?;
    Ok(connection)
}

fn load(connection: &Connection) -> rusqlite::Result<HashMap<String, SavedState>> {
    let mut saved: HashMap<String, SavedState> = HashMap::new();
    let mut limits = connection.prepare("SELECT account, scope, until_ms FROM account_limits")?;
    for row in
        limits.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get::<_, i64>(2)?)))?
    {
        let (account, scope, until) = row?;
        saved.entry(account).or_default().limits.push((scope, u64::try_from(until).unwrap_or_default()));
    }
    let mut flags = connection.prepare("SELECT account, needs_login, disabled FROM account_flags")?;
    for row in flags.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))? {
        let (account, needs_login, disabled) = row?;
        let entry = saved.entry(account).or_default();
        (entry.needs_login, entry.disabled) = (needs_login, disabled);
    }
    let mut seen = connection.prepare("SELECT account, seen FROM account_seen")?;
    for row in seen.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
        let (account, seen) = row?;
        // Another version may have written another form. The details are fetched from Mammouth again.
        saved.entry(account).or_default().seen = serde_json::from_str(&seen).unwrap_or_default();
    }
    Ok(saved)
}

fn write(connection: &Connection, snapshot: &Snapshot) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute("DELETE FROM account_limits WHERE account = ?1", [&snapshot.account])?;
    transaction.execute("DELETE FROM account_flags WHERE account = ?1", [&snapshot.account])?;
    transaction.execute("DELETE FROM account_seen WHERE account = ?1", [&snapshot.account])?;
    if !snapshot.removed {
        for (scope, until_ms) in &snapshot.limits {
            let until = i64::try_from(*until_ms).unwrap_or(i64::MAX);
            transaction.execute(
                "INSERT INTO account_limits VALUES (?1, ?2, ?3)",
                params![snapshot.account, scope, until],
            )?;
        }
        let flags = params![snapshot.account, snapshot.needs_login, snapshot.disabled];
        transaction.execute("INSERT INTO account_flags VALUES (?1, ?2, ?3)", flags)?;
        let seen = serde_json::to_string(&snapshot.observations).unwrap_or_default();
        transaction.execute("INSERT INTO account_seen VALUES (?1, ?2)", params![snapshot.account, seen])?;
    }
    transaction.commit()?;
    if snapshot.removed {
        // Overwritten content remains in the write-ahead log until that is truncated. A reader that prevents the
        // truncation delays it to the next write, or to the end of the program.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp {
            uptime: Duration::from_secs(50),
            wall: UNIX_EPOCH + Duration::from_secs(1_000_000 + seconds),
        }
    }

    #[test]
    fn limits_are_saved_in_wall_time_and_last_a_window_at_most() {
        let saved = SavedState {
            limits: vec![
                ("a".into(), 1_000_600_000),
                ("old".into(), 999_000_000),
                ("far".into(), u64::MAX / 2),
                (String::new(), 1_000_007_000),
            ],
            ..SavedState::default()
        };
        let loaded = SavedStates(HashMap::from([("id".to_owned(), saved)]));
        let state = loaded.initial_state("id", at(0));
        assert_eq!(state.limits["a"], Duration::from_secs(650));
        assert!(!state.limits.contains_key("old"));
        assert_eq!(state.limits["far"], Duration::from_secs(50) + QUOTA_WINDOW);
        assert_eq!(state.throttled_until, Some(Duration::from_secs(57)));
        assert!(!state.limits.contains_key(""));
    }

    #[cfg(unix)]
    #[test]
    fn l05_a_planted_link_is_not_followed_and_a_linked_folder_is() {
        let dir = tempfile::tempdir().unwrap();
        let (data, linked) = (dir.path().join("data"), dir.path().join("linked"));
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::symlink(&data, &linked).unwrap();
        for target in ["missing.db", "theirs.db"] {
            let (target, link) = (dir.path().join(target), data.join("mammouth.db"));
            let theirs = target.ends_with("theirs.db").then_some("");
            theirs.into_iter().for_each(|text| std::fs::write(&target, text).unwrap());
            std::os::unix::fs::symlink(&target, &link).unwrap();
            assert!(
                AccountStore::open(&link).is_err()
                    && AccountStore::open(&linked.join("mammouth.db")).is_err()
            );
            assert_eq!(std::fs::read_to_string(&target).ok().as_deref(), theirs);
            std::fs::remove_file(&link).unwrap();
        }
        assert!(AccountStore::open(&linked.join("mammouth.db")).is_ok());
    }

    #[test]
    fn a_snapshot_replaces_the_saved_state() {
        let connection = prepare(Connection::open_in_memory().unwrap()).unwrap();
        let identity = Identity { email: Some("ada@example.com".into()), ..Identity::default() };
        let quota = Quota { percent: Some(42.5), estimated: true, ..Quota::default() };
        let at = Some(UNIX_EPOCH + Duration::from_millis(1_772_373_909_123));
        let seen =
            AccountObservations { identity: Some(identity), quota: Some(quota), quota_at: at, last_used: at };
        let snapshot = |removed| Snapshot {
            account: "a".into(),
            limits: vec![("f".into(), 5)],
            needs_login: true,
            disabled: false,
            observations: seen.clone(),
            removed,
        };
        write(&connection, &snapshot(false)).unwrap();
        write(&connection, &snapshot(false)).unwrap();
        let saved = load(&connection).unwrap();
        assert_eq!(saved["a"].limits, vec![("f".to_owned(), 5)]);
        assert!(saved["a"].needs_login);
        assert_eq!(saved["a"].seen, seen);
        write(&connection, &snapshot(true)).unwrap();
        assert!(load(&connection).unwrap().is_empty());
    }
}
