//! The table in the SQLite file: writing, reading, deleting for good. Every value is a bound parameter; the SQL here
//! is constant text.
use super::error::JournalError;
use super::file;
use super::record::{Fault, Query, Record};
use rusqlite::{Connection, OpenFlags, Row, params};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a statement waits for another connection's lock before it gives up.
const BUSY: Duration = Duration::from_millis(500);
/// Files up to this size are checked whole when opened; checking a large one would delay the start, so its damage is
/// found when a statement meets it.
const CHECKED_AT_OPEN: u64 = 16 << 20;
/// Rows deleted in one transaction, so that nobody waits long for the lock.
const CHUNK: u64 = 500;
/// Pages given back in one transaction, for the same reason.
const VACUUM_PAGES: i64 = 2_000;
/// `auto_vacuum` as SQLite numbers it: pages are given back when we ask.
const INCREMENTAL: i64 = 2;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, request_id TEXT NOT NULL, client TEXT NOT NULL,
    dialect TEXT NOT NULL, model_asked TEXT NOT NULL, model_served TEXT, account TEXT, attempts TEXT NOT NULL,
    status INTEGER NOT NULL, code TEXT, fault TEXT, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, tokens_estimated INTEGER NOT NULL, first_byte_ms INTEGER,
    duration_ms INTEGER NOT NULL, stream INTEGER NOT NULL, interrupted INTEGER NOT NULL) STRICT";

// A commit may have reached the disk although it reported an error; the same record is then offered again.
const INSERT: &str = "INSERT OR IGNORE INTO requests (id, time_ms, request_id, client, dialect, model_asked,
    model_served, account, attempts, status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens,
    tokens_estimated, first_byte_ms, duration_ms, stream, interrupted)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21)";

const SELECT: &str = "SELECT id, time_ms, request_id, client, dialect, model_asked, model_served, account, attempts,
    status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens, tokens_estimated, first_byte_ms,
    duration_ms, stream, interrupted FROM requests
    WHERE id < ?1 AND id > ?2
    AND (NOT ?3 OR status >= 400 OR interrupted)
    AND (?4 IS NULL OR account = ?4
        OR EXISTS (SELECT 1 FROM json_each(attempts) AS made WHERE made.value ->> 'account' = ?4))
    AND (?5 IS NULL OR client = ?5)
    AND (?6 IS NULL OR model_asked = ?6 OR model_served = ?6)
    AND (?7 IS NULL OR instr(lower(request_id), lower(?7)) OR instr(lower(client), lower(?7))
        OR instr(lower(model_asked), lower(?7)) OR instr(lower(model_served), lower(?7))
        OR instr(lower(account), lower(?7)) OR instr(lower(code), lower(?7)))
    AND (?9 IS NULL OR dialect = ?9) AND (?10 IS NULL OR status = ?10)
    AND (?11 IS NULL OR id >= ?11) AND (?12 IS NULL OR id < ?12)
    ORDER BY id DESC LIMIT ?8";

const DELETE_OLDEST: &str = "DELETE FROM requests WHERE time_ms < ?1
    AND id IN (SELECT id FROM requests ORDER BY id LIMIT ?2)";

const DELETE_ACCOUNT: &str = "DELETE FROM requests WHERE account = ?1
    OR EXISTS (SELECT 1 FROM json_each(attempts) AS made WHERE made.value ->> 'account' = ?1)";

/// The writer's connection.
#[derive(Debug)]
pub(super) struct Store {
    connection: Connection,
}

/// A connection that can only read: for the CLI while no instance runs.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
}

/// Opens the log at `path` for reading. Nothing is created or repaired.
///
/// # Errors
/// [`JournalError::Missing`] when there is no file; otherwise what keeps it from being read.
pub fn read_only(path: &Path) -> Result<Reader, JournalError> {
    if !path.try_exists()? {
        return Err(JournalError::Missing);
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    Ok(Reader { connection })
}

impl Reader {
    /// The records wanted, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn latest(&self, query: &Query) -> Result<Vec<Record>, JournalError> {
        let table_there =
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'requests')";
        if !self.connection.query_one(table_there, [], |row| row.get(0))? {
            return Ok(Vec::new());
        }
        select(&self.connection, query)
    }

    /// Reads the whole file and says whether it is sound.
    pub(super) fn check(&self) -> Result<(), JournalError> {
        check(&self.connection)
    }
}

