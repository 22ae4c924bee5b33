//! The modules that serve requests and commands, before they are connected to sockets.

use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::catalog_refresh::CatalogRefresher;
use super::{AppParts, StartError, account_bootstrap, client_keys, memory_reclaim, quota_poller};
use super::{secret_loader, system_error, upstream_setup};
use crate::accounts::{Accounts, Clock};
use crate::auth::PauseSwitch;
use crate::management::{self, ClientKeys, Control, InstanceInfo, ReloadRequests, SecretReload, UserMessage};
use crate::proxy::{self, Proxy};
use mock_upstream::MockUpstream;
use storage::config::{Config, SecretStoreSetting, SettingsFile};
use storage::request_log::RequestLog;
use storage::secrets;
use upstreams::api_key::CatalogCache;
use upstreams::web_session::SiteProtocol;
use upstreams::{ModelRegistry, Upstreams};

/// Handles on the modules that `proxy`, the management API and the background tasks use.
pub(super) struct Components {
    pub(super) clock: Clock,
    pub(super) accounts: Accounts,
    pub(super) keys: ClientKeys,
    pub(super) upstreams: Upstreams,
    pub(super) models: ModelRegistry,
    pub(super) log: RequestLog,
    /// The mock upstream of a demo.
    pub(super) simulator: Option<MockUpstream>,
}

impl Components {
    /// Builds the modules. Adds a notice for each problem that does not prevent the start.
    ///
    /// # Errors
    /// [`StartError`]: the settings of an upstream are invalid, or the mock upstream cannot start.
    pub(super) async fn build(
        config: &Config,
        settings: &SettingsFile,
        log: RequestLog,
        notices: &mut Vec<UserMessage>,
    ) -> Result<Self, StartError> {
        let clock = Clock::default();
        let simulator = start_simulator(config).await?;
        let accounts = account_bootstrap::open_accounts(config, settings, simulator.as_ref(), clock, notices);
        let keys = client_keys::load_keys(config, settings, notices);
        let upstreams = upstream_setup::build_upstreams(config, simulator.as_ref())?;
        let models = upstream_setup::build_model_registry(config, CatalogCache::default());
        Ok(Self { clock, accounts, keys, upstreams, models, log, simulator })
    }

    /// Loads the model catalog from the disk. The refresher keeps it up to date once it runs.
    pub(super) fn load_catalog(&self, config: &Config) -> CatalogRefresher {
        let (upstreams, accounts) = (self.upstreams.clone(), self.accounts.clone());
        CatalogRefresher::new(config, upstreams, accounts, self.models.catalog().clone())
    }

    pub(super) fn build_proxy(&self, config: &Config) -> Proxy {
        Proxy::new(proxy::ProxyParts {
            dialects: dialects::DIALECTS,
            accounts: self.accounts.clone(),
            upstreams: self.upstreams.clone(),
            request_log: self.log.clone(),
            models: self.models.clone(),
            limits: self.keys.limits().clone(),
            clock: self.clock,
            body_limit: usize::try_from(config.body_bytes).unwrap_or(usize::MAX),
            stored_response_bytes: config.stored_response_bytes,
        })
    }

    pub(super) fn build_control(
        &self,
        config: &Config,
        parts: AppParts,
        serving: PauseSwitch,
        secret_reload: SecretReload,
        notices: Vec<UserMessage>,
    ) -> Control {
        Control::new(management::ControlParts {
            accounts: self.accounts.clone(),
            upstreams: self.upstreams.clone(),
            models: self.models.clone(),
            journal: self.log.clone(),
            vault: parts.vault,
            settings: Arc::new(Mutex::new(parts.settings)),
            keys: self.keys.clone(),
            config: Arc::new(config.clone()),
            serving,
            secret_reload,
            clock: self.clock,
            instance: instance_info(config, self.simulator.as_ref(), notices),
        })
    }

    /// Starts the tasks that run until `stop`.
    pub(super) fn spawn_background_tasks(
        &self,
        catalog_refresher: CatalogRefresher,
        control: Control,
        reload_requests: ReloadRequests,
        stop: &CancellationToken,
    ) -> [JoinHandle<()>; 5] {
        let upstreams = self.upstreams.clone();
        [
            tokio::spawn(quota_poller::run(self.accounts.clone(), upstreams, self.clock, stop.clone())),
            tokio::spawn(catalog_refresher.run(stop.clone())),
            tokio::spawn(management::check_daily(control.clone(), stop.clone())),
            tokio::spawn(secret_loader::run(control, reload_requests, stop.clone())),
            tokio::spawn(memory_reclaim::run(stop.clone())),
        ]
    }
}

async fn start_simulator(config: &Config) -> Result<Option<MockUpstream>, StartError> {
    if !config.demo {
        return Ok(None);
    }
    let started = MockUpstream::start(mock_upstream::MockUpstreamOptions::demo()).await;
    started.map(Some).map_err(system_error("the simulator of the demo cannot start"))
}

/// Facts about this instance for the management API.
pub(super) fn instance_info(
    config: &Config,
    simulator: Option<&MockUpstream>,
    notices: Vec<UserMessage>,
) -> InstanceInfo {
    InstanceInfo {
        demo: config.demo,
        notices,
        data_dir: config.data_dir.display().to_string(),
        cookie_name: SiteProtocol::from(&config.web).cookie,
        api_url: simulator.map_or_else(|| config.api_url.to_string(), MockUpstream::base_url),
        secrets: match &config.secret_store {
            _ if config.demo => secrets::StoreKind::Memory,
            SecretStoreSetting::Keychain => secrets::StoreKind::Keychain,
            SecretStoreSetting::File { .. } => secrets::StoreKind::File,
        },
        started_ms: storage::unix_ms(SystemTime::now()),
        web_url: simulator.map_or_else(|| config.web_url.to_string(), MockUpstream::base_url),
    }
}
