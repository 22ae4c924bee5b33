//! `logs` and `export`: the request log, from the running instance or from its file.

use std::collections::HashSet;

use futures_util::StreamExt;

use super::args::{ExportFormatArg, GlobalArgs, LogExportArgs, LogsArgs};
use super::client::{TargetInstance, block_on, find_target};
use super::{ExitError, output};
use gateway::app::DATABASE_FILE;
use storage::request_log::{self, ExportFormat, Query, RequestLogError, RequestRecord};

/// Number of records per page.
const PAGE_RECORDS: usize = 1_000;
/// Maximum length of a line of the event feed.
const MAX_FEED_LINE_BYTES: usize = 1 << 20;

pub(super) fn logs(global: &GlobalArgs, options: &LogsArgs) -> Result<(), ExitError> {
    let target = find_target(global)?;
    let query =
        Query { limit: options.lines.max(1) as usize, failed_only: options.failed, ..Query::default() };
    block_on(async {
        let feed = match (&target.client, options.follow) {
            (Some(client), true) => Some(client.events().await?),
            (None, true) => {
                return Err(ExitError::failed("the proxy does not run, so there is nothing to follow"));
            }
            (_, false) => None,
        };
        let mut records =
            if options.lines == 0 { Vec::new() } else { latest_records(&target, &query).await? };
        records.reverse();
        records.iter().for_each(|record| print_record(record, options));
        if records.is_empty() && feed.is_none() {
            output::note(format_args!("(nothing in the request log of {})", target.data_dir.display()));
        }
        match feed {
            Some(feed) => follow(feed, options, records.iter().map(|record| record.id).collect()).await,
            None => Ok(()),
        }
    })
}

/// The latest records, newest first.
async fn latest_records(target: &TargetInstance, query: &Query) -> Result<Vec<RequestRecord>, ExitError> {
    match &target.client {
        Some(client) => client.call("log.latest", query).await,
        None => {
            match request_log::open_read_only(&target.data_dir.join(DATABASE_FILE))
                .and_then(|reader| reader.latest(query))
            {
                Ok(records) => Ok(records),
                Err(RequestLogError::Missing) => Ok(Vec::new()),
                Err(error) => Err(ExitError::failed(error.to_string())),
            }
        }
    }
}

fn print_record(record: &RequestRecord, options: &LogsArgs) {
    if options.failed && !record.is_failed() {
        return;
    }
    if options.json {
        output::line(serde_json::to_string(record).unwrap_or_default());
    } else {
        output::line(request_log::format_line(record));
    }
}

/// Prints new records until the proxy stops, without those already shown.
async fn follow(
    feed: reqwest::Response,
    options: &LogsArgs,
    mut shown: HashSet<u64>,
) -> Result<(), ExitError> {
    let mut chunks = feed.bytes_stream();
    let mut buffer = Vec::new();
    while let Some(chunk) = chunks.next().await {
        buffer.extend_from_slice(&chunk.map_err(|_| ExitError::failed("the proxy stopped"))?);
        while let Some(end) = memchr::memchr(b'\n', &buffer) {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            if let Some(record) = parse_record(&line).filter(|record| !shown.remove(&record.id)) {
                print_record(&record, options);
            }
        }
        if buffer.len() > MAX_FEED_LINE_BYTES {
            return Err(ExitError::failed("the running proxy is of another version"));
        }
    }
    Ok(())
}

fn parse_record(line: &[u8]) -> Option<RequestRecord> {
    serde_json::from_slice(line.strip_prefix(b"data: ")?).ok()
}

pub(super) fn export(global: &GlobalArgs, options: &LogExportArgs) -> Result<(), ExitError> {
    let target = find_target(global)?;
    let mut records = block_on(all_records(&target))?;
    records.reverse();
    let format = match options.format {
        ExportFormatArg::Jsonl => ExportFormat::Jsonl,
        ExportFormatArg::Csv => ExportFormat::Csv,
        ExportFormatArg::Har => ExportFormat::Har,
    };
    output::text(&format.head());
    for (index, record) in records.iter().enumerate() {
        // Bodies are not exported here, only by the window.
        output::text(&format.row(record, None, index == 0));
    }
    output::text(format.tail());
    Ok(())
}

/// Returns all records, the newest first, fetched by page.
async fn all_records(target: &TargetInstance) -> Result<Vec<RequestRecord>, ExitError> {
    let mut records: Vec<RequestRecord> = Vec::new();
    loop {
        let before_id = records.last().map(|record| record.id);
        let page =
            latest_records(target, &Query { limit: PAGE_RECORDS, before_id, ..Query::default() }).await?;
        let last = page.len() < PAGE_RECORDS;
        records.extend(page);
        if last {
            return Ok(records);
        }
    }
}
