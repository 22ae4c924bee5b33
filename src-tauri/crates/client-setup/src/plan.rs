//! A change of a client's files that has been worked out and verified, and not been written.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use similar::TextDiff;

use crate::change::{self, Change, Edit, Present};
use crate::client::{Client, FileSetup};
use crate::connection::Connection;
use crate::document::{Document, TextError};
use crate::environment::Environment;
use crate::error::Error;
use crate::file::{self, FileSnapshot};
use crate::mask;
use crate::store::{FileRecord, Record, Store, StoredKey};
use crate::view::{Drift, FileAction, FilePlanView, PlanView};

/// The mode of a file with a key in it.
const OWNER_ONLY: u32 = 0o600;

/// Unchanged lines shown around a change.
const DIFF_CONTEXT: usize = 3;

/// What will be written for one client. Nothing has been yet.
pub struct Plan {
    pub(crate) client: &'static Client,
    pub(crate) files: Vec<FilePlan>,
    /// The record afterwards; none after an undo.
    pub(crate) record: Option<Record>,
    key: SecretString,
}

pub(crate) struct FilePlan {
    pub(crate) snapshot: FileSnapshot,
    pub(crate) outcome: Outcome,
    /// Those that come or go with the file, the outermost first.
    pub(crate) folders: Vec<PathBuf>,
}

pub(crate) enum Outcome {
    Nothing,
    Write { bytes: Vec<u8>, mode: Option<u32> },
    Delete,
}

/// How much of a client's values is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All, over what was changed by hand.
    Everything,
    /// What a new port or key changes.
    WhatIsNew,
}

/// What undo does with values that were changed since set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftChoice {
    /// Refuse, and show them.
    Ask,
    /// Leave them as they are now.
    KeepPresent,
    /// Put back what stood there before set-up.
    RestoreFormer,
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Plan").field(&self.view()).finish()
    }
}

impl Plan {
    /// The plan to set `client` up, or to bring an earlier set-up to this port, key and model.
    pub(crate) fn set_up(
        client: &'static Client,
        environment: &Environment,
        connection: &Connection,
        former: Option<&Record>,
        scope: Scope,
    ) -> Result<Self, Error> {
        let setups = (client.files)(environment, connection);
        if setups.is_empty() {
            let why = client.why_not.unwrap_or("it has no file for this");
            return Err(Error::NotByFile { client: client.name, why });
        }
        let (mut files, mut records) = (Vec::new(), Vec::new());
        for setup in &setups {
            let former = former.and_then(|record| record.files.iter().find(|file| file.path == setup.path));
            let (plan, record) = plan_file(environment, connection, setup, former, scope)?;
            files.push(plan);
            records.push(record);
        }
        if let Some(former) = former {
            let elsewhere =
                former.files.iter().filter(|file| setups.iter().all(|setup| setup.path != file.path));
            records.extend(elsewhere.cloned());
        }
        let record =
            Some(Record { port: connection.port, key: StoredKey::new(connection.secret()), files: records });
        Ok(Self { client, files, record, key: connection.key.clone() })
    }

    /// The plan to take a set-up back.
    pub(crate) fn undo(
        client: &'static Client,
        environment: &Environment,
        record: &Record,
        choice: DriftChoice,
        store: &Store,
    ) -> Result<Self, Error> {
        let mut files = Vec::new();
        let mut drifts = Vec::new();
        for file in &record.files {
            files.push(plan_undo(environment, file, choice, store, record.key.expose(), &mut drifts)?);
        }
        if !drifts.is_empty() {
            return Err(Error::Drifted(drifts));
        }
        Ok(Self { client, files, record: None, key: SecretString::from(record.key.expose()) })
    }

    /// Whether applying it would write anything.
    pub fn changes_anything(&self) -> bool {
        self.files.iter().any(|file| !matches!(file.outcome, Outcome::Nothing))
    }

