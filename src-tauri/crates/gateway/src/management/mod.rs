//! Management API: the commands of the user interface and the command line.
//!
//! One table of commands has one dispatcher ([`dispatch`]). Transports carry names and JSON; [`http`] is the one over
//! HTTP. Commands return plain data or a typed [`ControlError`]. Displaying them is up to the client.

mod accounts;
mod clients;
mod commands;
mod desktop;
mod desktop_commands;
pub mod doctor;
mod error;
mod events;
mod export;
pub mod http;
mod keys;
mod log;
mod message;
mod models;
mod notice;
mod overview;
mod port;
mod secret_reload;
mod secrets;
mod serving;
mod session;
mod settings;
mod shutdown;
mod status;
mod test_request;
#[cfg(test)]
mod tests;
pub mod ui;
mod updates;

pub use accounts::{
    CheckView, Explanation, NoAccountReason, SkippedAccount, keychain_entry_name, other_host,
};
pub use clients::{
    CallerShell, ClientEntry, ClientList, ClientOutcome, ClientPlan, CopyField, DriftChoice, LaunchCommand,
    LinkOpened, ModelChoice, PreparedLaunch, RepairPlan,
};
pub use commands::{changes_state, command_names, dispatch};
pub use desktop::{BoxFuture, Desktop};
pub use error::{ControlError, ErrorCode};
pub use events::ControlEvent;
pub use export::{ExportedLog, SavedFile};
pub use keys::{ClientKeys, IssuedKey, KeyView, MAIN_KEY_ENTRY, MainKey, MainKeyUnavailable, STORED_KEYS};
pub use message::{UserMessage, env_file_message, shared_data_dir_message};
pub use models::ModelView;
pub use notice::{Notice, Page, Severity};
pub use overview::{ErrorLine, Overview, RejectionLine};
pub use secret_reload::{ReloadRequests, SecretReload, reload_channel};
pub use secrets::{SecretsState, SecretsView};
pub use session::SessionAuth;
pub use settings::{SettingFrom, SettingView, WindowProxy};
pub use status::{InstanceInfo, ServingReason, ServingState, Status};
pub use test_request::{Backend, SavePort, TestResult, TestText, TextSink};
pub use updates::{UpdateStarted, UpdateStatus, check_daily};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};

use crate::accounts::{AccountView, Accounts, Clock};
use crate::auth::{Guard, PauseSwitch, Policy, RejectionCount};
use crate::server::Server;
use crate::updates::StartFacts;
use storage::config::{Config, SettingsFile};
use storage::request_log::RequestLog;
use storage::secrets::{AsyncSecretStore, Secret};
use upstreams::{ModelRegistry, Upstreams};

/// Handle on everything that commands need. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<ControlInner>,
}

/// Handles on other modules.
pub struct ControlParts {
    pub accounts: Accounts,
    pub upstreams: Upstreams,
    pub models: ModelRegistry,
    pub journal: RequestLog,
    pub vault: AsyncSecretStore,
    pub settings: Arc<Mutex<SettingsFile>>,
    pub keys: ClientKeys,
    /// The configuration at the start of the program.
    pub config: Arc<Config>,
    /// Switch that stops and starts serving clients.
    pub serving: PauseSwitch,
    /// Requests that missing secrets be read.
    pub secret_reload: SecretReload,
    pub clock: Clock,
    pub instance: InstanceInfo,
}

struct ControlInner {
    parts: ControlParts,
    /// The configuration that the saved settings result in, as of the last save.
    saved: Mutex<Arc<Config>>,
    server: OnceLock<ListeningServer>,
    desktop: OnceLock<Arc<dyn Desktop>>,
    /// Handle on the backend. It is weak, as that of the server, because the backend holds this control.
    backend: OnceLock<Weak<dyn Backend>>,
    guard: OnceLock<Arc<Guard>>,
    log: OnceLock<SetLogFilter>,
    /// Messages that were added after the start.
    notices: Mutex<Vec<UserMessage>>,
    /// The file of the last export.
    exported: Mutex<Option<PathBuf>>,
    clients: clients::ClientSetups,
    test_runs: test_request::TestRuns,
    updates: updates::UpdateInstaller,
    /// Notified when a command ends the program.
    stop: Notify,
    /// Notified when a part of the status changed that no other module reports.
    changed: watch::Sender<()>,
}

