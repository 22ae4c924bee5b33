//! `mammouth-proxy serve`: the headless server.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::signal;

use super::args::{Place, Serve};
use super::{Stop, exit, out};
use crate::app::{App, Parts, StartError};
use crate::config::{self, Config, Flags, Sources, Surroundings};
use crate::secrets::{Keychain, Vault};
use crate::server;

/// How long running answers may go on after the first signal.
const GRACE: Duration = Duration::from_secs(10);

/// Serves until a signal comes.
pub(super) fn serve(place: Place, options: Serve) -> Result<(), Stop> {
    let flags = Flags {
        host: options.host,
        port: options.port,
        no_ui: options.no_ui,
        allow_host: options.allow_host,
        ..flags(place)
    };
    let (sources, config) = sources(flags)?;
    sources.prepare_data_dir().map_err(|error| Stop::new(exit::USAGE, error.to_string()))?;
    let parts = parts(sources);
    log_to_stderr(&config)?;
    let runtime =
        tokio::runtime::Runtime::new().map_err(|error| Stop::failed(format!("cannot start: {error}")))?;
    runtime.block_on(run(config, parts))
}

/// Settings as the commands read them that change nothing by starting.
pub(super) fn read(flags: Flags) -> Result<(Config, Parts), Stop> {
    let (sources, config) = sources(flags)?;
    Ok((config, parts(sources)))
}

fn parts(sources: Sources) -> Parts {
    let vault = Vault::new(std::sync::Arc::new(Keychain::new()));
    Parts { vault, settings: sources.settings }
}

fn sources(flags: Flags) -> Result<(Sources, Config), Stop> {
    let usage = |error: config::ConfigError| Stop::new(exit::USAGE, error.to_string());
    let working_dir = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let surroundings = Surroundings { working_dir, platform_dir: config::platform_dir(), headless: true };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let sources =
        Sources::read(flags, config::environment(std::env::vars_os()), surroundings, now).map_err(usage)?;
    let config = config::resolve(&sources).map_err(usage)?;
    Ok((sources, config))
}

/// The flags that say which installation is meant.
pub(super) fn flags(place: Place) -> Flags {
    Flags { demo: place.demo, data_dir: place.data_dir, env_file: place.env_file, ..Flags::default() }
}

async fn run(config: Config, parts: Parts) -> Result<(), Stop> {
    let demo = config.demo;
    server::raise_open_files();
    let app = App::start(config, parts).await.map_err(|error| stop_for(&error))?;
    out::line(format_args!("listening on http://{}", app.addr()));
    greet(&app, demo);
    let mut signals =
        Signals::new().map_err(|error| Stop::failed(format!("cannot wait for signals: {error}")))?;
    signals.next().await;
    out::note("stopping: running answers get up to 10 s, a second signal ends them now");
    tokio::select! {
        drained = app.stop(GRACE) => {
            if drained.cut > 0 {
                out::note(format_args!("{} running answers were cut off", drained.cut));
            }
        }
        () = signals.next() => {}
    }
    Ok(())
}

fn greet(app: &App, demo: bool) {
    if demo {
        out::line("demo: answers come from the built-in simulator, its three accounts and nothing else");
    }
    out::line(format_args!("base URL for clients: http://{}/v1", app.addr()));
    out::line("client key: mammouth-proxy keys list --reveal");
}

fn stop_for(error: &StartError) -> Stop {
    let code = match error {
        StartError::AlreadyRunning(_) => exit::ALREADY_RUNNING,
        StartError::Port(_) => exit::PORT_TAKEN,
        StartError::Settings(_) => exit::USAGE,
        StartError::System { .. } => exit::FAILED,
    };
    Stop::new(code, error.to_string())
}

/// Lines on stderr, without colours where nobody reads them as they come.
fn log_to_stderr(config: &Config) -> Result<(), Stop> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log_filter)
        .map_err(|_| Stop::new(exit::USAGE, "LOG is not a valid log filter"))?;
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    subscriber.try_init().map_err(|error| Stop::failed(format!("cannot write a log: {error}")))
}

/// SIGINT and SIGTERM, or Ctrl-C.
struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn next(&mut self) {
        // Without a console there is nothing to wait for but the end of the process.
        if signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
