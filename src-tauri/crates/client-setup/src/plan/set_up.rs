//! Plan of a set-up for one file.

use std::path::PathBuf;

use super::{FilePlan, Outcome, Scope, drift};
use crate::change::{self, Change, Edit, Present};
use crate::client::FileSetup;
use crate::connection::Connection;
use crate::document::{Document, TextError};
use crate::environment::Environment;
use crate::error::Error;
use crate::file::{self, FileSnapshot};
use crate::store::FileRecord;
use crate::view::Drift;

/// Mode bits of group and others.
const ACCESS_OF_OTHERS: u32 = 0o077;

/// The plan for one file, and its record afterwards.
pub(super) fn plan_file(
    environment: &Environment,
    connection: &Connection,
    setup: &FileSetup,
    former: Option<&FileRecord>,
    scope: Scope,
) -> Result<(FilePlan, FileRecord), Error> {
    let snapshot = FileSnapshot::read(&setup.path)?;
    let problem = |problem| Error::Text { path: setup.path.clone(), problem };
    let (mark, text) = snapshot.text()?;
    let mut changes = former.map_or_else(Vec::new, |file| file.changes.clone());
    let mut document = Document::parse(setup.format, text).map_err(problem)?;
    let drifts = match (scope, former) {
        (Scope::Everything, Some(former)) => drifts(former, &document, connection.secret()),
        (Scope::WhatIsNew, _) | (_, None) => Vec::new(),
    };
    let edits = match scope {
        Scope::Everything => setup.edits.clone(),
        Scope::WhatIsNew => new_edits(&setup.edits, &changes, &document),
    };
    changes.retain(|change| change.present(&document) != Present::AsBefore);
    document = drop_stale(document, &mut changes, &setup.edits).map_err(problem)?;
    for edit in &edits {
        document = change::apply(document, edit, &mut changes).map_err(problem)?;
    }
    let bytes = file::with_mark(mark, &document.text);
    let record = FileRecord {
        path: setup.path.clone(),
        format: setup.format,
        created: former.map_or(snapshot.bytes.is_none(), |file| file.created),
        created_folders: former
            .map_or_else(|| missing_folders(&snapshot), |file| file.created_folders.clone()),
        original: former.and_then(|file| file.original.clone()),
        original_mode: former.map_or(snapshot.mode(), |file| file.original_mode),
        written: file::hash(&bytes),
        changes,
    };
    let outcome = if snapshot.bytes.as_deref() == Some(&bytes) {
        Outcome::Nothing
    } else {
        snapshot.check_writable(environment.user_id)?;
        let has_key = document.text.contains(connection.secret());
        Outcome::Write { bytes, mode: narrowed(snapshot.mode(), has_key) }
    };
    let folders = missing_folders(&snapshot);
    Ok((FilePlan { snapshot, outcome, folders, drifts }, record))
}

fn drifts(former: &FileRecord, document: &Document, key: &str) -> Vec<Drift> {
    let changed = former.changes.iter().filter(|change| change.present(document) == Present::Changed);
    changed.filter_map(|change| drift(former, change, document, key)).collect()
}

/// Edits whose value differs from the recorded one. Values that the user changed or removed since are left
/// alone.
fn new_edits(edits: &[Edit], changes: &[Change], document: &Document) -> Vec<Edit> {
    let is_new = |edit: &Edit| match changes.iter().find(|change| edit.path.0.starts_with(&change.path.0)) {
        Some(change) => {
            change.present(document) != Present::AsBefore && change.ours_at(&edit.path) != Some(&edit.value)
        }
        None => true,
    };
    edits.iter().flat_map(Edit::leaves).filter(is_new).collect()
}

/// Undoes changes that no edit contains any more, such as the entry of a model that was replaced.
fn drop_stale(
    mut document: Document,
    changes: &mut Vec<Change>,
    edits: &[Edit],
) -> Result<Document, TextError> {
    for index in (0..changes.len()).rev() {
        let change = &changes[index];
        let wanted = edits.iter().any(|edit| change.overlaps(&edit.path));
        if !wanted && change.present(&document) == Present::AsSet {
            (document, _) = change.undo(document)?;
            changes.remove(index);
        }
    }
    Ok(document)
}

/// Mode for the new content: without access for group and others if it contains the key.
fn narrowed(mode: Option<u32>, has_key: bool) -> Option<u32> {
    mode.map(|mode| if has_key { mode & !ACCESS_OF_OTHERS } else { mode })
}

fn missing_folders(snapshot: &FileSnapshot) -> Vec<PathBuf> {
    let mut missing: Vec<_> =
        snapshot.target.ancestors().skip(1).take_while(|dir| !dir.exists()).map(PathBuf::from).collect();
    missing.reverse();
    missing
}
