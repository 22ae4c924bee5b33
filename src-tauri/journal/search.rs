//! Finding records in the file: first the combinations of facets that fit, then the newest rows of each.
use super::error::JournalError;
use super::facets::Facets;
use super::record::{Fault, Query, Record};
use super::store::{signed, unsigned};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

const COLUMNS: &str = "id, time_ms, request_id, client, dialect, model_asked, model_served, account, attempts,
    status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens, tokens_estimated, first_byte_ms,
    duration_ms, stream, interrupted, cost_usd, note,
    unbilled, message, param";
/// The same of a file that no newer version has opened yet.
const FIRST_COLUMNS: &str = "id, time_ms, request_id, client, dialect, model_asked, model_served, account, attempts,
    status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens, tokens_estimated, first_byte_ms,
    duration_ms, stream, interrupted, NULL, NULL, NULL, NULL, NULL";

const NEWEST_OF_FACETS: &str =
    "SELECT id FROM requests WHERE facets = ?1 AND id > ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
const COUNT_OF_FACETS: &str = "SELECT count(*) FROM requests WHERE facets = ?1 AND id > ?2 AND id < ?3";
const BY_REQUEST_ID: &str = "SELECT id, facets FROM requests INDEXED BY requests_by_request_id
    WHERE request_id >= ?1 AND request_id < ?2 AND id > ?3 AND id < ?4";

/// What a query comes down to.
struct Plan {
    /// Every row of these combinations.
    whole: Vec<i64>,
    /// Rows of these only where the request id begins as wanted.
    by_id: HashSet<i64>,
    id_begins: Option<String>,
    above: i64,
    below: i64,
}

/// The records wanted, newest first.
pub(super) fn latest(connection: &Connection, query: &Query) -> Result<Vec<Record>, JournalError> {
    let limit = query.effective_limit();
    if query.takes_all() {
        let (above, below) = bounds(query);
        let sql =
            format!("SELECT {COLUMNS} FROM requests WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![above, below, signed(limit as u64)], read)?;
        return rows.map(|row| Ok(row?)).collect();
    }
    let plan = Plan::new(connection, query)?;
    let sql = format!("SELECT {COLUMNS} FROM requests WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for id in plan.newest(connection, limit)? {
        // A row may have been deleted in between.
        found.extend(statement.query_row([id], read).optional()?);
    }
    Ok(found)
}

/// How many records there are, whatever the query's limit.
pub(super) fn count(connection: &Connection, query: &Query) -> Result<u64, JournalError> {
    let plan = Plan::new(connection, query)?;
    let mut statement = connection.prepare_cached(COUNT_OF_FACETS)?;
    let mut sum = plan.ids_by_request_id(connection)?.len() as u64;
    for facets in &plan.whole {
        let n: i64 = statement.query_row(params![facets, plan.above, plan.below], |row| row.get(0))?;
        sum += unsigned(n);
    }
    Ok(sum)
}

/// One record.
pub(super) fn get(connection: &Connection, id: u64) -> Result<Option<Record>, JournalError> {
    let sql = format!("SELECT {COLUMNS} FROM requests WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([signed(id)], read).optional()?)
}

/// As [`latest`], row by row, for a file of an earlier version that is only read.
pub(super) fn latest_of_old(connection: &Connection, query: &Query) -> Result<Vec<Record>, JournalError> {
    let (above, below) = bounds(query);
    let sql = format!("SELECT {FIRST_COLUMNS} FROM requests WHERE id > ?1 AND id < ?2 ORDER BY id DESC");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([above, below], read)?;
    let fitting = rows.filter(|row| row.as_ref().map_or(true, |record| query.matches(record)));
    fitting.take(query.effective_limit()).map(|row| Ok(row?)).collect()
}

/// Every combination in the file. One that cannot be read fits no query.
pub(super) fn facets(connection: &Connection) -> Result<Vec<(i64, Facets)>, JournalError> {
    let mut statement = connection.prepare_cached("SELECT id, facets FROM facets")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (id, text) = row?;
        all.extend(serde_json::from_str(&text).ok().map(|facets| (id, facets)));
    }
    Ok(all)
}

impl Plan {
    fn new(connection: &Connection, query: &Query) -> Result<Self, JournalError> {
        let text = query.wanted_text();
        let (above, below) = bounds(query);
        let mut plan =
            Self { whole: Vec::new(), by_id: HashSet::new(), id_begins: query.wanted_id(), above, below };
        for (id, facets) in facets(connection)? {
            if !query.fits(&facets) {
            } else if text.as_ref().is_none_or(|text| facets.holds(text)) {
                plan.whole.push(id);
            } else if plan.id_begins.is_some() {
                plan.by_id.insert(id);
            }
        }
        Ok(plan)
    }

    /// The newest ids, newest first.
    fn newest(&self, connection: &Connection, limit: usize) -> Result<Vec<i64>, JournalError> {
        let mut newest = Newest { ids: BinaryHeap::new(), limit };
        let mut statement = connection.prepare_cached(NEWEST_OF_FACETS)?;
        for facets in &self.whole {
            let above = newest.oldest().unwrap_or(self.above).max(self.above);
            let wanted = params![facets, above, self.below, signed(limit as u64)];
            for id in statement.query_map(wanted, |row| row.get(0))? {
                newest.offer(id?);
            }
        }
        self.ids_by_request_id(connection)?.into_iter().for_each(|id| newest.offer(id));
        Ok(newest.ids.into_sorted_vec().into_iter().map(|Reverse(id)| id).collect())
    }

    /// Ids of rows that fit by their request id alone.
    fn ids_by_request_id(&self, connection: &Connection) -> Result<Vec<i64>, JournalError> {
        let Some(begins) = self.id_begins.as_ref().filter(|_| !self.by_id.is_empty()) else {
            return Ok(Vec::new());
        };
        let mut statement = connection.prepare_cached(BY_REQUEST_ID)?;
        let end = format!("{begins}{}", char::MAX);
        let wanted = params![begins, end, self.above, self.below];
        let rows = statement.query_map(wanted, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
        let mut ids = Vec::new();
        for row in rows {
            let (id, facets) = row?;
            if self.by_id.contains(&facets) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// The largest ids seen.
struct Newest {
    ids: BinaryHeap<Reverse<i64>>,
    limit: usize,
}

impl Newest {
    fn offer(&mut self, id: i64) {
        self.ids.push(Reverse(id));
        if self.ids.len() > self.limit {
            self.ids.pop();
        }
    }

    /// What an id must exceed, once there are enough.
    fn oldest(&self) -> Option<i64> {
        self.ids.peek().filter(|_| self.ids.len() >= self.limit).map(|Reverse(id)| *id)
    }
}

fn bounds(query: &Query) -> (i64, i64) {
    let (above, below) = query.ids();
    (if above == 0 { i64::MIN } else { signed(above) }, signed(below))
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
        first_byte_ms: row.get::<_, Option<i64>>(17)?.map(unsigned),
        duration_ms: unsigned(row.get(18)?),
        stream: row.get(19)?,
        interrupted: row.get(20)?,
        cost_usd: row.get(21)?,
        note: row.get(22)?,
        unbilled: row.get::<_, Option<bool>>(23)?.unwrap_or_default(),
        message: row.get(24)?,
        param: row.get(25)?,
    })
}
