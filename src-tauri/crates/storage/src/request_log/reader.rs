//! Reading of the SQLite file, beside the writer and by the CLI.

use super::error::RequestLogError;
use super::record::{Bodies, Query, RequestRecord};
use super::{schema, search, store};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};
use std::path::Path;

/// A read-only connection, for the CLI while no instance runs.
#[derive(Debug)]
pub struct LogReader {
    connection: Connection,
}

/// Opens the log at `path` for reading. Nothing is created or repaired.
///
/// # Errors
/// [`RequestLogError::Missing`] when there is no file; otherwise the reason why it cannot be read.
pub fn open_read_only(path: &Path) -> Result<LogReader, RequestLogError> {
    if !path.try_exists()? {
        return Err(RequestLogError::Missing);
    }
    let connection = store::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    schema::check_version(&connection)?;
    Ok(LogReader { connection })
}

impl LogReader {
    /// Returns the matching records, newest first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn latest(&self, query: &Query) -> Result<Vec<RequestRecord>, RequestLogError> {
        let table_exists =
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'requests')";
        if !self.connection.query_one(table_exists, [], |row| row.get(0))? {
            return Ok(Vec::new());
        }
        if schema::has_column(&self.connection, "requests", "message")? {
            search::latest(&self.connection, query)
        } else {
            search::latest_unmigrated(&self.connection, query)
        }
    }

    /// Returns the number of matching records.
    pub(super) fn count(&self, query: &Query) -> Result<u64, RequestLogError> {
        search::count(&self.connection, query)
    }

    /// Returns the newest id in the file; 0 if it is empty.
    pub(super) fn newest_id(&self) -> Result<u64, RequestLogError> {
        store::newest_id(&self.connection)
    }

    pub(super) fn get(&self, id: u64) -> Result<Option<RequestRecord>, RequestLogError> {
        search::get(&self.connection, id)
    }

    pub(super) fn bodies(&self, id: u64) -> Result<Option<Bodies>, RequestLogError> {
        let select = "SELECT request, response, cut FROM bodies WHERE id = ?1";
        let read =
            |row: &Row<'_>| Ok(Bodies { request: row.get(0)?, response: row.get(1)?, cut: row.get(2)? });
        Ok(self.connection.query_row(select, [store::signed(id)], read).optional()?)
    }

    /// Reads the whole file. Fails if it is not a sound database.
    pub(super) fn check(&self) -> Result<(), RequestLogError> {
        store::check(&self.connection)
    }
}
