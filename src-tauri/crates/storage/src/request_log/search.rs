//! Search of records in the file: first the matching combinations of facets, then the newest rows of each.
use super::error::RequestLogError;
use super::facets::Facets;
use super::record::{ErrorSource, Query, RequestRecord};
use super::store::{signed, unsigned};
use super::stored_attempts;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

const COLUMNS: &str = "id, time_ms, request_id, client, dialect, model_asked, model_served, account, attempts,
    status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens, tokens_estimated, first_byte_ms,
    duration_ms, stream, interrupted, cost_usd, note,
    unbilled, message, param, program, session, agent, request_class";
/// Columns of a file that no newer version has opened yet.
const FIRST_COLUMNS: &str = "id, time_ms, request_id, client, dialect, model_asked, model_served, account, attempts,
    status, code, fault, bytes_in, bytes_out, prompt_tokens, completion_tokens, tokens_estimated, first_byte_ms,
    duration_ms, stream, interrupted, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL";

const NEWEST_OF_FACETS: &str =
    "SELECT id FROM requests WHERE facets = ?1 AND id > ?2 AND id < ?3 ORDER BY id DESC LIMIT ?4";
const COUNT_OF_FACETS: &str = "SELECT count(*) FROM requests WHERE facets = ?1 AND id > ?2 AND id < ?3";
const BY_REQUEST_ID: &str = "SELECT id, facets FROM requests INDEXED BY requests_by_request_id
    WHERE request_id >= ?1 AND request_id < ?2 AND id > ?3 AND id < ?4";
const BY_SESSION: &str = "SELECT id, facets FROM requests INDEXED BY requests_by_session
    WHERE session >= ?1 AND session < ?2 AND id > ?3 AND id < ?4";

/// Plan of a query.
struct QueryPlan {
    /// Combinations of which every row matches.
    matching_facets: Vec<i64>,
    /// Combinations of which a row matches only if its request id or session begins with the prefix.
    id_facets: HashSet<i64>,
    id_prefix: Option<String>,
    above: i64,
    below: i64,
}

