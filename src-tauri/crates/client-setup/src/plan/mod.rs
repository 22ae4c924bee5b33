//! A change of a client's files that has been worked out and verified, and not been written.

mod set_up;
mod undo;

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

pub(crate) use self::undo::drift;
use crate::client::Client;
use crate::connection::Connection;
use crate::environment::Environment;
use crate::error::Error;
use crate::file::FileSnapshot;
use crate::mask;
use crate::store::{SetupRecord, Store, StoredKey};
use crate::view::{Drift, FileAction, FilePlanView, PlanView};

/// Unchanged lines shown around a change.
const DIFF_CONTEXT: usize = 3;

/// What will be written for one client. Nothing has been yet.
pub struct Plan {
    pub(crate) client: &'static Client,
    pub(crate) files: Vec<FilePlan>,
    /// The record afterwards; none after an undo.
    pub(crate) record: Option<SetupRecord>,
    key: SecretString,
}

pub(crate) struct FilePlan {
    pub(crate) snapshot: FileSnapshot,
    pub(crate) outcome: Outcome,
    /// Those that come or go with the file, the outermost first.
    pub(crate) folders: Vec<PathBuf>,
    /// Values that were changed by hand and that a set-up writes over.
    pub(crate) drifts: Vec<Drift>,
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
        former: Option<&SetupRecord>,
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
            let (plan, record) = set_up::plan_file(environment, connection, setup, former, scope)?;
            files.push(plan);
            records.push(record);
        }
        if let Some(former) = former {
            let elsewhere =
                former.files.iter().filter(|file| setups.iter().all(|setup| setup.path != file.path));
            records.extend(elsewhere.cloned());
        }
        let record = Some(SetupRecord {
            port: connection.port,
            key: StoredKey::new(connection.secret()),
            model: connection.model.clone(),
            small_model: connection.small_model.clone(),
            locations: environment.locations(),
            files: records,
        });
        Ok(Self { client, files, record, key: connection.key.clone() })
    }

    /// The plan to take a set-up back.
    pub(crate) fn undo(
        client: &'static Client,
        environment: &Environment,
        record: &SetupRecord,
        choice: DriftChoice,
        store: &Store,
    ) -> Result<Self, Error> {
        let mut files = Vec::new();
        let mut drifts = Vec::new();
        for file in &record.files {
            files.push(undo::plan_file(environment, file, choice, store, record.key.expose(), &mut drifts)?);
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

    /// Identifies what was read and what will be written: equal for two plans only if applying either does the same.
    pub fn hash(&self) -> String {
        let mut hasher = Sha256::new();
        for file in &self.files {
            let (action, after) = match &file.outcome {
                Outcome::Nothing => ("nothing", None),
                Outcome::Delete => ("delete", None),
                Outcome::Write { bytes, .. } => ("write", Some(bytes)),
            };
            let path = file.snapshot.target.as_os_str().as_encoded_bytes();
            let before = file.snapshot.bytes.as_deref();
            // Each with its length, so that no two lists of parts look alike.
            for part in [path, action.as_bytes(), before.unwrap_or(b"-"), after.map_or(b"-", Vec::as_slice)] {
                hasher.update(part.len().to_le_bytes());
                hasher.update(part);
            }
        }
        hex::encode(hasher.finalize())
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
        FilePlanView {
            path,
            real_path,
            action,
            diff: self.diff(key),
            narrows_mode,
            drifts: self.drifts.clone(),
        }
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
