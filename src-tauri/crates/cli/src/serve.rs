//! `mammouth-proxy serve`: the headless server. The desktop program serves with the same code.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::args::{GlobalArgs, ServeArgs};
use super::log_files::LogFiles;
use super::service::notify;
use super::signals::{self, Signals};
use super::{ExitError, exit, logging, malloc, output, update_helper};
use gateway::app::{self, App, AppParts, StartError, StartProblem};
use gateway::management::Control;
use gateway::server;
use storage::config::{self, Config, Flags, RuntimeEnvironment, Sources};

/// Time that replies in progress get after the first signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that background tasks get at shutdown.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);
/// Time after the first signal at which the process exits even if a task blocks.
const FORCED_EXIT_DELAY: Duration =
    DRAIN_TIMEOUT.saturating_add(RUNTIME_SHUTDOWN_TIMEOUT).saturating_add(Duration::from_secs(1));

/// Runs the proxy until a signal or `mammouth-proxy stop`.
pub(super) fn serve(global: GlobalArgs, options: ServeArgs) -> Result<(), ExitError> {
    malloc::use_one_arena();
    let (serving, mut signals) = ProxyRuntime::start(flags(global, options), true)?;
    serving.runtime.block_on(async {
        notify::serving(serving.app.addr());
        end_requested(&mut signals, serving.control()).await;
        notify::stopping();
    });
    serving.stop()
}

/// Completes at the next signal, or when another process ran `mammouth-proxy stop`.
pub(super) async fn end_requested(signals: &mut Signals, control: &Control) {
    tokio::select! {
        () = signals.next() => {}
        () = control.stop_requested() => {}
    }
}

/// Reads the settings for commands other than `serve`; creates no files.
pub(super) fn read_settings(global: &GlobalArgs) -> Result<(Config, AppParts), ExitError> {
    let (sources, config) = sources(flags(global.clone(), ServeArgs::default()), true)?;
    let parts = parts(sources, &config);
    Ok((config, parts))
}

/// A running proxy with its runtime.
pub(super) struct ProxyRuntime {
    pub(super) runtime: Runtime,
    pub(super) data_dir: PathBuf,
    demo: bool,
    app: App,
}

impl ProxyRuntime {
    /// Starts the proxy and prints its address. Signals after that are not lost.
    pub(super) fn start(flags: Flags, headless: bool) -> Result<(Self, Signals), ExitError> {
        let (sources, config) = sources(flags, headless)?;
        sources.prepare_data_dir().map_err(|error| settings_error(&error))?;
        let update = update_helper::before_start(&config.data_dir)?;
        let parts = parts(sources, &config);
        // The log of the headless program is kept by its service manager, such as systemd.
        logging::init(&config, (!headless).then(|| LogFiles::new(&config.data_dir)))?;
        server::raise_fd_limit();
        let runtime = runtime().map_err(|error| cannot_start(&error))?;
        let (demo, data_dir) = (config.demo, config.data_dir.clone());
        let (app, signals) = runtime.block_on(async {
            let signals = Signals::listen()?;
            signals::force_exit_after(FORCED_EXIT_DELAY)?;
            let app = App::start(config, parts).await.map_err(|error| start_error(&error))?;
            app.control().attach_log(Box::new(logging::set_filter));
            Ok((app, signals))
        })?;
        update.serving(app.control(), &data_dir);
        let serving = Self { runtime, data_dir, demo, app };
        serving.print_addresses();
        Ok((serving, signals))
    }

    /// The management commands.
    pub(super) fn control(&self) -> &Control {
        self.app.control()
    }

    /// Runs `work` on this thread while the proxy serves on another one.
    pub(super) fn serve_during<T>(&self, work: impl FnOnce() -> T) -> Result<T, ExitError> {
        let (ended, end) = oneshot::channel::<()>();
        // The closure owns the sender, so that a panic in `work` ends the other thread too.
        std::thread::scope(move |scope| {
            let serve = || drop(self.runtime.block_on(end));
            let thread = std::thread::Builder::new().name("proxy".to_owned());
            thread.spawn_scoped(scope, serve).map_err(|error| cannot_start(&error))?;
            let outcome = work();
            drop(ended);
            Ok(outcome)
        })
    }

    /// Drains and stops. Another signal stops at once.
    pub(super) fn stop(self) -> Result<(), ExitError> {
        output::note("stopping: running answers get up to 10 s, a second signal ends them now");
        self.runtime.block_on(async {
            let mut signals = Signals::listen()?;
            tokio::select! {
                drained = self.app.stop(DRAIN_TIMEOUT) => {
                    if drained.cut > 0 {
                        output::note(format_args!("{} running answers were cut off", drained.cut));
                    }
                }
                () = signals.next() => {}
            }
            Ok::<_, ExitError>(())
        })?;
        // A task that waits for a part that has ended, such as the window, must not delay the exit.
        self.runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
        Ok(())
    }