/// Returns the matching records, newest first.
pub(super) fn latest(connection: &Connection, query: &Query) -> Result<Vec<RequestRecord>, RequestLogError> {
    let limit = query.effective_limit();
    if query.is_unfiltered() {
        let (above, below) = id_bounds(query);
        let sql =
            format!("SELECT {COLUMNS} FROM requests WHERE id > ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![above, below, signed(limit as u64)], read_record)?;
        return rows.map(|row| Ok(row?)).collect();
    }
    let plan = QueryPlan::new(connection, query)?;
    let sql = format!("SELECT {COLUMNS} FROM requests WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = Vec::new();
    for id in plan.newest(connection, limit)? {
        // A row may have been deleted in between.
        found.extend(statement.query_row([id], read_record).optional()?);
    }
    Ok(found)
}

/// Returns the number of matching records, regardless of the query's limit.
pub(super) fn count(connection: &Connection, query: &Query) -> Result<u64, RequestLogError> {
    let plan = QueryPlan::new(connection, query)?;
    let mut statement = connection.prepare_cached(COUNT_OF_FACETS)?;
    let mut sum = plan.ids_by_prefix(connection)?.len() as u64;
    for facets in &plan.matching_facets {
        let n: i64 = statement.query_row(params![facets, plan.above, plan.below], |row| row.get(0))?;
        sum += unsigned(n);
    }
    Ok(sum)
}

/// Returns one record.
pub(super) fn get(connection: &Connection, id: u64) -> Result<Option<RequestRecord>, RequestLogError> {
    let sql = format!("SELECT {COLUMNS} FROM requests WHERE id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Ok(statement.query_row([signed(id)], read_record).optional()?)
}

/// Returns the records of [`latest`] for a file of an earlier version that is only read, row by row.
pub(super) fn latest_unmigrated(
    connection: &Connection,
    query: &Query,
) -> Result<Vec<RequestRecord>, RequestLogError> {
    let (above, below) = id_bounds(query);
    let sql = format!("SELECT {FIRST_COLUMNS} FROM requests WHERE id > ?1 AND id < ?2 ORDER BY id DESC");
    let mut statement = connection.prepare(&sql)?;
    let rows = statement.query_map([above, below], read_record)?;
    let matching = rows.filter(|row| row.as_ref().map_or(true, |record| query.matches(record)));
    matching.take(query.effective_limit()).map(|row| Ok(row?)).collect()
}

/// Returns every combination in the file. One that cannot be read matches no query.
pub(super) fn all_facets(connection: &Connection) -> Result<Vec<(i64, Facets)>, RequestLogError> {
    let mut statement = connection.prepare_cached("SELECT id, facets FROM facets")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let mut all = Vec::new();
    for row in rows {
        let (id, text) = row?;
        all.extend(serde_json::from_str(&text).ok().map(|facets| (id, facets)));
    }
    Ok(all)
}

impl QueryPlan {
    fn new(connection: &Connection, query: &Query) -> Result<Self, RequestLogError> {
        let text = query.lowercase_text();
        let (above, below) = id_bounds(query);
        let mut plan = Self {
            matching_facets: Vec::new(),
            id_facets: HashSet::new(),
            id_prefix: query.id_prefix(),
            above,
            below,
        };
        for (id, facets) in all_facets(connection)? {
            if !query.matches_facets(&facets) {
            } else if text.as_ref().is_none_or(|text| facets.contains_text(text)) {
                plan.matching_facets.push(id);
            } else if plan.id_prefix.is_some() {
                plan.id_facets.insert(id);
            }
        }
        Ok(plan)
    }

    /// Returns the newest ids, newest first.
    fn newest(&self, connection: &Connection, limit: usize) -> Result<Vec<i64>, RequestLogError> {
        let mut newest = NewestIds { ids: BinaryHeap::new(), limit };
        let mut statement = connection.prepare_cached(NEWEST_OF_FACETS)?;
        for facets in &self.matching_facets {
            let above = newest.oldest().unwrap_or(self.above).max(self.above);
            let bounds = params![facets, above, self.below, signed(limit as u64)];
            for id in statement.query_map(bounds, |row| row.get(0))? {
                newest.push(id?);
            }
        }
        self.ids_by_prefix(connection)?.into_iter().for_each(|id| newest.push(id));
        Ok(newest.ids.into_sorted_vec().into_iter().map(|Reverse(id)| id).collect())
    }

    /// Returns the ids of rows that match only by their request id or session.
    fn ids_by_prefix(&self, connection: &Connection) -> Result<HashSet<i64>, RequestLogError> {
        let mut ids = HashSet::new();
        let Some(prefix) = self.id_prefix.as_ref().filter(|_| !self.id_facets.is_empty()) else {
            return Ok(ids);
        };
        let end = format!("{prefix}{}", char::MAX);
        for sql in [BY_REQUEST_ID, BY_SESSION] {
            let mut statement = connection.prepare_cached(sql)?;
            let bounds = params![prefix, end, self.above, self.below];
            let rows = statement.query_map(bounds, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?)))?;
            for row in rows {
                let (id, facets) = row?;
                if self.id_facets.contains(&facets) {
                    ids.insert(id);
                }
            }
        }
        Ok(ids)
    }
}

/// Largest ids seen so far.
struct NewestIds {
    ids: BinaryHeap<Reverse<i64>>,
    limit: usize,
}

impl NewestIds {
    fn push(&mut self, id: i64) {
        self.ids.push(Reverse(id));
        if self.ids.len() > self.limit {
            self.ids.pop();
        }
    }

    /// Returns the id that a further id must exceed, once the limit is reached.
    fn oldest(&self) -> Option<i64> {
        self.ids.peek().filter(|_| self.ids.len() >= self.limit).map(|Reverse(id)| *id)
    }
}

fn id_bounds(query: &Query) -> (i64, i64) {
    let (above, below) = query.id_range();
    (if above == 0 { i64::MIN } else { signed(above) }, signed(below))
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<RequestRecord> {
    let attempts: String = row.get(8)?;
    let fault: Option<String> = row.get(11)?;
    Ok(RequestRecord {
        id: unsigned(row.get(0)?),
        time_ms: unsigned(row.get(1)?),
        request_id: row.get(2)?,
        client: row.get(3)?,
        dialect: Cow::Owned(row.get(4)?),
        model_asked: row.get(5)?,
        model_served: row.get(6)?,
        account: row.get(7)?,
        attempts: stored_attempts::from_json(&attempts),
        status: row.get(9)?,
        code: row.get::<_, Option<String>>(10)?.map(Cow::Owned),
        fault: fault.as_deref().and_then(ErrorSource::from_name),
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
        program: row.get(26)?,
        session: row.get(27)?,
        agent: row.get(28)?,
        request_class: row.get(29)?,
    })
}
