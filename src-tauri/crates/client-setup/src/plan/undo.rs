//! Plan of an undo for one file.

use super::{DriftChoice, FilePlan, Outcome};
use crate::change::{Change, Present};
use crate::document::{Document, TextError};
use crate::environment::Environment;
use crate::error::Error;
use crate::file::{self, FileSnapshot};
use crate::mask;
use crate::store::{FileRecord, Store};
use crate::view::Drift;

/// The plan for one file. With [`DriftChoice::Ask`], values that were changed since are added to `drifts`.
pub(super) fn plan_file(
    environment: &Environment,
    record: &FileRecord,
    choice: DriftChoice,
    store: &Store,
    key: &str,
    drifts: &mut Vec<Drift>,
) -> Result<FilePlan, Error> {
    let snapshot = FileSnapshot::read(&record.path)?;
    let problem = |problem| Error::Text { path: record.path.clone(), problem };
    let (mark, text) = snapshot.text()?;
    if snapshot.bytes.is_none() {
        return Ok(FilePlan { snapshot, outcome: Outcome::Nothing, folders: Vec::new(), drifts: Vec::new() });
    }
    let document = Document::parse(record.format, text).map_err(problem)?;
    let (mut document, exact) = undone(document, record, choice, key, drifts).map_err(problem)?;
    if !exact {
        document = original_if_same(document, record, store);
    }
    let empty = record.created && matches!(document.text.trim(), "" | "{}" | "[]");
    let bytes = file::with_mark(mark, &document.text);
    let outcome = match () {
        () if empty => Outcome::Delete,
        () if snapshot.bytes.as_deref() == Some(&bytes) => Outcome::Nothing,
        () => Outcome::Write { bytes, mode: record.original_mode.or(snapshot.mode()) },
    };
    if !matches!(outcome, Outcome::Nothing) {
        snapshot.check_writable(environment.user_id)?;
    }
    let folders = if empty { record.created_folders.clone() } else { Vec::new() };
    Ok(FilePlan { snapshot, outcome, folders, drifts: Vec::new() })
}

/// Undoes the recorded changes, the last one first. Returns `true` if the text is exactly as if none had been
/// made.
fn undone(
    mut document: Document,
    record: &FileRecord,
    choice: DriftChoice,
    key: &str,
    drifts: &mut Vec<Drift>,
) -> Result<(Document, bool), TextError> {
    let mut exact = true;
    for change in record.changes.iter().rev() {
        match (change.present(&document), choice) {
            (Present::AsBefore, _) | (Present::Changed, DriftChoice::KeepPresent) => {}
            (Present::Changed, DriftChoice::Ask) => drifts.extend(drift(record, change, &document, key)),
            (Present::AsSet, _) | (Present::Changed, DriftChoice::RestoreFormer) => {
                let (before, as_before) = change.undo(document)?;
                document = before;
                exact &= as_before;
            }
        }
    }
    Ok((document, exact))
}

/// The original text if it has the same value and no comment was added since, because a client may have
/// reformatted the file; otherwise the document.
fn original_if_same(document: Document, record: &FileRecord, store: &Store) -> Document {
    let original = record.original.as_deref().and_then(|name| store.read_backup(name));
    let Some(text) = original.and_then(|bytes| String::from_utf8(bytes).ok()) else { return document };
    let text = text.trim_start_matches('\u{feff}');
    let keeps_comments = comments(&document.text).all(|comment| text.contains(comment));
    match Document::parse(record.format, text.to_owned()) {
        Ok(original) if keeps_comments && original.value() == document.value() => original,
        _ => document,
    }
}

/// Text from the comment mark to the end of each line. A mark inside a string counts too, which only keeps
/// the document in more cases.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.find(['#', '*']).or_else(|| line.find("//")).map(|at| line[at..].trim()))
}

/// The drift of a changed value; `None` if the value is gone.
pub(crate) fn drift(record: &FileRecord, change: &Change, document: &Document, key: &str) -> Option<Drift> {
    let node = document.find(&change.path.0)?;
    let show = |value: &crate::value::Value| {
        let name = change.path.to_string();
        let masked = mask::text(&format!("{name}: {}", value.to_json()), key);
        masked[name.len() + 2..].to_owned()
    };
    Some(Drift {
        path: record.path.clone(),
        line: document.line_of(node),
        key: change.path.to_string(),
        before: change.before.as_ref().map(show),
        ours: show(&change.ours),
        now: show(&node.value()),
    })
}
