//! User-facing messages as codes with arguments. The window translates them; `Display` is the English text for
//! terminals and logs.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::accounts::HostChange;
use storage::config::{PasteError, UnnamedEnvFile};
use storage::secrets::StoreError;
use upstreams::UpstreamErrorKind;

/// A message for users: a code with arguments. `Display` is the English text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "what", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum UserMessage {
    // Of an account.
    #[error("the session is valid")]
    SessionValid,
    #[error("the key is valid")]
    KeyValid,
    #[error("the key is valid; ${spent} of ${budget} are spent")]
    KeySpent { spent: String, budget: String },
    #[error("the account was added")]
    Added,
    #[error("signed in again")]
    SignedInAgain,
    #[error("this account is there already")]
    AlreadyThere,
    #[error("this account is there already under another label")]
    OtherLabel,
    #[error("the session is not valid any more: sign in at mammouth.ai and copy the new cookie")]
    SessionRefused,
    #[error("the key is not accepted: replace the key")]
    KeyRefused,
    #[error("mammouth.ai asks for a browser check: open it in your browser, then try again")]
    BrowserCheck,
    /// Error text of the upstream or the network.
    #[error("{detail}")]
    Failed { kind: UpstreamErrorKind, detail: String },
    #[error("its secret is still being read")]
    SecretReading,
    #[error("its secret is gone or damaged: remove the account, then add it again with a new cookie or key")]
    SecretLost,
    #[error("its secret cannot be read. {error}")]
    SecretUnread { error: StoreError },
    #[error("it was added for {} and is not sent to {}: 'mammouth-proxy accounts use-host LABEL {}' allows that", .change.added_for, .change.host, .change.host)]
    OtherHost { change: HostChange },
    // Of what was entered.
    #[error("accounts are asked at {host} now: confirm that address, or correct the setting")]
    AskedElsewhere { host: String },
    #[error("{error}")]
    Pasted { error: PasteError },
    #[error("there is neither COOKIES nor API_KEYS in this text")]
    NothingToImport,
    #[error("a label is 1 to 64 printable characters")]
    BadLabel,
    #[error("there is an account of this label already")]
    LabelTaken,
    #[error("this account comes from COOKIES or API_KEYS: change it there and start again")]
    FromEnvironment,
    #[error("a name is 1 to 64 letters, digits, '-', '_' or '.'")]
    BadKeyName,
    #[error("there is a key of this name already")]
    KeyNameTaken,
    #[error(
        "only the digest of this key is kept, so that it cannot be shown again: make a new one for this client"
    )]
    KeyNotStored,
    // Of a file.
    #[error("the disk is full")]
    DiskFull,
    #[error("there is no permission to write there")]
    NoPermission,
    #[error("a limit is too large, or no amount")]
    BadLimit,
    // Of the keychain and the client key.
    #[error("{error}")]
    Store { error: StoreError },
    #[error(
        "the client key ends with this run: set AUTH_TOKEN, or make a lasting key with 'mammouth-proxy keys add NAME'. {error}"
    )]
    KeyForThisRun { error: StoreError },
    #[error("the client key: it is being read from the keychain")]
    KeyReading,
    #[error("the client key: it cannot be shown now. {error}")]
    KeyNotShown { error: StoreError },
    #[error(
        "the client key was not where it is kept any more, so there is a new one: give it to your clients"
    )]
    KeyRenewed,
    #[error("the client key '{name}' in the settings file is damaged and is not accepted")]
    KeyDamaged { name: String },
    // Of the start.
    #[error("{settings} were read from {path}, which nobody named; see to it that the file is yours")]
    UnnamedEnvFile { path: String, settings: String },
    #[error(
        "{groups} may read the data directory {path}; choose one in your profile, or take that right away"
    )]
    SharedDataDir { path: String, groups: String },
    #[error("the accounts' states will not outlive a restart: {detail}")]
    StatesNotKept { detail: String },
    #[error(
        "the data directory cannot be written ({detail}): the proxy answers, but commands such as 'status' do not find it"
    )]
    NotWritable { detail: String },
    #[error(
        "no key is asked on port {port}: every program and every user of this machine can use the accounts"
    )]
    Keyless { port: u16 },
    #[error("the port without a key is not open: {detail}")]
    KeylessClosed { detail: String },
    // Of an examination.
    #[error("the site can be reached, and its certificate is valid")]
    SiteReached,
    #[error("connections to Mammouth go through the proxy {proxy}, which HTTPS_PROXY names")]
    ProxyFromVariable { proxy: String },
    #[error("connections to Mammouth go through the proxy {proxy}, which the settings name")]
    ProxyFromSettings { proxy: String },
    #[error("connections to Mammouth go through the proxy {proxy}, which is the system's")]
    ProxyOfSystem { proxy: String },
    #[error("connections to Mammouth go through no proxy")]
    NoProxy,
    #[error("the certificate authorities of {file} are trusted beside the system's")]
    ExtraCa { file: String },
    #[error("this machine's clock is right")]
    ClockRight,
    #[error("this machine's clock is {minutes} minutes ahead")]
    ClockAhead { minutes: u64 },
    #[error("this machine's clock is {minutes} minutes behind")]
    ClockBehind { minutes: u64 },
    // Of updates.
    #[error("version {version} is available; this installation is updated by: {command}")]
    UpdateByCommand { version: String, command: String },
    #[error("version {version} is available; 'mammouth-proxy update --install' installs it")]
    UpdateByProgram { version: String },
    #[error("version {version} is available, to be installed as this one was")]
    UpdateByHand { version: String },
    #[error("this installation is updated by: {command}")]
    UpdatedByCommand { command: String },
    #[error("this installation is updated by the program, when you ask for it")]
    UpdatedByProgram,
    #[error("this installation is updated by replacing its files with those of a newer release")]
    UpdatedByHand,
    #[error("this build has no address for updates, so that nothing is asked for newer versions")]
    UpdatesNotConfigured,
    #[error("{detail}")]
    UpdateCheckFailed { detail: String },
    #[error("the program does not update this installation by itself")]
    UpdateNotInstallable,
    #[error("version {version} was not kept: {reason}. The earlier version is installed again")]
    UpdateReverted { version: String, reason: String },
    /// A text about a file or the system, which the window shows untranslated.
    #[error("{text}")]
    Plain { text: String },
}

/// The message that other users may read the data directory; none where they may not.
pub fn shared_data_dir_message(data_dir: &Path) -> Option<UserMessage> {
    let groups = storage::config::folder_readers(data_dir);
    let path = data_dir.display().to_string();
    (!groups.is_empty()).then(|| UserMessage::SharedDataDir { path, groups: groups.join(", ") })
}

/// The message that settings were read from a `.env` that the user did not name.
pub fn env_file_message(file: &UnnamedEnvFile) -> UserMessage {
    UserMessage::UnnamedEnvFile { path: file.path.clone(), settings: file.settings.join(", ") }
}
