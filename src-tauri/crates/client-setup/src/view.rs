//! What the command line, the window and the tray are told: plain data, keys masked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::client::{BaseUrl, Client, KeyPlace, PickUp};

/// A client as it stands on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct ClientView {
    pub id: &'static str,
    pub name: &'static str,
    /// What shows that it is installed; none where nothing does.
    pub found: Option<PathBuf>,
    /// As its package says; none where that is not known without starting it.
    pub version: Option<String>,
    pub state: SetupState,
    /// What wins over the file, whatever stands in it.
    pub shadows: Vec<Shadow>,
    pub ways: Ways,
    pub pick_up: PickUp,
    pub key_place: KeyPlace,
    pub base_url: BaseUrl,
    pub why_not: Option<&'static str>,
    pub notes: &'static [&'static str],
}

/// How a client can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ways {
    pub set_up: bool,
    pub launch: bool,
    pub deep_link: bool,
}

/// Whether a client uses the proxy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SetupState {
    /// It is never set up by file.
    NotByFile,
    NotSetUp,
    SetUp {
        /// The user wrote the values; there is nothing to undo.
        by_hand: bool,
    },
    OtherPort {
        port: u16,
    },
    /// The proxy does not accept the key in the file any more. The engine does not know which keys are valid: a caller
    /// that does says so in place of [`SetUp`](Self::SetUp).
    KeyRefused,
    ChangedByHand {
        drifts: Vec<Drift>,
    },
    /// The file cannot be read, and why.
    Unreadable {
        reason: String,
    },
}

/// A value of ours that was changed since. The values are masked and as compact JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Drift {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    pub key: String,
    /// None where there was no value.
    pub before: Option<String>,
    pub ours: String,
    pub now: String,
}

/// Something that beats the user's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shadow {
    /// Set in the environment of this program.
    Variable { name: String },
    /// Set by a start-up file of the shell.
    ShellFile { name: String, path: PathBuf, line: usize },
    /// Set by a file of the project in the working folder.
    ProjectFile { key: String, path: PathBuf, line: usize },
}

/// What is about to be written.
#[derive(Clone, Debug, Serialize)]
pub struct PlanView {
    pub client: &'static str,
    pub files: Vec<FilePlanView>,
    pub pick_up: PickUp,
    pub notes: &'static [&'static str],
}

/// What is about to be written to one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(rename = "FilePlan")]
pub struct FilePlanView {
    pub path: PathBuf,
    /// Where it really is, if `path` is a link.
    pub real_path: Option<PathBuf>,
    pub action: FileAction,
    /// A unified diff, keys masked; empty where nothing changes.
    pub diff: String,
    /// Other users could read the file; it will be for its owner only, as a key is written into it.
    pub narrows_mode: bool,
    /// Values of ours that were changed by hand since, and that are written over.
    pub drifts: Vec<Drift>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FileAction {
    Create,
    Change,
    Delete,
    Nothing,
}

/// How a client will be started, keys masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaunchView {
    pub program: &'static str,
    pub variables: Vec<(&'static str, String)>,
    pub removed: &'static [&'static str],
    pub arguments: Vec<String>,
}

impl Ways {
    pub(crate) fn of(client: &Client, set_up: bool) -> Self {
        Self { set_up, launch: client.launch.is_some(), deep_link: client.deep_link.is_some() }
    }
}
