//! Assembly of the program: the only place where modules get handles to each other.
//!
//! Starting reports success only once requests are answered. Stopping refuses new requests, gives in-flight replies a
//! grace period, ends the rest with an error event, and writes the queue of the request log.

mod account_bootstrap;
mod catalog_refresh;
mod client_keys;
mod components;
mod control_backend;
mod instance_lock;
mod keyless_listener;
mod memory_reclaim;
mod offline;
mod quota_poller;
mod secret_loader;
mod service;
mod start_error;
mod upstream_setup;

pub use instance_lock::{RunningInstance, find_running};
pub use offline::OfflineApp;
pub use start_error::{StartError, StartFailure, StartProblem};

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use warp::Filter;

use self::components::Components;
use self::keyless_listener::KeylessListener;
use crate::auth::{self, Guard, Policy};
use crate::management::{self, Control, SessionAuth, UserMessage};
use crate::proxy::{self, Proxy};
use crate::server::{self, Server};
use mock_upstream::MockUpstream;
use storage::config::{Config, SecretStoreSetting, SettingsFile};
use storage::request_log::{self, RequestLog};
use storage::secrets::{self, AsyncSecretStore, EncryptedFileStore, ExposeSecret};

/// The file of the request log and of the account states.
pub const DATABASE_FILE: &str = "mammouth.db";
/// The file of the control token, which opens the management API.
pub const CONTROL_TOKEN_FILE: &str = "control-token";
/// Time limit for writing the rest of the request log, whose queue is short.
const LOG_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Parts that the caller of [`App::start`] provides.
pub struct AppParts {
    pub vault: AsyncSecretStore,
    pub settings: SettingsFile,
}

fn system_error(what: &'static str) -> impl FnOnce(std::io::Error) -> StartError {
    move |error| StartError::System { what, error }
}

fn data_directory_error(what: &'static str) -> impl FnOnce(std::io::Error) -> StartError {
    move |error| StartError::DataDirectory { what: what.to_owned(), error }
}

/// The running program. Dropping it without [`App::stop`] interrupts all replies.
pub struct App {
    server: Arc<Server>,
    keyless: Arc<KeylessListener>,
    journal: RequestLog,
    simulator: Option<MockUpstream>,
    background: CancellationToken,
    background_tasks: [tokio::task::JoinHandle<()>; 5],
    control: Control,
    lock: Arc<instance_lock::InstanceLock>,
    /// The only strong handle: it holds the control, which must not hold it in turn.
    backend: Arc<dyn management::Backend>,
}

impl App {
    /// Builds all modules and starts to serve.
    ///
    /// # Errors
    /// [`StartError`]. Nothing is left running then.
    pub async fn start(config: Config, parts: AppParts) -> Result<Self, StartError> {
        let lock = Arc::new(acquire_lock(&config)?);
        let bound = server::bind(config.listen()).await?;
        let opened = open_request_log(&config, &config.data_dir.join(DATABASE_FILE)).await?;
        let mut notices = start_notices(&config, opened.notice.as_deref());
        let components = Components::build(&config, &parts.settings, opened.log, &mut notices).await?;
        let catalog_refresher = components.load_catalog(&config);
        let token = client_keys::control_token(&config.data_dir, &mut notices)?;
        notices.iter().for_each(|notice| tracing::warn!("{notice}"));

        let proxy = components.build_proxy(&config);
        let (secret_reload, reload_requests) = management::reload_channel();
        let pause_switch = auth::PauseSwitch::default();
        let control = components.build_control(&config, parts, pause_switch.clone(), secret_reload, notices);
        let (token, sessions) = (auth::digest(token.expose_secret()), auth::Sessions::default());
        let session_auth = SessionAuth::new(sessions.clone(), token);
        let guard = build_guard(&config, &components.keys, token)?
            .with_pause_switch(pause_switch)
            .with_sessions(sessions);
        let guard = Arc::new(guard);
        let routes = build_routes(&proxy, &control, &session_auth, &config);
        let service = service::HttpService::new(Arc::clone(&guard), proxy.clone(), routes);
        let limits = server::ConnectionLimits {
            max_connections: config.max_connections,
            ..server::ConnectionLimits::default()
        };
        let keyless = Arc::new(KeylessListener::new(&guard, &proxy, limits.clone()));
        let backend: Arc<dyn management::Backend> = Arc::new(control_backend::AppBackend {
            service: service.clone(),
            proxy: proxy.clone(),
            keys: components.keys.clone(),
            keyless: Arc::clone(&keyless),
        });
        control.attach_services(&guard, &backend);

        keyless.start(config.keyless_port).await;
        let server = Arc::new(Server::start(bound, service, limits));
        control.attach_server(&server, announcer(&lock, config.demo));
        let background = CancellationToken::new();
        let background_tasks = components.spawn_background_tasks(
            catalog_refresher,
            control.clone(),
            reload_requests,
            &background,
        );
        let Components { log: journal, simulator, .. } = components;
        let app = Self {
            server,
            keyless,
            journal,
            simulator,
            background,
            background_tasks,
            control,
            lock,
            backend,
        };
        announce(&app.lock, &instance(app.addr(), config.demo))?;
        Ok(app)
    }

