//! `log.…`: the request log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode, Nothing};
use crate::journal::{self, Bodies, Journal, JournalError, Query, Record};
use crate::secrets::{Redactor, Secret};

/// A file of records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Exported {
    /// A name for the file.
    pub name: String,
    pub media_type: String,
    pub text: String,
}

pub(super) async fn latest(control: &Control, query: Query) -> Result<Vec<Record>, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.latest(&query)).await
}

/// One record or its bodies.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct IdArgs {
    id: u64,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ExportFormat {
    Csv,
    Jsonl,
    Har,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct ExportArgs {
    format: ExportFormat,
    query: Option<Query>,
}

/// The most that one export holds; an older rest is had with `before_id`.
const LARGEST_EXPORT: usize = 50_000;
const PAGE: usize = 1_000;

pub(super) async fn get(control: &Control, args: IdArgs) -> Result<Record, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.get(args.id)).await?.ok_or_else(not_found)
}

pub(super) async fn count(control: &Control, query: Query) -> Result<u64, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.count(&query)).await
}

pub(super) async fn bodies(control: &Control, args: IdArgs) -> Result<Bodies, ControlError> {
    let journal = control.journal.clone();
    let secrets = known_secrets(control).await;
    let bodies = blocking(move || {
        let clean = Redactor::new(&secrets);
        let clean = |text: &str| clean.without_secrets(text);
        let bodies = journal.bodies(args.id)?;
        Ok(bodies.map(|Bodies { request, response, cut }| Bodies {
            request: clean(&request),
            response: clean(&response),
            cut,
        }))
    });
    bodies.await?.ok_or_else(not_found)
}

/// The records as a file, the oldest first, without any secret that this program knows.
pub(super) async fn export(control: &Control, args: ExportArgs) -> Result<Exported, ControlError> {
    let (journal, query) = (control.journal.clone(), args.query.unwrap_or_default());
    let secrets = known_secrets(control).await;
    let text = giving_way(move || {
        let text = written(&journal, args.format, query)?;
        Ok(Redactor::new(&secrets).without_secrets(&text))
    })
    .await?;
    let (ending, media_type) = match args.format {
        ExportFormat::Csv => ("csv", "text/csv"),
        ExportFormat::Jsonl => ("jsonl", "application/jsonl"),
        ExportFormat::Har => ("har", "application/json"),
    };
    Ok(Exported { name: format!("mammouth-requests.{ending}"), media_type: media_type.to_owned(), text })
}

/// Tens of megabytes to read, write and look through, for which no stream should wait. On a thread of its own, because a
/// priority that was given up is not had back.
async fn giving_way<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, ControlError> {
    let (sender, done) = tokio::sync::oneshot::channel();
    let run = move || {
        lower_priority();
        // Nobody waits any more where the command was given up.
        drop(sender.send(work()));
    };
    std::thread::Builder::new().name("export".to_owned()).spawn(run).map_err(internal)?;
    done.await.map_err(internal)?.map_err(internal)
}

/// Of this thread. Elsewhere priorities are the whole program's, or need a library of their own.
#[cfg(target_os = "linux")]
fn lower_priority() {
    /// A tenth of the weight of others: on a machine that has nothing to spare, it still gets on.
    const NICE: i32 = 10;
    // It works without as well.
    let _ = rustix::process::setpriority_process(None, NICE);
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

fn written(journal: &Journal, format: ExportFormat, query: Query) -> Result<String, JournalError> {
    let records = all(journal, query)?;
    Ok(match format {
        ExportFormat::Csv => journal::csv(&records),
        ExportFormat::Jsonl => journal::jsonl(&records),
        ExportFormat::Har => {
            let with_bodies = |record: Record| Ok((journal.bodies(record.id)?, record));
            let both: Result<Vec<_>, JournalError> = records.into_iter().map(with_bodies).collect();
            let both: Vec<_> = both?.into_iter().map(|(bodies, record)| (record, bodies)).collect();
            journal::har(&both)
        }
    })
}

/// Page after page, then the oldest first.
fn all(journal: &Journal, query: Query) -> Result<Vec<Record>, JournalError> {
    let most = if query.limit == 0 { LARGEST_EXPORT } else { query.limit.min(LARGEST_EXPORT) };
    let mut query = Query { limit: PAGE.min(most), ..query };
    let mut records: Vec<Record> = Vec::new();
    loop {
        let page = journal.latest(&query)?;
        let last = page.len() < query.limit;
        records.extend(page);
        if last || records.len() >= most {
            break;
        }
        query.before_id = records.last().map(|record| record.id);
        query.limit = PAGE.min(most - records.len());
    }
    records.reverse();
    Ok(records)
}

/// What must not leave: cookies, keys of the API, client keys.
async fn known_secrets(control: &Control) -> Vec<Secret> {
    // Nobody asked for a key here: no password window may open.
    let named = match control.vault.peek().await {
        Ok(()) => super::keys::texts(control).await.0,
        Err(_) => BTreeMap::new(),
    };
    let views = control.accounts.list(control.clock.now());
    let accounts = views.iter().filter_map(|view| Some(control.accounts.find(&view.id)?.secret.clone()));
    let main = match control.keys.main() {
        super::MainKey::Kept { key, .. } | super::MainKey::ForThisRun { key, .. } => Some(key),
        super::MainKey::Unread { .. } => None,
    };
    accounts.chain(main).chain(named.into_values()).collect()
}

fn not_found() -> ControlError {
    ControlError::new(ErrorCode::NotFound, "there is no such record, or nothing of it was kept")
}

pub(super) async fn clear(control: &Control, _: Nothing) -> Result<u64, ControlError> {
    let journal = control.journal.clone();
    blocking(move || journal.clear()).await
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, ControlError> {
    tokio::task::spawn_blocking(work).await.map_err(internal)?.map_err(internal)
}

fn internal(error: impl std::fmt::Display) -> ControlError {
    ControlError::new(ErrorCode::Internal, error.to_string())
}
