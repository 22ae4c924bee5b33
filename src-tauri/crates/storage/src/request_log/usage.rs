//! Usage per client and day, stored with the records because the limits of keys must outlive a restart.
use super::aggregates::{DAY_MS, RestoredAggregates, Totals};
use super::error::RequestLogError;
use super::record::RequestRecord;
use super::store::{signed, unsigned};
use rusqlite::{Connection, params};
use std::collections::HashMap;

const UPSERT_USAGE: &str =
    "INSERT INTO client_use (day, client, requests, failed, prompt_tokens, completion_tokens,
    tokens_estimated, cost_usd, cost_estimated, last_used_ms, billed_usd)
    VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)
    ON CONFLICT (day, client) DO UPDATE SET requests = requests + ?3, failed = failed + ?4,
    prompt_tokens = prompt_tokens + ?5, completion_tokens = completion_tokens + ?6,
    tokens_estimated = max(tokens_estimated, ?7), cost_usd = cost_usd + ?8,
    cost_estimated = max(cost_estimated, ?9), last_used_ms = max(last_used_ms, ?10),
    billed_usd = billed_usd + ?11";

/// Maximum number of rows of the last hour that are read; of a busier hour, only the last ones count.
const MAX_HOUR_ROWS: i64 = 20_000;
const HOUR_MS: u64 = 3_600_000;

/// Usage of the records of one transaction, by day and client.
#[derive(Default)]
pub(super) struct UsageBatch<'a>(HashMap<(u64, &'a str), (Totals, u64)>);

impl<'a> UsageBatch<'a> {
    /// Adds one record. The time of its end is taken from its id.
    pub(super) fn add(&mut self, record: &'a RequestRecord) {
        let end_ms = record.id / 1_000;
        let (sums, last_used_ms) = self.0.entry((end_ms / DAY_MS, &record.client)).or_default();
        sums.add(&Totals::from_record(record));
        *last_used_ms = end_ms.max(*last_used_ms);
    }

    /// Adds the usage to that in the file.
    pub(super) fn write(self, connection: &Connection) -> Result<(), RequestLogError> {
        let mut statement = connection.prepare_cached(UPSERT_USAGE)?;
        for ((day, client), (sums, last_used_ms)) in self.0 {
            statement.execute(params![
                signed(day),
                client,
                signed(sums.requests),
                signed(sums.failed),
                signed(sums.prompt_tokens),
                signed(sums.completion_tokens),
                sums.tokens_estimated,
                sums.cost_usd,
                sums.cost_estimated,
                signed(last_used_ms),
                sums.billed_usd,
            ])?;
        }
        Ok(())
    }
}

/// Loads the aggregates of today and the last hour.
pub(super) fn load(connection: &Connection, now_ms: u64) -> Result<RestoredAggregates, RequestLogError> {
    Ok(RestoredAggregates {
        clients: client_totals(connection, now_ms / DAY_MS)?,
        hour: last_hour(connection, now_ms)?,
    })
}

fn client_totals(connection: &Connection, today: u64) -> Result<Vec<(String, Totals, u64)>, RequestLogError> {
    let newest =
        "SELECT client, day, requests, failed, prompt_tokens, completion_tokens, tokens_estimated, cost_usd,
        cost_estimated, max(last_used_ms), billed_usd FROM client_use GROUP BY client";
    let mut statement = connection.prepare(newest)?;
    let rows = statement.query_map([], |row| {
        let sums = Totals {
            requests: unsigned(row.get(2)?),
            failed: unsigned(row.get(3)?),
            prompt_tokens: unsigned(row.get(4)?),
            completion_tokens: unsigned(row.get(5)?),
            tokens_estimated: row.get(6)?,
            cost_usd: row.get(7)?,
            cost_estimated: row.get(8)?,
            billed_usd: row.get(10)?,
        };
        let is_today = unsigned(row.get(1)?) == today;
        Ok((row.get(0)?, if is_today { sums } else { Totals::default() }, unsigned(row.get(9)?)))
    })?;
    rows.map(|row| Ok(row?)).collect()
}

fn last_hour(connection: &Connection, now_ms: u64) -> Result<Vec<(u64, bool, Option<u64>)>, RequestLogError> {
    let rows = "SELECT id, (status >= 400 OR interrupted) AND code IS NOT 'client_closed', first_byte_ms FROM requests WHERE id > ?1
        ORDER BY id DESC LIMIT ?2";
    let mut statement = connection.prepare(rows)?;
    let since = signed(now_ms.saturating_sub(HOUR_MS).saturating_mul(1_000));
    let rows = statement.query_map(params![since, MAX_HOUR_ROWS], |row| {
        let first_byte: Option<i64> = row.get(2)?;
        Ok((unsigned(row.get(0)?) / 1_000, row.get(1)?, first_byte.map(unsigned)))
    })?;
    let mut hour = rows.collect::<Result<Vec<_>, _>>()?;
    hour.reverse();
    Ok(hour)
}

/// Deletes the days before this one. Returns the number of rows.
pub(super) fn sweep(connection: &Connection, oldest_ms: u64) -> Result<u64, RequestLogError> {
    let oldest_day = signed(oldest_ms / DAY_MS);
    Ok(connection.execute("DELETE FROM client_use WHERE day < ?1", [oldest_day])? as u64)
}

/// Deletes every day.
pub(super) fn clear(connection: &Connection) -> Result<(), RequestLogError> {
    connection.execute("DELETE FROM client_use", [])?;
    Ok(())
}
