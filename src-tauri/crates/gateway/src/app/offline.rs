//! Management commands on a data directory on which no program runs.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::components::instance_info;
use super::{
    AppParts, DATABASE_FILE, StartError, account_bootstrap, client_keys, instance_lock, open_request_log,
    secret_loader, upstream_setup,
};
use crate::accounts::{AccountStore, Accounts, Clock};
use crate::auth::PauseSwitch;
use crate::management::{self, Control, ControlError};
use storage::config::Config;
use storage::request_log::RequestLog;
use upstreams::api_key::CatalogCache;

/// The management API over the stored data. Dropping it waits until all changes are written.
pub struct OfflineApp {
    control: Control,
    /// Held while changes are possible, so that no program starts on an incomplete change.
    _lock: Option<instance_lock::InstanceLock>,
}

impl OfflineApp {
    /// Opens the stored data. Missing files are created only if `writable`.
    ///
    /// # Errors
    /// [`StartError::AlreadyRunning`] if a program has started in the meantime, or the error of the settings.
    pub async fn open(config: &Config, parts: AppParts, writable: bool) -> Result<Self, StartError> {
        let lock = if writable { acquire_lock_if_present(config)? } else { None };
        let database = config.data_dir.join(DATABASE_FILE);
        let has_data = if writable { config.data_dir.is_dir() } else { database.is_file() };
        let mut notices = Vec::new();
        let journal = if writable && has_data {
            open_request_log(config, &database).await?.log
        } else {
            RequestLog::in_memory()
        };
        let store = if has_data { AccountStore::open(&database).ok() } else { None };
        let clock = Clock::default();
        let accounts = Accounts::new(
            account_bootstrap::available_accounts(config, None),
            config.strategy,
            store,
            clock.now(),
        );
        account_bootstrap::add_pending_accounts(config, &parts.settings, &accounts);
        account_bootstrap::apply_settings(config, &parts.settings, &accounts, clock.now());
        // An account that cannot be read is listed with its reason.
        let read_result = secret_loader::read_accounts(&parts.vault, &accounts, clock).await;
        let keys = client_keys::load_stored_keys(config, &parts, read_result, &mut notices).await;
        // There is no second attempt here: the next command reads again.
        let (reader, _) = management::reload_channel();
        let control = Control::new(management::ControlParts {
            accounts,
            upstreams: upstream_setup::build_upstreams(config, None)?,
            models: upstream_setup::build_model_registry(config, CatalogCache::default()),
            journal,
            vault: parts.vault,
            settings: Arc::new(Mutex::new(parts.settings)),
            keys,
            config: Arc::new(config.clone()),
            serving: PauseSwitch::default(),
            secret_reload: reader,
            clock,
            instance: instance_info(config, None, notices),
        });
        if let Err(error) = control.load_proxy_password().await {
            tracing::warn!("the proxy's password cannot be read: {error}");
        }
        Ok(Self { control, _lock: lock })
    }

    /// Runs a command of the management API.
    ///
    /// # Errors
    /// The error of the command. Commands about a running program fail with `starting`.
    pub async fn dispatch(&self, name: &str, args: Value) -> Result<Value, ControlError> {
        management::dispatch(&self.control, name, args).await
    }
}

/// Acquires the lock if the data directory exists. One that does not exist cannot be in use.
fn acquire_lock_if_present(config: &Config) -> Result<Option<instance_lock::InstanceLock>, StartError> {
    if config.data_dir.is_dir() { super::acquire_lock(config).map(Some) } else { Ok(None) }
}
