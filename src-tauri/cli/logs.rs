//! `logs` and `export`: the request log, from the running instance or from its file.

use std::collections::HashSet;

use futures_util::StreamExt;

use super::args::{Export, Format, Logs, Place};
use super::client::{Found, block_on, find};
use super::{Stop, out};
use crate::app::DATABASE;
use crate::journal::{self, ExportFormat, JournalError, Query, Record};

/// Records are fetched in pages of this size.
const PAGE: usize = 1_000;
/// A line of the live feed longer than this is no record.
const LONGEST_LINE: usize = 1 << 20;

pub(super) fn logs(place: &Place, options: &Logs) -> Result<(), Stop> {
    let found = find(place)?;
    let query =
        Query { limit: options.lines.max(1) as usize, failed_only: options.failed, ..Query::default() };
    block_on(async {
        let feed = match (&found.client, options.follow) {
            (Some(client), true) => Some(client.events().await?),
            (None, true) => {
                return Err(Stop::failed("the proxy does not run, so there is nothing to follow"));
            }
            (_, false) => None,
        };
        let mut records = if options.lines == 0 { Vec::new() } else { latest(&found, &query).await? };
        records.reverse();
        records.iter().for_each(|record| show(record, options));
        if records.is_empty() && feed.is_none() {
            out::note(format_args!("(nothing in the request log of {})", found.data_dir.display()));
        }
        match feed {
            Some(feed) => follow(feed, options, records.iter().map(|record| record.id).collect()).await,
            None => Ok(()),
        }
    })
}

/// Newest first.
async fn latest(found: &Found, query: &Query) -> Result<Vec<Record>, Stop> {
    match &found.client {
        Some(client) => client.ask("log.latest", query).await,
        None => {
            match journal::read_only(&found.data_dir.join(DATABASE)).and_then(|reader| reader.latest(query)) {
                Ok(records) => Ok(records),
                Err(JournalError::Missing) => Ok(Vec::new()),
                Err(error) => Err(Stop::failed(error.to_string())),
            }
        }
    }
}

fn show(record: &Record, options: &Logs) {
    if options.failed && !record.failed() {
        return;
    }
    if options.json {
        out::line(serde_json::to_string(record).unwrap_or_default());
    } else {
        out::line(journal::line(record));
    }
}

/// Shows the feed until the proxy stops. What was shown from the log already is not shown again.
async fn follow(feed: reqwest::Response, options: &Logs, mut shown: HashSet<u64>) -> Result<(), Stop> {
    let mut chunks = feed.bytes_stream();
    let mut waiting = Vec::new();
    while let Some(chunk) = chunks.next().await {
        waiting.extend_from_slice(&chunk.map_err(|_| Stop::failed("the proxy stopped"))?);
        while let Some(end) = waiting.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = waiting.drain(..=end).collect();
            if let Some(record) = record(&line).filter(|record| !shown.remove(&record.id)) {
                show(&record, options);
            }
        }
        if waiting.len() > LONGEST_LINE {
            return Err(Stop::failed("the running proxy is of another version"));
        }
    }
    Ok(())
}

fn record(line: &[u8]) -> Option<Record> {
    serde_json::from_slice(line.strip_prefix(b"data: ")?).ok()
}

pub(super) fn export(place: &Place, options: &Export) -> Result<(), Stop> {
    let found = find(place)?;
    let mut records = block_on(all(&found))?;
    records.reverse();
    let format = match options.format {
        Format::Jsonl => ExportFormat::Jsonl,
        Format::Csv => ExportFormat::Csv,
        Format::Har => ExportFormat::Har,
    };
    out::text(&format.head());
    for (index, record) in records.iter().enumerate() {
        // Bodies stay where they are: only the window exports them.
        out::text(&format.row(record, None, index == 0));
    }
    out::text(format.tail());
    Ok(())
}

/// Page after page, newest first.
async fn all(found: &Found) -> Result<Vec<Record>, Stop> {
    let mut records: Vec<Record> = Vec::new();
    loop {
        let before_id = records.last().map(|record| record.id);
        let page = latest(found, &Query { limit: PAGE, before_id, ..Query::default() }).await?;
        let last = page.len() < PAGE;
        records.extend(page);
        if last {
            return Ok(records);
        }
    }
}