    fn print_addresses(&self) {
        let (bound, dialled) = (self.app.addr(), server::dial_addr(self.app.addr()));
        output::line(format_args!("listening on http://{dialled}"));
        if bound.ip().is_unspecified() {
            output::line(format_args!(
                "other machines reach it by this one's address and port {}; names of this machine need ALLOWED_HOSTS",
                bound.port()
            ));
        }
        if self.demo {
            output::line("demo: answers come from the built-in simulator, its accounts and nothing else");
        }
        output::line(format_args!("base URL for clients: http://{dialled}/v1"));
        output::line("client key: mammouth-proxy keys list --reveal");
    }
}

fn cannot_start(error: &std::io::Error) -> ExitError {
    ExitError::failed(format!("cannot start: {error}")).with_problem(StartProblem::Other)
}

/// Builds a runtime whose tasks run on the thread that blocks on it. A request alternates between the tasks of the
/// client's and the upstream's connection; on two threads each switch wakes the other thread, which costs a third more
/// CPU time, and one worker of the multi-threaded scheduler costs a tenth more. Slow work (large bodies, the tokenizer's
/// first count, files) runs on blocking threads.
fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// The flags of a start.
pub(super) fn flags(global: GlobalArgs, options: ServeArgs) -> Flags {
    Flags {
        demo: global.demo,
        data_dir: global.data_dir,
        env_file: global.env_file,
        only_named_env_file: global.in_project,
        host: options.host,
        port: options.port,
        no_ui: options.no_ui,
        allow_host: options.allow_host,
    }
}

/// Number of ports above the configured one that are tried.
const MAX_PORTS_TRIED: u16 = 100;

/// Returns a free port near the configured one. Another program may take it before it is used.
pub(super) fn free_port_near(flags: &Flags) -> Result<u16, ExitError> {
    let (_, config) = sources(flags.clone(), false)?;
    server::next_free_port(SocketAddr::new(config.host, config.port), MAX_PORTS_TRIED).ok_or_else(|| {
        ExitError::new(exit::PORT_TAKEN, "no port near the wanted one is free")
            .with_problem(StartProblem::Port)
    })
}

/// The data directory of a start with these flags; `None` if the settings cannot be read.
pub(super) fn data_dir(flags: Flags) -> Option<PathBuf> {
    read_sources(flags, false).ok()?.data_dir().ok()
}

fn sources(flags: Flags, headless: bool) -> Result<(Sources, Config), ExitError> {
    let to_exit_error = |error: config::ConfigError| settings_error(&error);
    let sources = read_sources(flags, headless).map_err(to_exit_error)?;
    let config = config::resolve(&sources).map_err(to_exit_error)?;
    Ok((sources, config))
}

fn read_sources(flags: Flags, headless: bool) -> Result<Sources, config::ConfigError> {
    let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let surroundings = RuntimeEnvironment { working_dir, platform_dir: config::platform_dir(), headless };
    let now = storage::unix_seconds(SystemTime::now());
    Sources::read(flags, initial_environment(), surroundings, now)
}

fn settings_error(error: &config::ConfigError) -> ExitError {
    ExitError::new(exit::USAGE, error.to_string()).with_problem(StartProblem::from_setting(error))
}

/// The environment at the first call. The desktop program removes secrets from its environment later.
pub(super) fn initial_environment() -> BTreeMap<String, String> {
    static INITIAL_ENVIRONMENT: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    let read = || {
        let mut known = config::known_variables(std::env::vars_os());
        if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            config::add_service_credentials(&mut known, &PathBuf::from(folder));
        }
        known
    };
    INITIAL_ENVIRONMENT.get_or_init(read).clone()
}

fn parts(sources: Sources, config: &Config) -> AppParts {
    AppParts { vault: app::open_secret_store(config), settings: sources.settings }
}

fn start_error(error: &StartError) -> ExitError {
    let code = match error {
        StartError::AlreadyRunning(_) => exit::ALREADY_RUNNING,
        StartError::Port(_) => exit::PORT_TAKEN,
        StartError::Settings(_) => exit::USAGE,
        StartError::HttpClient(_) | StartError::DataDirectory { .. } | StartError::System { .. } => {
            exit::FAILED
        }
    };
    ExitError::new(code, error.to_string()).with_problem(error.problem())
}
