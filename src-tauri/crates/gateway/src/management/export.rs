//! Commands `log.export`, `log.save` and `log.show_saved`: the request log as a file, without any secret that this
//! program knows.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::log::{internal_error, known_secrets, not_found};
use super::{Control, ControlError, ErrorCode, NoArgs, UserMessage};
use storage::request_log::{ExportFormat, Query, RequestLog, RequestLogError, RequestRecord};
use storage::secrets::{self, Redactor};

/// The most records of one export. Older ones are exported with `before_id`.
const MAX_EXPORT_RECORDS: usize = 50_000;
const EXPORT_PAGE_RECORDS: usize = 1_000;

/// Suffix of the file that is written before it is renamed to the name that the user chose.
const PARTIAL_FILE_SUFFIX: &str = ".mammouth-part";

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(super) struct ExportArgs {
    format: ExportFormat,
    query: Option<Query>,
}

/// A file of records, for a browser to save.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct ExportedLog {
    /// A name for the file.
    pub name: String,
    pub media_type: String,
    pub text: String,
    pub records: u64,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct SavedFile {
    pub path: String,
    pub records: u64,
}

/// Reason why a file was not written.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Journal(#[from] RequestLogError),
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Exports records as a text, the oldest first.
pub(super) async fn export(control: &Control, args: ExportArgs) -> Result<ExportedLog, ControlError> {
    let work = ExportJob::new(control, args).await;
    let format = work.format;
    let (text, records) = run_at_low_priority(move || {
        let mut text = Vec::new();
        let records = work.write(&mut text)?;
        Ok((text, records))
    })
    .await?;
    let text = String::from_utf8(text).map_err(internal_error)?;
    Ok(ExportedLog { name: file_name(format), media_type: media_type(format).to_owned(), text, records })
}

/// Exports records to a file that the user chooses in the system's dialog. Returns `None` if the user cancels.
pub(super) async fn save(control: &Control, args: ExportArgs) -> Result<Option<SavedFile>, ControlError> {
    let desktop = Arc::clone(control.require_desktop()?);
    let Some(path) = desktop.save_as(file_name(args.format)).await? else { return Ok(None) };
    let work = ExportJob::new(control, args).await;
    let target = path.clone();
    let records = run_at_low_priority(move || {
        secrets::atomic_write_with(&target, PARTIAL_FILE_SUFFIX, |file| {
            let mut out = BufWriter::new(file);
            let records = work.write(&mut out)?;
            out.flush()?;
            Ok(records)
        })
    })
    .await?;
    let saved = SavedFile { path: path.display().to_string(), records };
    control.set_exported_file(path);
    Ok(Some(saved))
}

/// Shows the file that was saved last in the system's file manager. The page passes no path.
pub(super) async fn show_saved(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    let path = control.exported_file().ok_or_else(not_found)?;
    control.require_desktop()?.show_file(path).await
}

/// The inputs of one export, which runs on a thread of its own.
struct ExportJob {
    journal: RequestLog,
    query: Query,
    format: ExportFormat,
    redactor: Redactor,
}

impl ExportJob {
    async fn new(control: &Control, args: ExportArgs) -> Self {
        Self {
            journal: control.journal.clone(),
            query: args.query.unwrap_or_default(),
            format: args.format,
            redactor: Redactor::new(&known_secrets(control).await),
        }
    }

    /// Writes row by row. Returns the number of rows.
    fn write(self, out: &mut impl Write) -> Result<u64, ExportError> {
        let records = read_records(&self.journal, self.query)?;
        out.write_all(self.format.head().as_bytes())?;
        for (index, record) in records.iter().enumerate() {
            let bodies = if self.format.holds_bodies() { self.journal.bodies(record.id)? } else { None };
            let row = self.format.row(record, bodies.as_ref(), index == 0);
            out.write_all(self.redactor.without_secrets(&row).as_bytes())?;
        }
        out.write_all(self.format.tail().as_bytes())?;
        Ok(records.len() as u64)
    }
}

/// Reads page by page, then sorts the oldest first.
fn read_records(journal: &RequestLog, query: Query) -> Result<Vec<RequestRecord>, RequestLogError> {
    let max_records = if query.limit == 0 { MAX_EXPORT_RECORDS } else { query.limit.min(MAX_EXPORT_RECORDS) };
    let mut query = Query { limit: EXPORT_PAGE_RECORDS.min(max_records), ..query };
    let mut records: Vec<RequestRecord> = Vec::new();
    loop {
        let page = journal.latest(&query)?;
        let last = page.len() < query.limit;
        records.extend(page);
        if last || records.len() >= max_records {
            break;
        }
        query.before_id = records.last().map(|record| record.id);
        query.limit = EXPORT_PAGE_RECORDS.min(max_records - records.len());
    }
    records.reverse();
    Ok(records)
}

/// Runs work on a low-priority thread. Exports read, write and search tens of megabytes, which must not delay streams.
/// The thread is a new one, because a lowered priority cannot be raised again.
async fn run_at_low_priority<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ExportError> + Send + 'static,
) -> Result<T, ControlError> {
    let (sender, done) = tokio::sync::oneshot::channel();
    let run = move || {
        lower_priority();
        // The receiver is gone if the command was cancelled.
        drop(sender.send(work()));
    };
    std::thread::Builder::new().name("export".to_owned()).spawn(run).map_err(internal_error)?;
    done.await.map_err(internal_error)?.map_err(export_error)
}

/// Lowers the priority of this thread. On other systems the priority belongs to the whole process, or needs a library.
#[cfg(target_os = "linux")]
fn lower_priority() {
    /// About a tenth of the default weight, so that the thread still progresses on a busy machine.
    const NICE: i32 = 10;
    // An error is ignored: the export works at normal priority too.
    let _ = rustix::process::setpriority_process(None, NICE);
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

fn export_error(error: ExportError) -> ControlError {
    match error {
        ExportError::Journal(error) => internal_error(error),
        ExportError::File(error) => {
            ControlError::with_message(ErrorCode::FileNotSaved, file_error_message(&error))
        }
    }
}

fn file_error_message(error: &io::Error) -> UserMessage {
    use io::ErrorKind::{FileTooLarge, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let kind = error.kind();
    if matches!(kind, StorageFull | QuotaExceeded | FileTooLarge) {
        UserMessage::DiskFull
    } else if matches!(kind, PermissionDenied | ReadOnlyFilesystem) {
        UserMessage::NoPermission
    } else {
        UserMessage::Plain { text: error.to_string() }
    }
}

fn file_name(format: ExportFormat) -> String {
    let ending = match format {
        ExportFormat::Csv => "csv",
        ExportFormat::Jsonl => "jsonl",
        ExportFormat::Har => "har",
    };
    format!("mammouth-requests.{ending}")
}

fn media_type(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Csv => "text/csv",
        ExportFormat::Jsonl => "application/jsonl",
        ExportFormat::Har => "application/json",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f51_what_hinders_a_file_is_named() {
        let said = |kind: io::ErrorKind| export_error(ExportError::File(kind.into())).said.unwrap();
        assert_eq!(said(io::ErrorKind::StorageFull), UserMessage::DiskFull);
        assert_eq!(said(io::ErrorKind::PermissionDenied), UserMessage::NoPermission);
        assert_eq!(said(io::ErrorKind::ReadOnlyFilesystem), UserMessage::NoPermission);
        assert!(matches!(said(io::ErrorKind::NotFound), UserMessage::Plain { .. }));
    }
}
