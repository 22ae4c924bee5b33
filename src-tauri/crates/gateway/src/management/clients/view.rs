//! Arguments and answers that several commands share.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use client_setup::{Drift, FilePlanView, KeyPlace, PickUp, SetupState, Shadow};

/// The clients of this machine, and what they can be set up with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientList {
    pub port: u16,
    /// The most common first.
    pub clients: Vec<ClientEntry>,
    /// To choose from.
    pub models: Vec<ModelChoice>,
    /// The proposed choice.
    pub model: Option<String>,
    pub small_model: Option<String>,
    /// False where there is no keychain: a key is shown only when it is made.
    pub keys_stored: bool,
}

/// A client as it stands on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientEntry {
    pub id: String,
    pub name: String,
    /// The program, file or folder that shows that it is installed.
    pub found: Option<String>,
    /// Where it is known without starting the client.
    pub version: Option<String>,
    /// Whether it can be set up by its files.
    pub set_up: bool,
    /// Whether it can be started for the proxy without a change of its files.
    pub launch: bool,
    /// Whether it imports a link.
    pub link: bool,
    pub state: SetupState,
    /// What wins over its file, whatever stands in it.
    pub shadows: Vec<Shadow>,
    pub pick_up: PickUp,
    pub key_place: KeyPlace,
    /// The name of its key, while it has one.
    pub key_name: Option<String>,
    /// Unix milliseconds, of the last request with its key.
    pub last_request_ms: Option<u64>,
    /// What it was set up with.
    pub model: Option<String>,
    pub small_model: Option<String>,
    /// The address as this client wants it.
    pub base_url: String,
    /// To copy into its own window.
    pub by_hand: Vec<CopyField>,
    /// Why it cannot be set up at all, or not by its files.
    pub why_not: Option<String>,
    pub notes: Vec<String>,
}

/// A value to copy. The value of a secret is the placeholder that `keys.copy` fills in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CopyField {
    pub label: String,
    pub value: String,
    pub secret: bool,
}

/// A model to choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ModelChoice {
    pub id: String,
    pub served_now: bool,
}

/// What is about to be written for one client.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ClientPlan {
    pub client: String,
    pub name: String,
    pub files: Vec<FilePlanView>,
    /// False where nothing would be written.
    pub changes: bool,
    /// Values that were changed since set-up. The user must choose what becomes of them.
    pub drifts: Vec<Drift>,
    /// Identifies the plan for the command that applies it; none while there are drifts to choose about.
    pub plan: Option<String>,
    pub pick_up: PickUp,
    pub notes: Vec<String>,
}

/// What is about to be written after another port or key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RepairPlan {
    pub plans: Vec<ClientPlan>,
    /// Clients whose files cannot be changed, and why.
    pub problems: Vec<ClientOutcome>,
}

/// What became of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ClientOutcome {
    pub client: String,
    pub name: String,
    /// One sentence; nothing was written then.
    pub error: Option<String>,
    /// The name of its key.
    pub key_name: Option<String>,
    /// The key itself, where the user must give it to the client and it cannot be shown later.
    pub key: Option<String>,
    /// Unix milliseconds.
    pub at_ms: u64,
}

/// What undo does with values that were changed since set-up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum DriftChoice {
    /// Change nothing, and show them.
    #[default]
    Ask,
    /// Leave them as they are now.
    Keep,
    /// Put back what stood there before set-up.
    Restore,
}

/// A line to copy into a terminal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LaunchCommand {
    pub command: String,
}

/// How a client is started for the proxy. It contains the key, unless it was only to be shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PreparedLaunch {
    /// None for a program of the user's own.
    pub program: Option<String>,
    /// To set.
    pub variables: Vec<(String, String)>,
    /// To unset.
    pub removed: Vec<String>,
    pub arguments: Vec<String>,
}

/// The shell that a command was typed in: it may find clients and files where this program does not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CallerShell {
    /// Of those that say where clients and their files are, or that win over a file.
    pub variables: std::collections::BTreeMap<String, String>,
    pub working_dir: Option<String>,
}

/// A link that was opened; it is given only to a page that must open it itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LinkOpened {
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
