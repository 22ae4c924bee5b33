//! Declaration of a client: its detection, files, launch and values to copy.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::change::Edit;
use crate::connection::Connection;
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;

/// A program that can use the proxy. Each file of `clients` declares one; [`ClientSetup`](crate::ClientSetup)
/// handles all in the same way.
pub struct Client {
    /// Identifier on the command line, such as `claude-code`.
    pub id: &'static str,
    pub name: &'static str,
    /// Programs in `PATH` that show that the client is installed.
    pub binaries: &'static [&'static str],
    /// Files and folders that show that the client is installed.
    pub traces: fn(&Environment) -> Vec<PathBuf>,
    pub base_url: BaseUrl,
    pub pick_up: PickUp,
    pub key_place: KeyPlace,
    /// The files to write; empty if the client cannot be set up by file.
    pub files: fn(&Environment, &Connection) -> Vec<FileSetup>,
    pub launch: Option<Launcher>,
    /// Variables that override the file; see [`Shadow`](crate::Shadow).
    pub shadowing_variables: &'static [&'static str],
    pub project_files: &'static [ProjectFile],
    /// A link that the application opens and asks its user to confirm. The link contains the key.
    pub deep_link: Option<fn(&Connection) -> SecretString>,
    /// Values to enter by hand, each with the field it belongs to.
    pub by_hand: fn(&Connection) -> Vec<CopyValue>,
    /// Reason why the client cannot be set up by file, or not at all.
    pub why_not: Option<&'static str>,
    /// Notes for the user before a set-up, one sentence each.
    pub notes: &'static [&'static str],
}

impl Client {
    /// Default values of a declaration.
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

/// Form of the base URL that a client expects.
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

/// Way in which a client that was set up gets its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlace {
    /// The key is in the client's file.
    File,
    /// The client runs [`Connection::key_command`], which prints one.
    Command,
    /// The user pastes the key into the client once.
    Paste,
}

/// Condition under which a client uses a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
pub enum PickUp {
    /// Immediately after the file is saved.
    AtOnce,
    /// New values immediately, removed ones after a restart of the client.
    AddedAtOnce,
    NextStart,
    /// After a restart of the client. Until then, the client may write its former values back.
    Restart,
    /// After the editor's window is reloaded.
    ReloadWindow,
    /// After a restart of the client's service.
    RestartService,
    /// Never, because no file is written.
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

/// Way to start a client for the proxy without writing a file.
pub struct Launcher {
    pub program: &'static str,
    pub setup: fn(&Connection) -> LaunchSetup,
    /// Arguments of the user that conflict with those of the set-up.
    pub colliding: &'static [&'static str],
}

/// Environment and arguments of one start. Both may contain the key.
#[derive(Default)]
pub struct LaunchSetup {
    pub variables: Vec<(&'static str, String)>,
    /// Variables to remove from the environment.
    pub removed: &'static [&'static str],
    /// Arguments that precede the user's own.
    pub arguments: Vec<String>,
}

/// A file of a project, relative to the project's folder, that overrides the user's file.
pub struct ProjectFile {
    pub path: &'static str,
    pub format: Format,
    /// Paths of the values that override the set-up.
    pub keys: fn() -> Vec<Path>,
}

/// A value to copy into the settings of a client by hand.
#[derive(Clone, Debug)]
pub struct CopyValue {
    /// Name of the field in the client's settings.
    pub label: &'static str,
    pub value: SecretString,
    /// Whether the value is shown masked.
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