impl Store {
    /// Opens the file, creating it and the table where they are missing.
    ///
    /// # Errors
    /// [`JournalError::Damaged`] for a file to be set aside; anything else leaves the file as it is.
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        file::make_private(path)?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        if std::fs::metadata(path)?.len() <= CHECKED_AT_OPEN {
            check(&connection)?;
        }
        prepare(&connection)?;
        Ok(Self { connection })
    }

    /// The highest id in the file, 0 when it is empty.
    pub(super) fn newest_id(&self) -> Result<u64, JournalError> {
        let newest = "SELECT coalesce(max(id), 0) FROM requests";
        Ok(unsigned(self.connection.query_one(newest, [], |row| row.get(0))?))
    }

    /// Writes all the records or none.
    pub(super) fn insert(&mut self, records: &[Arc<Record>]) -> Result<(), JournalError> {
        let transaction = self.connection.transaction()?;
        {
            let mut statement = transaction.prepare_cached(INSERT)?;
            for record in records {
                insert_one(&mut statement, record)?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Deletes what is older than `oldest_ms` (Unix milliseconds), then the oldest until a tenth of `max_bytes` is
    /// free for what comes before the next sweep. True when nothing deleted is left on disk.
    pub(super) fn sweep(&self, oldest_ms: u64, max_bytes: u64) -> Result<bool, JournalError> {
        while self.delete_oldest(signed(oldest_ms))? == CHUNK {}
        while self.used_bytes()? > max_bytes / 10 * 9 && self.delete_oldest(i64::MAX)? > 0 {}
        self.shrink()
    }

    /// Deletes every record that names the account, or every record. Tells how many.
    pub(super) fn erase(&self, account: Option<&str>) -> Result<u64, JournalError> {
        if let Some(label) = account {
            return Ok(self.connection.execute(DELETE_ACCOUNT, [label])? as u64);
        }
        let mut erased = 0;
        loop {
            match self.delete_oldest(i64::MAX)? {
                0 => return Ok(erased),
                some => erased += some,
            }
        }
    }

    /// Gives free pages back and empties the write-ahead log, where deleted text would live on. False when a reader
    /// was in the way: try again later.
    pub(super) fn shrink(&self) -> Result<bool, JournalError> {
        while self.number("freelist_count")? > 0 {
            let before = self.number("page_count")?;
            // A row comes per page given back, so the statement must be read to its end.
            self.connection.pragma(None, "incremental_vacuum", VACUUM_PAGES, |_| Ok(()))?;
            if self.number("page_count")? == before {
                break;
            }
        }
        let busy: i64 = self.connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    fn delete_oldest(&self, before_ms: i64) -> Result<u64, JournalError> {
        let mut statement = self.connection.prepare_cached(DELETE_OLDEST)?;
        Ok(statement.execute(params![before_ms, signed(CHUNK)])? as u64)
    }

    fn used_bytes(&self) -> Result<u64, JournalError> {
        let pages = self.number("page_count")? - self.number("freelist_count")?;
        Ok(unsigned(pages * self.number("page_size")?))
    }

    fn number(&self, pragma: &str) -> Result<i64, JournalError> {
        Ok(self.connection.pragma_query_value(None, pragma, |row| row.get(0))?)
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, JournalError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file::settled(path)?, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn check(connection: &Connection) -> Result<(), JournalError> {
    let verdict: String = connection.query_one("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(JournalError::Damaged) }
}

fn prepare(connection: &Connection) -> Result<(), JournalError> {
    // This must come before the first page is written, which the change to WAL does.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")?;
    connection.execute_batch("PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 4194304")?;
    let auto_vacuum: i64 = connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if auto_vacuum != INCREMENTAL {
        // Someone else made the file. Without this it would not shrink, but it still works.
        let _ = connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
    }
    connection.execute_batch(TABLE)?;
    // Fails now, not at the first request, where the table has another shape.
    connection.prepare_cached(INSERT)?;
    Ok(())
}

fn insert_one(statement: &mut rusqlite::CachedStatement<'_>, record: &Record) -> Result<(), JournalError> {
    let attempts = serde_json::to_string(&record.attempts).map_err(std::io::Error::from)?;
    statement.execute(params![
        signed(record.id),
        signed(record.time_ms),
        record.request_id,
        record.client,
        record.dialect,
        record.model_asked,
        record.model_served,
        record.account,
        attempts,
        record.status,
        record.code,
        record.fault.map(Fault::name),
        signed(record.bytes_in),
        signed(record.bytes_out),
        record.prompt_tokens.map(signed),
        record.completion_tokens.map(signed),
        record.tokens_estimated,
        record.first_byte_ms.map(signed),
        signed(record.duration_ms),
        record.stream,
        record.interrupted,
    ])?;
    Ok(())
}

fn select(connection: &Connection, query: &Query) -> Result<Vec<Record>, JournalError> {
    let mut statement = connection.prepare_cached(SELECT)?;
    let wanted = params![
        query.before_id.map_or(i64::MAX, signed),
        query.after_id.map_or(i64::MIN, signed),
        query.failed_only,
        query.account,
        query.client,
        query.model,
        query.text,
        signed(query.effective_limit() as u64),
        query.dialect,
        query.status,
        query.since_ms.map(|ms| signed(ms.saturating_mul(1_000))),
        query.until_ms.map(|ms| signed(ms.saturating_mul(1_000))),
    ];
    let rows = statement.query_map(wanted, read)?;
    rows.map(|row| Ok(row?)).collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Record> {
    let attempts: String = row.get(8)?;
    let fault: Option<String> = row.get(11)?;
    Ok(Record {
        id: unsigned(row.get(0)?),
        time_ms: unsigned(row.get(1)?),
        request_id: row.get(2)?,
        client: row.get(3)?,
        dialect: Cow::Owned(row.get(4)?),
        model_asked: row.get(5)?,
        model_served: row.get(6)?,
        account: row.get(7)?,
        // A row whose list cannot be read is still worth showing.
        attempts: serde_json::from_str(&attempts).unwrap_or_default(),
        status: row.get(9)?,
        code: row.get::<_, Option<String>>(10)?.map(Cow::Owned),
        fault: fault.as_deref().and_then(Fault::from_name),
        bytes_in: unsigned(row.get(12)?),
        bytes_out: unsigned(row.get(13)?),
        prompt_tokens: row.get::<_, Option<i64>>(14)?.map(unsigned),
        completion_tokens: row.get::<_, Option<i64>>(15)?.map(unsigned),
        tokens_estimated: row.get(16)?,
        cost_usd: None,
        note: None,
        first_byte_ms: row.get::<_, Option<i64>>(17)?.map(unsigned),
        duration_ms: unsigned(row.get(18)?),
        stream: row.get(19)?,
        interrupted: row.get(20)?,
    })
}

/// SQLite's integers are signed; no count of ours comes near the end.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