    /// What it will do, for `--dry-run` and the window.
    pub fn view(&self) -> PlanView {
        PlanView {
            client: self.client.id,
            files: self.files.iter().map(|file| file.view(self.key.expose_secret())).collect(),
            pick_up: self.client.pick_up,
            notes: self.client.notes,
        }
    }
}

fn plan_file(
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
    Ok((FilePlan { snapshot, outcome, folders }, record))
}

/// Those values that differ from what we have written before. What the user has changed or removed since is left alone.
fn new_edits(edits: &[Edit], changes: &[Change], document: &Document) -> Vec<Edit> {
    let is_new = |edit: &Edit| match changes.iter().find(|change| edit.path.0.starts_with(&change.path.0)) {
        Some(change) => {
            change.present(document) != Present::AsBefore && change.ours_at(&edit.path) != Some(&edit.value)
        }
        None => true,
    };
    edits.iter().flat_map(Edit::leaves).filter(is_new).collect()
}

/// Takes back what is no longer wanted, as the entry of a model that another one replaces.
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

/// A key never goes into a file that others can read.
fn narrowed(mode: Option<u32>, has_key: bool) -> Option<u32> {
    mode.map(|mode| if has_key { mode & (OWNER_ONLY | 0o7100) } else { mode })
}

fn missing_folders(snapshot: &FileSnapshot) -> Vec<PathBuf> {
    let mut missing: Vec<_> =
        snapshot.target.ancestors().skip(1).take_while(|dir| !dir.exists()).map(PathBuf::from).collect();
    missing.reverse();
    missing
}

fn plan_undo(
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
        return Ok(FilePlan { snapshot, outcome: Outcome::Nothing, folders: Vec::new() });
    }
    let mut document = Document::parse(record.format, text).map_err(problem)?;
    let mut exact = true;
    for change in record.changes.iter().rev() {
        match (change.present(&document), choice) {
            (Present::AsBefore, _) | (Present::Changed, DriftChoice::KeepPresent) => continue,
            (Present::Changed, DriftChoice::Ask) => {
                drifts.extend(drift(record, change, &document, key));
                continue;
            }
            (Present::AsSet, _) | (Present::Changed, DriftChoice::RestoreFormer) => {}
        }
        let (undone, as_before) = change.undo(document).map_err(problem)?;
        document = undone;
        exact &= as_before;
    }
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
    Ok(FilePlan { snapshot, outcome, folders })
}

/// Where a client has laid the file out anew, the original text says the same and says it as the user wrote it. Comments
/// that came since are worth more than that.
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

/// What stands behind a comment mark; a string with one in it counts, which only makes us more careful.
fn comments(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.find(['#', '*']).or_else(|| line.find("//")).map(|at| line[at..].trim()))
}

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

impl FilePlan {
    fn view(&self, key: &str) -> FilePlanView {
        let path = self.snapshot.path.clone();
        let old_mode = self.snapshot.mode();
        let (action, narrows_mode) = match &self.outcome {
            Outcome::Nothing => (FileAction::Nothing, false),
            Outcome::Delete => (FileAction::Delete, false),
            Outcome::Write { .. } if self.snapshot.bytes.is_none() => (FileAction::Create, false),
            Outcome::Write { mode, .. } => (
                FileAction::Change,
                mode.zip(old_mode).is_some_and(|(new, old)| new & !old == 0 && new != old),
            ),
        };
        let real_path = (self.snapshot.target != path).then(|| self.snapshot.target.clone());
        FilePlanView { path, real_path, action, diff: self.diff(key), narrows_mode }
    }

    fn diff(&self, key: &str) -> String {
        let old = String::from_utf8_lossy(self.snapshot.bytes.as_deref().unwrap_or_default()).into_owned();
        let new = match &self.outcome {
            Outcome::Nothing => return String::new(),
            Outcome::Delete => String::new(),
            Outcome::Write { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
        };
        let name = self.snapshot.path.display().to_string();
        let diff = TextDiff::from_lines(&old, &new);
        let unified = diff.unified_diff().context_radius(DIFF_CONTEXT).header(&name, &name).to_string();
        mask::text(&unified, key)
    }
}
