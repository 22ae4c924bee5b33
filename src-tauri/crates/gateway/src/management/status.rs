//! Command `status`: whether the program can serve, in one result.

use serde::{Deserialize, Serialize};

use super::notice::{self, Notice};
use super::overview::{ErrorLine, error_line};
use super::{Control, ControlError, NoArgs, UserMessage};
use crate::accounts::{AccountState, AccountView};
use crate::server::dial_addr;
use storage::config::{KindPreference, Language, Strategy, Theme, TrayIcon};
use storage::secrets::StoreKind;

/// Facts about the instance that do not change while the program runs.
#[derive(Debug, Clone, Default)]
pub struct InstanceInfo {
    pub demo: bool,
    /// Messages of the start, such as a request log that was set aside.
    pub notices: Vec<UserMessage>,
    /// The data directory, as `doctor` shows it.
    pub data_dir: String,
    /// The base URL for web accounts.
    pub web_url: String,
    /// The base URL for API keys.
    pub api_url: String,
    /// The name of the session cookie.
    pub cookie_name: String,
    /// The kind of secret store in use.
    pub secrets: StoreKind,
    /// Start of the program, Unix milliseconds.
    pub started_ms: u64,
}

/// State of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ServingState {
    /// Clients are served, and no reply is running.
    Serving,
    /// Replies are running.
    Busy,
    /// Every usable account is limited.
    Limited,
    /// The user stopped serving.
    Stopped,
    /// There are accounts, but none can be used.
    Error,
    NoAccount,
}

/// Reason for the state of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum ServingReason {
    Ready,
    Running,
    /// Accounts are being read from the keychain.
    Reading,
    Limited,
    StoppedByUser,
    NoAccount,
    /// Mammouth does not answer; the proxy retries by itself.
    Unreachable,
    KeychainLocked,
    /// The secrets cannot be read from the keychain.
    KeychainUnreadable,
    NeedsLogin,
    /// The accounts were added for another upstream address than the configured one.
    OtherHost,
    AllPaused,
}

/// Result of the command `status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub demo: bool,
    /// Whether this is the desktop program, not the headless one.
    pub desktop: bool,
    /// Whether clients are served; `false` while the user has stopped that.
    pub serving: bool,
    pub state: ServingState,
    pub reason: ServingReason,
    /// Address at which the proxy is reached from this machine, as `HOST:PORT`.
    pub address: String,
    /// Base URL for clients.
    pub base_url: String,
    pub connections: usize,
    /// Number of running replies.
    pub running: u32,
    /// Start of the program, Unix milliseconds.
    pub started_ms: u64,
    pub accounts: Vec<AccountView>,
    pub strategy: Strategy,
    pub prefer: KindPreference,
    pub log_recorded: u64,
    /// Number of records that were lost because the disk was too slow.
    pub log_dropped: u64,
    /// Whether prompts and replies are kept in the log.
    pub bodies_kept: bool,
    pub notices: Vec<Notice>,
    pub data_dir: String,
    pub web_url: String,
    pub api_url: String,
    pub last_error: Option<ErrorLine>,
    pub welcomed: bool,
    pub terms_accepted: bool,
    pub language: Language,
    pub theme: Theme,
    pub tray_icon: TrayIcon,
}

pub(super) async fn command(control: &Control, _: NoArgs) -> Result<Status, ControlError> {
    status(control)
}

pub(super) fn status(control: &Control) -> Result<Status, ControlError> {
    let server = control.server()?;
    let counters = control.journal.counters();
    let address = dial_addr(server.addr());
    let accounts = control.accounts.list(control.clock.now());
    let running = accounts.iter().map(|account| account.running).sum();
    let config = control.saved_config();
    let (state, reason) = serving_state(&accounts, control.serving.is_serving(), running);
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        demo: control.instance.demo,
        desktop: control.desktop().is_some(),
        serving: control.serving.is_serving(),
        state,
        reason,
        address: address.to_string(),
        base_url: format!("http://{address}/v1"),
        connections: server.connections(),
        running,
        started_ms: control.instance.started_ms,
        accounts,
        strategy: config.strategy,
        prefer: config.prefer,
        log_recorded: counters.recorded,
        log_dropped: counters.dropped,
        bodies_kept: config.keep_bodies,
        notices: notice::current_notices(control),
        data_dir: control.instance.data_dir.clone(),
        web_url: control.instance.web_url.clone(),
        api_url: control.instance.api_url.clone(),
        last_error: control.journal.last_failure().as_deref().map(error_line),
        welcomed: config.welcomed,
        terms_accepted: config.terms_accepted,
        language: config.language,
        theme: config.theme,
        tray_icon: config.tray_icon,
    })
}

/// The state of the program, from its accounts and the user's switch.
fn serving_state(accounts: &[AccountView], serving: bool, running: u32) -> (ServingState, ServingReason) {
    let is = |state| accounts.iter().any(|account| account.state == state);
    if !serving {
        (ServingState::Stopped, ServingReason::StoppedByUser)
    } else if accounts.is_empty() {
        (ServingState::NoAccount, ServingReason::NoAccount)
    } else if running > 0 {
        (ServingState::Busy, ServingReason::Running)
    } else if is(AccountState::Ready) {
        (ServingState::Serving, ServingReason::Ready)
    } else if is(AccountState::Limited) {
        (ServingState::Limited, ServingReason::Limited)
    } else if is(AccountState::Unreachable) {
        (ServingState::Error, ServingReason::Unreachable)
    } else if is(AccountState::Starting) {
        (ServingState::Serving, ServingReason::Reading)
    } else if is(AccountState::Locked) {
        (ServingState::Error, ServingReason::KeychainLocked)
    } else if is(AccountState::Unreadable) {
        (ServingState::Error, ServingReason::KeychainUnreadable)
    } else if is(AccountState::OtherHost) {
        (ServingState::Error, ServingReason::OtherHost)
    } else if is(AccountState::NeedsLogin) {
        (ServingState::Error, ServingReason::NeedsLogin)
    } else {
        (ServingState::Error, ServingReason::AllPaused)
    }
}

/// The wall time, Unix milliseconds.
pub(super) fn wall_ms(control: &Control) -> u64 {
    storage::unix_ms(control.clock.now().wall)
}