    /// The address on which the proxy listens now.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// The management API of the running program.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Stops: refuses new requests, lets running ones finish within `grace`, writes the request log.
    pub async fn stop(self, grace: Duration) -> server::Drained {
        let Self {
            server,
            keyless,
            journal,
            simulator,
            background,
            background_tasks: watching,
            control,
            lock,
            backend: engine,
        } = self;
        background.cancel();
        let (drained, ()) = tokio::join!(server.stop(grace), keyless.stop(grace));
        if let Some(simulator) = simulator {
            simulator.stop().await;
        }
        for task in watching {
            // A panic of the task has been reported already.
            let _ = task.await;
        }
        let written = tokio::task::spawn_blocking(move || {
            // These hold the last handles to the accounts, whose states are written when the last handle is dropped.
            drop((server, keyless, control, engine));
            journal.close(LOG_CLOSE_TIMEOUT);
        });
        // A log that cannot be written in time has warned already; the program ends in any case.
        let _ = written.await;
        drop(lock);
        drained
    }
}

/// The messages about the start of the program, so far.
fn start_notices(config: &Config, log_notice: Option<&str>) -> Vec<UserMessage> {
    let texts = config.notice.as_deref().into_iter().chain(log_notice);
    let mut notices: Vec<UserMessage> =
        texts.map(|text| UserMessage::Plain { text: text.to_owned() }).collect();
    notices.extend(config.unnamed_env_file.as_ref().map(management::env_file_message));
    notices.extend(management::shared_data_dir_message(&config.data_dir));
    notices
}

const ANNOUNCE_FAILED: &str = "the address cannot be written to the data directory";

/// Writes the address into the lock's file. A full or read-only disk is only a warning.
fn announce(lock: &instance_lock::InstanceLock, instance: &RunningInstance) -> Result<(), StartError> {
    match lock.announce(instance) {
        Err(error) if instance_lock::is_unwritable(&error) => {
            tracing::warn!("{ANNOUNCE_FAILED}: {error}");
            Ok(())
        }
        announced => announced.map_err(data_directory_error(ANNOUNCE_FAILED)),
    }
}

fn instance(address: SocketAddr, demo: bool) -> RunningInstance {
    RunningInstance { pid: std::process::id(), address, demo }
}

/// Writes the address into the lock's file. The handle is weak: a control that outlives the program must not keep the
/// data directory locked.
fn announcer(lock: &Arc<instance_lock::InstanceLock>, demo: bool) -> management::AnnounceAddress {
    let lock = Arc::downgrade(lock);
    Box::new(move |address| {
        let lock = lock.upgrade().ok_or_else(|| "the program is stopping".to_owned())?;
        lock.announce(&instance(address, demo)).map_err(|error| format!("{ANNOUNCE_FAILED}: {error}"))
    })
}

/// The secret store of this installation. A demo keeps its secrets in memory.
pub fn open_secret_store(config: &Config) -> AsyncSecretStore {
    AsyncSecretStore::new(match &config.secret_store {
        _ if config.demo => Arc::new(secrets::MemoryStore::new()),
        SecretStoreSetting::Keychain => secrets::keychain(&config.data_dir),
        SecretStoreSetting::File { key_file } => {
            Arc::new(EncryptedFileStore::with_key_file(key_file.clone(), &config.data_dir))
        }
    })
}

fn acquire_lock(config: &Config) -> Result<instance_lock::InstanceLock, StartError> {
    let data_dir = config.data_dir.display().to_string();
    match instance_lock::InstanceLock::try_acquire(&config.data_dir) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(StartError::AlreadyRunning(data_dir)),
        Err(error) => {
            let what = format!("the data directory {data_dir} cannot be used by {}", current_user());
            Err(StartError::DataDirectory { what, error })
        }
    }
}

/// The user of this process, as a container names the owner of a file.
fn current_user() -> String {
    #[cfg(unix)]
    return format!("user {}", rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    return "this user".to_owned();
}

async fn open_request_log(config: &Config, database: &Path) -> Result<request_log::OpenedLog, StartError> {
    let limits = request_log::LogLimits {
        max_age: Duration::from_secs(u64::from(config.log_days) * 24 * 60 * 60),
        max_bytes: config.log_max_bytes,
        ..request_log::LogLimits::default()
    };
    let path = database.to_owned();
    let keep = config.keep_bodies;
    let open_task = tokio::task::spawn_blocking(move || {
        let opened = RequestLog::open(&path, limits);
        if let Err(error) = opened.log.set_keep_bodies(keep) {
            tracing::warn!("bodies of an earlier run could not be deleted: {error}");
        }
        opened
    })
    .await;
    open_task
        .map_err(|error| StartError::System { what: "the request log cannot be opened", error: error.into() })
}

fn build_policy(config: &Config) -> Result<Policy, StartError> {
    Policy::new(&config.host_names(&config.allowed_hosts), &config.allowed_origins)
        .map_err(|error| StartError::Settings(error.to_string()))
}

fn build_guard(
    config: &Config,
    keys: &management::ClientKeys,
    control: [u8; 32],
) -> Result<Guard, StartError> {
    let policy = build_policy(config)?;
    let mut route_table: Vec<auth::Route> = proxy::route_table(dialects::DIALECTS);
    route_table.extend(management::http::route_table());
    if config.ui {
        route_table.extend(management::ui::route_table());
    }
    Ok(Guard::new(route_table, policy, keys.guard_keys().clone(), control))
}

fn build_routes(
    proxy: &Proxy,
    control: &Control,
    door: &SessionAuth,
    config: &Config,
) -> warp::filters::BoxedFilter<(warp::reply::Response,)> {
    let control_routes = management::http::routes(control, door);
    let control_routes =
        if config.ui { control_routes.or(management::ui::routes()).unify().boxed() } else { control_routes };
    proxy::routes(proxy).or(control_routes).unify().recover(proxy::handle_rejection).unify().boxed()
}
