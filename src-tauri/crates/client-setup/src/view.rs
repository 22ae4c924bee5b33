//! Plain data about clients for the command line, the window and the tray, with masked keys.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::client::{BaseUrl, Client, KeyPlace, PickUp};

/// State of a client on this machine.
#[derive(Clone, Debug, Serialize)]
pub struct ClientView {
    pub id: &'static str,
    pub name: &'static str,
    /// Program, file or folder that shows that the client is installed; `None` if it is not.
    pub found: Option<PathBuf>,
    /// Version from the client's package; `None` if it cannot be read without starting the client.
    pub version: Option<String>,
    pub state: SetupState,
    /// Settings that override the client's file, whatever its content.
    pub shadows: Vec<Shadow>,
    pub ways: Ways,
    pub pick_up: PickUp,
    pub key_place: KeyPlace,
    pub base_url: BaseUrl,
    pub why_not: Option<&'static str>,
    pub notes: &'static [&'static str],
}

/// Ways to connect a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ways {
    pub set_up: bool,
    pub launch: bool,
    pub deep_link: bool,
}

/// State of a client's set-up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SetupState {
    /// The client is never set up by file.
    NotByFile,
    NotSetUp,
    SetUp {
        /// Whether the user wrote the values, so that there is nothing to undo.
        by_hand: bool,
    },
    OtherPort {
        port: u16,
    },
    /// The proxy rejects the key in the file. This crate does not know the valid keys: a caller that does
    /// replaces [`SetUp`](Self::SetUp) by this state.
    KeyRefused,
    ChangedByHand {
        drifts: Vec<Drift>,
    },
    /// The file cannot be read, with the reason.
    Unreadable {
        reason: String,
    },
}

/// A value of the set-up that was changed since. Values are compact JSON, masked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct Drift {
    pub path: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    pub key: String,
    /// The value before set-up; `None` if there was none.
    pub before: Option<String>,
    pub ours: String,
    pub now: String,
}

/// A setting that overrides the user's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Shadow {
    /// A variable in the environment of this program.
    Variable { name: String },
    /// A variable in a start-up file of the shell.
    ShellFile { name: String, path: PathBuf, line: usize },
    /// A value in a file of the project in the working folder.
    ProjectFile { key: String, path: PathBuf, line: usize },
}

/// Changes that a plan will write.
#[derive(Clone, Debug, Serialize)]
pub struct PlanView {
    pub client: &'static str,
    pub files: Vec<FilePlanView>,
    pub pick_up: PickUp,
    pub notes: &'static [&'static str],
}

/// Changes that a plan will write to one file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[ts(rename = "FilePlan")]
pub struct FilePlanView {
    pub path: PathBuf,
    /// Path after resolving links, if it differs from `path`.
    pub real_path: Option<PathBuf>,
    pub action: FileAction,
    /// Unified diff with masked keys; empty if nothing changes.
    pub diff: String,
    /// Whether access for other users is removed from the file, because a key is written to it.
    pub narrows_mode: bool,
    /// Values changed by hand that are overwritten.
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

/// Launch of a client, with masked keys.
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
