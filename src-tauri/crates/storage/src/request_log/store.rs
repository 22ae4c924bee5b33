//! Table in the SQLite file: writing and secure deletion. Every value is a bound parameter; the SQL
//! is constant text.
use super::aggregates::RestoredAggregates;
use super::error::RequestLogError;
use super::facets::Facets;
use super::record::{ErrorSource, RequestRecord};
use super::state::UnsavedRecord;
use super::usage::UsageBatch;
use super::{file, schema, search, stored_attempts, usage};
use rusqlite::{Connection, OpenFlags, Statement, params};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// Time limit for a statement that waits for another connection's lock.
const BUSY_TIMEOUT: Duration = Duration::from_millis(500);
/// Maximum size of a file that is checked whole when opened, bytes. Checking a larger one would delay the
/// start, so its damage is found when a statement meets it.
const MAX_CHECKED_AT_OPEN_BYTES: u64 = 16 << 20;
/// Number of rows deleted in one transaction, so that no other connection waits long for the lock.
const DELETE_CHUNK_ROWS: u64 = 500;
/// Number of pages released in one transaction, for the same reason.
const VACUUM_PAGES: i64 = 2_000;
/// SQLite's value of `auto_vacuum` for the release of pages on request.
const AUTO_VACUUM_INCREMENTAL: i64 = 2;

// A commit may have reached the disk although it reported an error; the same record is then offered again.
const INSERT: &str = "INSERT OR IGNORE INTO requests (id, time_ms, request_id, client, dialect, model_asked,
    model_served, account, attempts, status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens,
    tokens_estimated, first_byte_ms, duration_ms, stream, interrupted, cost_usd, note, facets,
    unbilled, message, param, program, session, agent, request_class)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,
    ?29,?30,?31)";
const INSERT_BODIES: &str =
    "INSERT OR REPLACE INTO bodies (id, request, response, cut) VALUES (?1, ?2, ?3, ?4)";

const DELETE_OLDEST: &str = "DELETE FROM requests WHERE time_ms < ?1
    AND id IN (SELECT id FROM requests ORDER BY id LIMIT ?2)";
const DELETE_OLDEST_BODIES: &str =
    "DELETE FROM bodies WHERE id IN (SELECT id FROM bodies ORDER BY id LIMIT ?1)";
/// SQL that deletes bodies without a request and combinations without a request.
const DELETE_ORPHANS: &str = "
    DELETE FROM bodies WHERE id < coalesce((SELECT min(id) FROM requests), 9223372036854775807);
    DELETE FROM facets WHERE NOT EXISTS (SELECT 1 FROM requests WHERE requests.facets = facets.id);";
const RENAME: &str =
    "UPDATE requests SET facets = ?1, account = CASE account WHEN ?2 THEN ?3 ELSE account END,
    attempts = replace(attempts, ?4, ?5) WHERE id IN (SELECT id FROM requests WHERE facets = ?6 LIMIT ?7)";

/// Maximum number of combinations whose ids are cached; others are looked up again.
const MAX_CACHED_FACETS: usize = 4_096;

/// Connection of the writer.
#[derive(Debug)]
pub(super) struct LogStore {
    connection: Connection,
    /// Ids of combinations in the file.
    facet_ids: HashMap<Facets, i64>,
}

impl LogStore {
    /// Opens the file, and creates it and the tables if they are missing.
    ///
    /// # Errors
    /// [`RequestLogError::Damaged`] for a file to be set aside; anything else leaves the file as it is.
    pub(super) fn open(path: &Path) -> Result<Self, RequestLogError> {
        file::ensure_private(path)?;
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        schema::check_version(&connection)?;
        if std::fs::metadata(path)?.len() <= MAX_CHECKED_AT_OPEN_BYTES {
            check(&connection)?;
        }
        prepare(&connection)?;
        Ok(Self { connection, facet_ids: HashMap::new() })
    }

    /// Returns the aggregates of the last hour and of today.
    pub(super) fn restored_aggregates(&self, now_ms: u64) -> Result<RestoredAggregates, RequestLogError> {
        usage::load(&self.connection, now_ms)
    }

    /// Returns the highest id in the file; 0 if it is empty.
    pub(super) fn newest_id(&self) -> Result<u64, RequestLogError> {
        newest_id(&self.connection)
    }

    /// Writes all the records or none.
    pub(super) fn insert(&mut self, records: &[UnsavedRecord]) -> Result<(), RequestLogError> {
        let result = self.try_insert(records);
        if result.is_err() || self.facet_ids.len() > MAX_CACHED_FACETS {
            // Ids that a failed transaction assigned are not valid.
            self.facet_ids.clear();
        }
        result
    }

