//! A computed and verified change of a client's files that is not written yet.

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

/// Number of unchanged lines shown around a change.
const DIFF_CONTEXT: usize = 3;

/// Changes to be written for one client.
pub struct Plan {
    pub(crate) client: &'static Client,
    pub(crate) files: Vec<FilePlan>,
    /// The record after the plan is applied; `None` after an undo.
    pub(crate) record: Option<SetupRecord>,
    key: SecretString,
}

pub(crate) struct FilePlan {
    pub(crate) snapshot: FileSnapshot,
    pub(crate) outcome: Outcome,
    /// Folders that are created or removed with the file, the outermost first.
    pub(crate) folders: Vec<PathBuf>,
    /// Values changed by hand that the set-up overwrites.
    pub(crate) drifts: Vec<Drift>,
}

pub(crate) enum Outcome {
    Nothing,
    Write { bytes: Vec<u8>, mode: Option<u32> },
    Delete,
}

/// Extent of a set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All values, including those changed by hand.
    Everything,
    /// Only the values that a new port, key or model changes.
    WhatIsNew,
}

/// Treatment of values that were changed since set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriftChoice {
    /// Return them as an error, for the user to choose.
    Ask,
    /// Keep the present values.
    KeepPresent,
    /// Restore the values from before set-up.
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

    /// The plan to undo a set-up.
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

    /// Whether the plan writes or deletes a file.
    pub fn changes_anything(&self) -> bool {
        self.files.iter().any(|file| !matches!(file.outcome, Outcome::Nothing))
    }

    /// Hash of the files as read and of the planned outcome; equal for two plans only if applying either has
    /// the same effect.
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
            // Each part with its length, so that different lists of parts have different input.
            for part in [path, action.as_bytes(), before.unwrap_or(b"-"), after.map_or(b"-", Vec::as_slice)] {
                hasher.update(part.len().to_le_bytes());
                hasher.update(part);
            }
        }
        hex::encode(hasher.finalize())
    }

    /// Description of the plan for `--dry-run` and the window.
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
