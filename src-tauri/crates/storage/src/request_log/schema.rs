//! Tables of the file, and the migration of files of earlier versions.
use super::error::RequestLogError;
use rusqlite::{Connection, params};

const REQUESTS_TABLE: &str = "CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, request_id TEXT NOT NULL, client TEXT NOT NULL,
    dialect TEXT NOT NULL, model_asked TEXT NOT NULL, model_served TEXT, account TEXT, attempts TEXT NOT NULL,
    status INTEGER NOT NULL, code TEXT, fault TEXT, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,
    prompt_tokens INTEGER, completion_tokens INTEGER, tokens_estimated INTEGER NOT NULL, first_byte_ms INTEGER,
    duration_ms INTEGER NOT NULL, stream INTEGER NOT NULL, interrupted INTEGER NOT NULL, cost_usd REAL, note TEXT,
    facets INTEGER, unbilled INTEGER, message TEXT, param TEXT,
    program TEXT, session TEXT, agent TEXT, request_class TEXT) STRICT";

/// Columns added by later versions, with their types.
const ADDED_COLUMNS: [(&str, &str); 10] = [
    ("cost_usd", "REAL"),
    ("note", "TEXT"),
    ("facets", "INTEGER"),
    ("unbilled", "INTEGER"),
    ("message", "TEXT"),
    ("param", "TEXT"),
    ("program", "TEXT"),
    ("session", "TEXT"),
    ("agent", "TEXT"),
    ("request_class", "TEXT"),
];

const OTHER_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS facets (id INTEGER PRIMARY KEY, facets TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE IF NOT EXISTS bodies (
        id INTEGER PRIMARY KEY, request TEXT NOT NULL, response TEXT NOT NULL, cut INTEGER NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS client_use (
        day INTEGER NOT NULL, client TEXT NOT NULL, requests INTEGER NOT NULL, failed INTEGER NOT NULL,
        prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL, tokens_estimated INTEGER NOT NULL,
        cost_usd REAL NOT NULL, cost_estimated INTEGER NOT NULL, last_used_ms INTEGER NOT NULL,
        billed_usd REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (day, client)) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS requests_by_facets ON requests (facets);
    CREATE INDEX IF NOT EXISTS requests_by_request_id ON requests (request_id);
    CREATE INDEX IF NOT EXISTS requests_by_session ON requests (session) WHERE session IS NOT NULL;";

/// SQL for the billed cost, which earlier versions stored as the only cost.
const ADD_BILLED_COLUMN: &str = "ALTER TABLE client_use ADD COLUMN billed_usd REAL NOT NULL DEFAULT 0;
    UPDATE client_use SET billed_usd = cost_usd;";

/// SQL with the columns that the table of every version has.
const FIRST_COLUMNS: &str =
    "SELECT id, time_ms, request_id, client, dialect, model_asked, model_served, account,
    attempts, status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens, tokens_estimated,
    first_byte_ms, duration_ms, stream, interrupted FROM requests LIMIT 0";

/// SQL for the text that serde writes. A difference costs only a little space.
const FACETS_OF_ROW: &str = "json_object('client', client, 'dialect', dialect, 'model_asked', model_asked,
    'model_served', model_served, 'account', account,
    'accounts', json((SELECT json_group_array(name) FROM
        (SELECT DISTINCT made.value ->> 'account' AS name FROM json_each(attempts) AS made ORDER BY name))),
    'status', status, 'code', code, 'failed', ((status >= 400 OR interrupted) AND code IS NOT 'client_closed'))";

/// Number of rows that one transaction migrates.
const MIGRATION_CHUNK_ROWS: i64 = 5_000;

/// Version of the file's format, in SQLite's `user_version`. Raised by a change that an older version must
/// not write to; added columns and tables do not raise it.
const SCHEMA_VERSION: i64 = 1;

/// Refuses a file of a newer format, before anything is written to it.
///
/// # Errors
/// [`RequestLogError::Newer`], or the error of SQLite.
pub fn check_version(connection: &Connection) -> Result<(), RequestLogError> {
    if version(connection)? > SCHEMA_VERSION { Err(RequestLogError::Newer) } else { Ok(()) }
}

fn version(connection: &Connection) -> Result<i64, RequestLogError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Creates missing tables, columns and facets.
pub(super) fn migrate(connection: &Connection) -> Result<(), RequestLogError> {
    connection.execute_batch(REQUESTS_TABLE)?;
    // Fails before any change if the table belongs to another program.
    connection.prepare(FIRST_COLUMNS)?;
    for (column, kind) in ADDED_COLUMNS {
        if !has_column(connection, "requests", column)? {
            connection.execute_batch(&format!("ALTER TABLE requests ADD COLUMN {column} {kind}"))?;
        }
    }
    connection.execute_batch(OTHER_TABLES)?;
    if !has_column(connection, "client_use", "billed_usd")? {
        connection.execute_batch(ADD_BILLED_COLUMN)?;
    }
    while add_missing_facets(connection)? > 0 {}
    if version(connection)? < SCHEMA_VERSION {
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    }
    Ok(())
}

/// Whether a table has this column.
pub(super) fn has_column(
    connection: &Connection,
    table: &str,
    column: &str,
) -> Result<bool, RequestLogError> {
    let there = "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)";
    Ok(connection.query_one(there, [table, column], |row| row.get(0))?)
}

/// Adds the facets of rows of an earlier version. Returns the number of rows.
fn add_missing_facets(connection: &Connection) -> Result<usize, RequestLogError> {
    let late = "SELECT id FROM requests WHERE facets IS NULL LIMIT ?1";
    let transaction = connection.unchecked_transaction()?;
    transaction.execute(
        &format!("INSERT OR IGNORE INTO facets (facets) SELECT DISTINCT {FACETS_OF_ROW} FROM requests WHERE id IN ({late})"),
        params![MIGRATION_CHUNK_ROWS],
    )?;
    let done = transaction.execute(
        &format!(
            "UPDATE requests SET facets = (SELECT known.id FROM facets AS known WHERE known.facets = {FACETS_OF_ROW})
             WHERE id IN ({late})"
        ),
        params![MIGRATION_CHUNK_ROWS],
    )?;
    transaction.commit()?;
    Ok(done)
}