    fn try_insert(&mut self, records: &[UnsavedRecord]) -> Result<(), RequestLogError> {
        let transaction = self.connection.transaction()?;
        let mut usage = UsageBatch::default();
        // Looking the statement up for each record would cost as much as filling it in.
        let mut insert = transaction.prepare_cached(INSERT)?;
        for UnsavedRecord { record, bodies } in records {
            let facets = facets_id(&transaction, &mut self.facet_ids, Facets::from_record(record))?;
            if !insert_one(&mut insert, record, facets)? {
                continue;
            }
            usage.add(record);
            if let Some(bodies) = bodies {
                let values = params![signed(record.id), bodies.request, bodies.response, bodies.cut];
                transaction.prepare_cached(INSERT_BODIES)?.execute(values)?;
            }
        }
        drop(insert);
        usage.write(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// Deletes records older than `oldest_ms` (Unix milliseconds), then the oldest ones until a tenth of
    /// `max_bytes` is free for records before the next sweep. Returns whether there was anything to delete.
    pub(super) fn sweep(&mut self, oldest_ms: u64, max_bytes: u64) -> Result<bool, RequestLogError> {
        let mut deleted = usage::sweep(&self.connection, oldest_ms)?;
        loop {
            let expired = self.delete_oldest(signed(oldest_ms))?;
            deleted += expired;
            if expired < DELETE_CHUNK_ROWS {
                break;
            }
        }
        // Bodies are deleted first: they take most of the space.
        while self.used_bytes()? > max_bytes / 10 * 9 {
            let oldest = match self.delete_oldest_bodies()? {
                0 => self.delete_oldest(i64::MAX)?,
                bodies => bodies,
            };
            if oldest == 0 {
                break;
            }
            deleted += oldest;
        }
        if deleted > 0 {
            self.delete_orphans()?;
        }
        Ok(deleted > 0)
    }

    /// Deletes every record that names the account, or every record. Returns their number.
    pub(super) fn erase(&mut self, account: Option<&str>) -> Result<u64, RequestLogError> {
        let mut erased = 0;
        if let Some(label) = account {
            for (id, _) in self.facets_naming(label)? {
                erased += self.erase_facets(id)?;
            }
        } else {
            loop {
                match self.delete_oldest(i64::MAX)? {
                    0 => break,
                    some => erased += some,
                }
            }
            usage::clear(&self.connection)?;
        }
        self.delete_orphans()?;
        Ok(erased)
    }

    /// Deletes every body.
    pub(super) fn erase_bodies(&self) -> Result<(), RequestLogError> {
        while self.delete_oldest_bodies()? > 0 {}
        Ok(())
    }

    /// Renames an account in every record.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), RequestLogError> {
        let (quoted_from, quoted_to) = (account_json(from)?, account_json(to)?);
        for (old, facets) in self.facets_naming(from)? {
            let transaction = self.connection.transaction()?;
            let new = facets_id(&transaction, &mut self.facet_ids, facets.with_account_renamed(from, to))?;
            transaction.commit()?;
            let values = params![new, from, to, quoted_from, quoted_to, old, signed(DELETE_CHUNK_ROWS)];
            while self.connection.prepare_cached(RENAME)?.execute(values)? > 0 {}
        }
        self.delete_orphans()
    }

    fn facets_naming(&self, label: &str) -> Result<Vec<(i64, Facets)>, RequestLogError> {
        let all = search::all_facets(&self.connection)?;
        Ok(all.into_iter().filter(|(_, facets)| facets.names_account(label)).collect())
    }

    fn erase_facets(&self, id: i64) -> Result<u64, RequestLogError> {
        let bodies = "DELETE FROM bodies WHERE id IN (SELECT id FROM requests WHERE facets = ?1)";
        self.connection.execute(bodies, [id])?;
        Ok(self.connection.execute("DELETE FROM requests WHERE facets = ?1", [id])? as u64)
    }

    fn delete_orphans(&mut self) -> Result<(), RequestLogError> {
        self.facet_ids.clear();
        Ok(self.connection.execute_batch(DELETE_ORPHANS)?)
    }

    fn delete_oldest_bodies(&self) -> Result<u64, RequestLogError> {
        let mut statement = self.connection.prepare_cached(DELETE_OLDEST_BODIES)?;
        Ok(statement.execute([signed(DELETE_CHUNK_ROWS)])? as u64)
    }

    /// Releases free pages and empties the write-ahead log, which could still hold deleted text. Returns
    /// `false` if a reader prevented it; a later call may succeed.
    pub(super) fn shrink(&self) -> Result<bool, RequestLogError> {
        while self.pragma_value("freelist_count")? > 0 {
            let before = self.pragma_value("page_count")?;
            // The statement returns a row per released page, so it must be read to its end.
            self.connection.pragma(None, "incremental_vacuum", VACUUM_PAGES, |_| Ok(()))?;
            if self.pragma_value("page_count")? == before {
                break;
            }
        }
        let busy: i64 = self.connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    fn delete_oldest(&self, before_ms: i64) -> Result<u64, RequestLogError> {
        let mut statement = self.connection.prepare_cached(DELETE_OLDEST)?;
        Ok(statement.execute(params![before_ms, signed(DELETE_CHUNK_ROWS)])? as u64)
    }

    fn used_bytes(&self) -> Result<u64, RequestLogError> {
        let pages = self.pragma_value("page_count")? - self.pragma_value("freelist_count")?;
        Ok(unsigned(pages * self.pragma_value("page_size")?))
    }

    fn pragma_value(&self, pragma: &str) -> Result<i64, RequestLogError> {
        Ok(self.connection.pragma_query_value(None, pragma, |row| row.get(0))?)
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, RequestLogError> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(file::resolve_folder_links(path)?, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

pub(super) fn check(connection: &Connection) -> Result<(), RequestLogError> {
    let verdict: String = connection.query_one("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" { Ok(()) } else { Err(RequestLogError::Damaged) }
}

fn prepare(connection: &Connection) -> Result<(), RequestLogError> {
    // Must precede the first write of a page, which the change to WAL causes.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")?;
    connection.execute_batch("PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 4194304")?;
    let auto_vacuum: i64 = connection.pragma_query_value(None, "auto_vacuum", |row| row.get(0))?;
    if auto_vacuum != AUTO_VACUUM_INCREMENTAL {
        // Another program created the file. If this fails, the file does not shrink, but still works.
        let _ = connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
    }
    schema::migrate(connection)?;
    // Fails now instead of at the first request, if the table has another shape.
    connection.prepare_cached(INSERT)?;
    Ok(())
}

pub(super) fn newest_id(connection: &Connection) -> Result<u64, RequestLogError> {
    let newest = "SELECT coalesce(max(id), 0) FROM requests";
    Ok(unsigned(connection.query_one(newest, [], |row| row.get(0))?))
}

/// Returns the id of a combination, which is added if it is missing.
fn facets_id(
    connection: &Connection,
    facet_ids: &mut HashMap<Facets, i64>,
    facets: Facets,
) -> Result<i64, RequestLogError> {
    if let Some(id) = facet_ids.get(&facets) {
        return Ok(*id);
    }
    let text = serde_json::to_string(&facets).map_err(std::io::Error::from)?;
    connection.prepare_cached("INSERT OR IGNORE INTO facets (facets) VALUES (?1)")?.execute([&text])?;
    let mut statement = connection.prepare_cached("SELECT id FROM facets WHERE facets = ?1")?;
    let id = statement.query_row([&text], |row| row.get(0))?;
    facet_ids.insert(facets, id);
    Ok(id)
}

/// Returns the account's name as written in the list of attempts.
fn account_json(label: &str) -> Result<String, RequestLogError> {
    let label = serde_json::to_string(label).map_err(std::io::Error::from)?;
    Ok(format!("\"account\":{label}"))
}

/// Inserts a record. Returns `false` if it was there already.
fn insert_one(
    insert: &mut Statement<'_>,
    record: &RequestRecord,
    facets: i64,
) -> Result<bool, RequestLogError> {
    let attempts = stored_attempts::to_json(&record.attempts).map_err(std::io::Error::from)?;
    let written = insert.execute(params![
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
        record.fault.map(ErrorSource::name),
        signed(record.bytes_in),
        signed(record.bytes_out),
        record.prompt_tokens.map(signed),
        record.completion_tokens.map(signed),
        record.tokens_estimated,
        record.first_byte_ms.map(signed),
        signed(record.duration_ms),
        record.stream,
        record.interrupted,
        record.cost_usd,
        record.note,
        facets,
        record.unbilled,
        record.message,
        record.param,
        record.program,
        record.session,
        record.agent,
        record.request_class,
    ])?;
    Ok(written > 0)
}

/// Converts to SQLite's signed integers; no count of this program reaches their maximum.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}
