//! Arguments and answers that several of the `clients.…` commands share.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use client_setup::{Drift, FilePlanView, KeyPlace, PickUp, SetupState, Shadow};

/// Answer of `clients.list`: the clients of this machine, and the models that they can be set up with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientList {
    /// The port of the proxy.
    pub port: u16,
    /// The known clients, the most common first.
    pub clients: Vec<ClientEntry>,
    /// The models to choose from.
    pub models: Vec<ModelChoice>,
    /// The proposed model.
    pub model: Option<String>,
    /// The proposed model for small tasks.
    pub small_model: Option<String>,
    /// Whether keys are stored. Without a keychain they are not, and a key is shown only when it is made.
    pub keys_stored: bool,
}

/// The state of a client on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientEntry {
    pub id: String,
    pub name: String,
    /// The program, file or folder that shows that the client is installed.
    pub found: Option<String>,
    /// The version of the client, if it is known without starting it.
    pub version: Option<String>,
    /// Whether the client can be set up by changing its files.
    pub set_up: bool,
    /// Whether the client can be started for the proxy without a change of its files.
    pub launch: bool,
    /// Whether the client imports its settings from a link.
    pub link: bool,
    pub state: SetupState,
    /// Settings elsewhere that override the client's file.
    pub shadows: Vec<Shadow>,
    pub pick_up: PickUp,
    pub key_place: KeyPlace,
    /// The name of the client's key, while it has one.
    pub key_name: Option<String>,
    /// The time of the last request with the client's key, Unix milliseconds.
    pub last_request_ms: Option<u64>,
    /// The model that the client was set up with.
    pub model: Option<String>,
    /// The model for small tasks that the client was set up with.
    pub small_model: Option<String>,
    /// The proxy's address in the form that this client wants.
    pub base_url: String,
    /// Values to copy into the client's own settings.
    pub by_hand: Vec<CopyField>,
    /// Reason why the client cannot be set up at all, or not by changing its files.
    pub why_not: Option<String>,
    pub notes: Vec<String>,
}

/// A value for the user to copy. The value of a secret is a placeholder that `keys.copy` fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CopyField {
    pub label: String,
    pub value: String,
    pub secret: bool,
}

/// A model that a client can be set up with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ModelChoice {
    pub id: String,
    /// Whether an account can serve the model now.
    pub served_now: bool,
}

/// The planned changes to the files of one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientPlan {
    pub client: String,
    pub name: String,
    pub files: Vec<FilePlanView>,
    /// Whether anything would be written.
    pub changes: bool,
    /// Values that were changed since set-up. The user must choose whether they are kept.
    pub drifts: Vec<Drift>,
    /// The id of the plan for the command that applies it; `None` while there are drifts to decide.
    pub plan: Option<String>,
    pub pick_up: PickUp,
    pub notes: Vec<String>,
}

/// The planned changes to the files of all clients after a change of port or key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RepairPlan {
    pub plans: Vec<ClientPlan>,
    /// The clients whose files cannot be changed, with the reasons.
    pub problems: Vec<ClientOutcome>,
}

/// The result of a command for one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ClientOutcome {
    pub client: String,
    pub name: String,
    /// The error as one sentence. Nothing was written then.
    pub error: Option<String>,
    /// The name of the client's key.
    pub key_name: Option<String>,
    /// The key itself, where the user must give it to the client and it cannot be shown later.
    pub key: Option<String>,
    /// The time of the change, Unix milliseconds.
    pub at_ms: u64,
}

/// Treatment, by undo, of values that were changed since set-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DriftChoice {
    /// Changes nothing, and shows the values.
    #[default]
    Ask,
    /// Leaves the values as they are now.
    Keep,
    /// Restores the values from before set-up.
    Restore,
}

/// A command line to copy into a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LaunchCommand {
    pub command: String,
}

/// Program, environment and arguments with which a client is started for the proxy. Contains the key, unless it is only
/// for display.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PreparedLaunch {
    /// The client's program; `None` for a program of the user's own.
    pub program: Option<String>,
    /// Environment variables to set, with their values.
    pub variables: Vec<(String, String)>,
    /// Environment variables to unset.
    pub removed: Vec<String>,
    pub arguments: Vec<String>,
}

/// Environment of the shell in which a command was typed, which may locate other clients and files than this
/// program's environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallerShell {
    /// The variables that locate clients and their files, or that override a file.
    pub variables: std::collections::BTreeMap<String, String>,
    pub working_dir: Option<String>,
}

/// Answer of `clients.link`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LinkOpened {
    /// The link, only for a page that must open it itself. It contains the key.
    pub link: Option<String>,
}

impl std::fmt::Debug for LinkOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkOpened").field("given", &self.link.is_some()).finish()
    }
}

impl From<DriftChoice> for client_setup::DriftChoice {
    fn from(choice: DriftChoice) -> Self {
        match choice {
            DriftChoice::Ask => Self::Ask,
            DriftChoice::Keep => Self::KeepPresent,
            DriftChoice::Restore => Self::RestoreFormer,
        }
    }
}
