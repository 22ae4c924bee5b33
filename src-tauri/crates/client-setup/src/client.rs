//! What a client declares about itself.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::change::Edit;
use crate::connection::Connection;
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;

/// A program that can use the proxy. One file of `clients` declares one, and the engine does the rest.
pub struct Client {
    /// As on the command line: `claude-code`.
    pub id: &'static str,
    pub name: &'static str,
    /// Programs in `PATH` that show that it is installed.
    pub binaries: &'static [&'static str],
    /// Files and folders that show that it is installed.
    pub traces: fn(&Environment) -> Vec<PathBuf>,
    pub base_url: BaseUrl,
    pub pick_up: PickUp,
    pub key_place: KeyPlace,
    /// The files to write; none where the client cannot be set up by file.
    pub files: fn(&Environment, &Connection) -> Vec<FileSetup>,
    pub launch: Option<Launcher>,
    /// Variables that beat the file; see [`Shadow`](crate::Shadow).
    pub shadowing_variables: &'static [&'static str],
    pub project_files: &'static [ProjectFile],
    /// A link that the application opens and asks its user about. It contains the key.
    pub deep_link: Option<fn(&Connection) -> SecretString>,
    /// Where to put what by hand.
    pub by_hand: fn(&Connection) -> Vec<CopyValue>,
    /// Why it cannot be set up at all, or not by file.
    pub why_not: Option<&'static str>,
    /// What a user should know before, one sentence each.
    pub notes: &'static [&'static str],
}

impl Client {
    /// A client of which nothing is known.
    pub(crate) const UNKNOWN: Self = Self {
        id: "",
        name: "",
        binaries: &[],
        traces: |_| Vec::new(),
        base_url: BaseUrl::V1,
        pick_up: PickUp::NextStart,
        key_place: KeyPlace::File,
        files: |_, _| Vec::new(),
        launch: None,
        shadowing_variables: &[],
        project_files: &[],
        deep_link: None,
        by_hand: base_and_key,
        why_not: None,
        notes: &[],
    };
}

/// The address as the client wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BaseUrl {
    /// `http://127.0.0.1:PORT`
    Root,
    /// `http://127.0.0.1:PORT/v1`
    V1,
    /// `http://127.0.0.1:PORT/v1/chat/completions`
    ChatCompletions,
}

impl BaseUrl {
    pub fn of(self, connection: &Connection) -> String {
        match self {
            Self::Root => connection.root(),
            Self::V1 => connection.base(),
            Self::ChatCompletions => format!("{}/chat/completions", connection.base()),
        }
    }
}

/// Where a client that was set up has its key from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// It stands in the client's file.
    File,
    /// The client runs [`Connection::key_command`], which prints one.
    Command,
    /// The user gives it to the client once.
    Paste,
}

/// When the client notices a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum PickUp {
    /// By itself, as soon as the file is saved.
    AtOnce,
    /// New values at once, removed ones at its next start.
    AddedAtOnce,
    NextStart,
    /// It must be restarted, as it keeps what it read and may write it back.
    Restart,
    /// The window of the editor must be reloaded.
    ReloadWindow,
    /// A service of its own must be restarted.
    RestartService,
    /// Nothing is written.
    Never,
}

/// A file of a client and the values that it must have.
pub struct FileSetup {
    pub path: PathBuf,
    pub format: Format,
    pub edits: Vec<Edit>,
}

impl FileSetup {
    pub fn new(path: PathBuf, format: Format, edits: Vec<Edit>) -> Self {
        Self { path, format, edits }
    }
}

/// How a client is started for the proxy without writing anything.
pub struct Launcher {
    pub program: &'static str,
    pub setup: fn(&Connection) -> LaunchSetup,
    /// Arguments of the client that would work against ours.
    pub colliding: &'static [&'static str],
}

/// Environment and arguments of one start. They may contain the key.
#[derive(Default)]
pub struct LaunchSetup {
    pub variables: Vec<(&'static str, String)>,
    /// Variables that must not be set.
    pub removed: &'static [&'static str],
    /// Before the user's own arguments.
    pub arguments: Vec<String>,
}

/// A file of a project, relative to its folder, which beats the user's file.
pub struct ProjectFile {
    pub path: &'static str,
    pub format: Format,
    /// What in it would win over us.
    pub keys: fn() -> Vec<Path>,
}

/// A value to copy into the settings of a client by hand.
#[derive(Clone, Debug)]
pub struct CopyValue {
    /// The name of the field.
    pub label: &'static str,
    pub value: SecretString,
    /// Whether it is to be shown masked.
    pub secret: bool,
}

impl CopyValue {
    pub(crate) fn plain(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: SecretString::from(value.into()), secret: false }
    }

    pub(crate) fn key(label: &'static str, connection: &Connection) -> Self {
        Self { label, value: connection.key.clone(), secret: true }
    }
}

pub(crate) fn base_and_key(connection: &Connection) -> Vec<CopyValue> {
    vec![
        CopyValue::plain("Base URL", connection.base()),
        CopyValue::key("API key", connection),
        CopyValue::plain("Model", connection.model.id.clone()),
    ]
}

pub(crate) fn root_and_key(connection: &Connection) -> Vec<CopyValue> {
    vec![
        CopyValue::plain("URL", connection.root()),
        CopyValue::key("API key", connection),
        CopyValue::plain("Model", connection.model.id.clone()),
    ]
}