/// Publishes the proxy's address for the command line. The error is a sentence for people.
pub type AnnounceAddress = Box<dyn Fn(SocketAddr) -> Result<(), String> + Send + Sync>;

/// Replaces the filter of the program's own log.
pub type SetLogFilter = Box<dyn Fn(&str) + Send + Sync>;

/// Parts that exist only once the port is bound.
struct ListeningServer {
    /// Weak handle on the server, because the server's service holds this control: a cycle of strong handles
    /// would never be dropped.
    server: Weak<Server>,
    announce: AnnounceAddress,
}

/// A command without arguments.
#[derive(Debug, Default, serde::Deserialize, ts_rs::TS)]
#[ts(type = "{}")]
pub(crate) struct NoArgs {}

impl std::ops::Deref for Control {
    type Target = ControlParts;

    fn deref(&self) -> &ControlParts {
        &self.inner.parts
    }
}

impl Control {
    pub fn new(parts: ControlParts) -> Self {
        let saved = Mutex::new(meaning(&parts.settings.lock(), &parts.config));
        let inner = ControlInner {
            parts,
            saved,
            server: OnceLock::new(),
            desktop: OnceLock::new(),
            backend: OnceLock::new(),
            guard: OnceLock::new(),
            log: OnceLock::new(),
            notices: Mutex::default(),
            exported: Mutex::default(),
            clients: clients::ClientSetups::default(),
            test_runs: test_request::TestRuns::default(),
            updates: updates::UpdateInstaller::default(),
            stop: Notify::new(),
            changed: watch::Sender::new(()),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Sets the server once it listens; its routes must exist before. `announce` is called with the new address at each
    /// change of the port.
    pub fn attach_server(&self, server: &Arc<Server>, announce: AnnounceAddress) {
        // A second server would be a bug of `app`; the first one stays.
        let _ = self.inner.server.set(ListeningServer { server: Arc::downgrade(server), announce });
    }

    /// Sets the operations of the desktop program.
    pub fn attach_desktop(&self, desktop: Arc<dyn Desktop>) {
        // A second desktop program would be a bug of `app`; the first one stays.
        let _ = self.inner.desktop.set(desktop);
        self.notify_changed();
    }

    /// Sets the guard, whose lists change with the settings, and the backend.
    pub fn attach_services(&self, guard: &Arc<Guard>, engine: &Arc<dyn Backend>) {
        // As with the server: the first one stays.
        let _ = self.inner.guard.set(Arc::clone(guard));
        let _ = self.inner.backend.set(Arc::downgrade(engine));
    }

    /// Sets the function that changes the log filter.
    pub fn attach_log(&self, set: SetLogFilter) {
        // As with the server: the first one stays.
        let _ = self.inner.log.set(set);
    }

    /// Sets how this program was started, for an update that starts it again.
    pub fn attach_start_facts(&self, facts: StartFacts) {
        // As with the server: the first one stays.
        self.inner.updates.attach(facts);
    }

    fn set_log(&self, filter: &str) {
        if let Some(set) = self.inner.log.get() {
            set(filter);
        }
    }

    fn backend(&self) -> Result<Arc<dyn Backend>, ControlError> {
        self.inner.backend.get().and_then(Weak::upgrade).ok_or_else(|| {
            ControlError::new(ErrorCode::Starting, "this needs the running program: start it first")
        })
    }

    fn set_policy(&self, policy: Policy) {
        if let Some(guard) = self.inner.guard.get() {
            guard.set_policy(policy);
        }
    }

    /// The number of rejected requests since the start, by reason.
    fn rejection_counts(&self) -> Vec<RejectionCount> {
        self.inner.guard.get().map(|guard| guard.rejection_counts()).unwrap_or_default()
    }

    fn desktop(&self) -> Option<&Arc<dyn Desktop>> {
        self.inner.desktop.get()
    }

    /// The desktop program's operations, for commands that need them.
    ///
    /// # Errors
    /// `desktop_only` in the headless program.
    fn require_desktop(&self) -> Result<&Arc<dyn Desktop>, ControlError> {
        self.desktop().ok_or_else(|| {
            let message = "this program runs without a window: it is the headless one";
            ControlError::new(ErrorCode::DesktopOnly, message)
        })
    }

    fn set_exported_file(&self, path: PathBuf) {
        *self.inner.exported.lock() = Some(path);
    }

    fn exported_file(&self) -> Option<PathBuf> {
        self.inner.exported.lock().clone()
    }

    /// Notifies subscribers that the status may have changed.
    fn notify_changed(&self) {
        self.inner.changed.send_replace(());
    }

    fn test_runs(&self) -> &test_request::TestRuns {
        &self.inner.test_runs
    }

    fn subscribe_changes(&self) -> watch::Receiver<()> {
        self.inner.changed.subscribe()
    }

    /// The configuration of the saved settings, without flags and variables. For an invalid setting the value of the
    /// start is used.
    fn saved_config(&self) -> Arc<Config> {
        Arc::clone(&self.inner.saved.lock())
    }

    /// Adds a message that holds until the program ends.
    pub fn add_notice(&self, message: UserMessage) {
        tracing::warn!("{message}");
        let mut notices = self.inner.notices.lock();
        if !notices.contains(&message) {
            notices.push(message);
        }
        drop(notices);
        self.notify_changed();
    }

    /// Messages that were added after the start.
    pub fn runtime_notices(&self) -> Vec<UserMessage> {
        self.inner.notices.lock().clone()
    }

    /// Stores the digest of the main client key in the settings, so that the next start accepts clients before it has
    /// read the key.
    ///
    /// # Errors
    /// The settings file could not be written.
    pub fn store_main_digest(&self, key: &Secret) -> Result<(), ControlError> {
        keys::store_main_digest(self, key)
    }

    /// The server, while it listens.
    ///
    /// # Errors
    /// `starting`: the server does not listen yet, or no longer.
    fn server(&self) -> Result<Arc<Server>, ControlError> {
        let server = self.inner.server.get().and_then(|listening| listening.server.upgrade());
        server.ok_or_else(|| {
            ControlError::new(ErrorCode::Starting, "the program is still starting, or stopping already")
        })
    }

    /// Publishes the proxy's address for the command line.
    ///
    /// # Errors
    /// A sentence for people.
    fn announce(&self, address: SocketAddr) -> Result<(), String> {
        self.inner.server.get().map_or(Ok(()), |listening| (listening.announce)(address))
    }

    /// Applies a change to the current content of the settings file and saves it. Nothing is changed on an error.
    fn save(
        &self,
        change: impl FnOnce(&mut SettingsFile) -> Result<(), storage::config::SettingsError>,
    ) -> Result<(), ControlError> {
        let mut settings = self.settings();
        settings.update(change).map_err(not_saved)?;
        *self.inner.saved.lock() = meaning(&settings, &self.config);
        drop(settings);
        self.notify_changed();
        Ok(())
    }

    fn settings(&self) -> MutexGuard<'_, SettingsFile> {
        self.settings.lock()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn not_saved(error: storage::config::SettingsError) -> ControlError {
    ControlError::new(ErrorCode::NotSaved, error.to_string())
}

fn meaning(settings: &SettingsFile, start: &Arc<Config>) -> Arc<Config> {
    storage::config::resolve_file_only(settings, Some(start)).map_or_else(|_| Arc::clone(start), Arc::new)
}
