//! Command line of `mammouth-proxy-desktop`: parses the arguments of `serve`, and runs the proxy beside the
//! window.

use std::fmt::Display;
use std::path::PathBuf;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::{DesktopArgs, GlobalArgs};
#[cfg(target_os = "linux")]
use super::logging;
use super::serve::{ProxyRuntime, flags};
use super::{ExitError, client, exit, output, report, serve as serving, show_usage, usage};
use gateway::app::{StartFailure, StartProblem};
use gateway::management::Control;
use storage::config::{Flags, SECRET_VARIABLES};

/// Time limit for a second instance to reach the first one and show its window.
const FIRST_INSTANCE_TIMEOUT: Duration = Duration::from_secs(5);

/// Environment variables by which a desktop passes an activation token to a program that it starts: Wayland's and X11's.
pub const ACTIVATION_TOKEN_VARIABLES: [&str; 2] = ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"];

/// The running proxy, with what the desktop needs for its start.
pub struct ProxyHandle {
    /// The management API.
    pub control: Control,
    /// The data directory, for the files of the tray.
    pub data_dir: PathBuf,
    /// Whether to start without a window, as at login.
    pub hidden: bool,
    /// The token with which the window may take the focus, if a desktop started the program.
    pub activation_token: Option<String>,
    /// Whether a port other than the configured one is used.
    pub on_other_port: bool,
    /// Runtime on which the proxy runs.
    pub runtime: Handle,
    /// Completes when a signal or `mammouth-proxy stop` asks the program to end.
    pub shutdown_signal: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Operations of the desktop program that [`run_desktop`] needs.
pub trait DesktopHooks {
    type Error: Display;

    /// Removes these variables from the environment.
    fn remove_env_variables(&self, names: &[&str]);

    /// Checks that a window can be shown.
    ///
    /// # Errors
    /// No window can be shown.
    fn check_display(&self) -> Result<(), Self::Error>;

    /// Asks the user whether to use the free port `free` for this run. `why` is the reason why the configured
    /// port cannot be used.
    fn confirm_other_port(&self, why: &str, free: u16) -> bool;

    /// Runs the desktop on this thread while the proxy serves.
    ///
    /// # Errors
    /// The system cannot show a window.
    fn run(&self, beside: ProxyHandle) -> Result<(), Self::Error>;

    /// Runs the process of the windows on this thread.
    ///
    /// # Errors
    /// The system cannot show a window.
    #[cfg(target_os = "linux")]
    fn run_window_process(&self) -> Result<(), Self::Error>;

    /// Shows the user why the program did not start.
    fn show_start_failure(&self, failure: &StartFailure);
}

/// Serves while the desktop runs on this thread, and drains when it returns.
pub fn run_desktop(desktop: &impl DesktopHooks) -> ExitCode {
    storage::secrets::disable_core_dumps_and_redact_panics();
    serving::initial_environment();
    desktop.remove_env_variables(&SECRET_VARIABLES);
    let args = match DesktopArgs::try_parse() {
        Ok(args) => args,
        Err(error) => {
            if error.use_stderr() {
                let message = usage::without_values(&error).unwrap_or_else(|| error.to_string());
                desktop.show_start_failure(&StartFailure {
                    problem: StartProblem::Settings,
                    message,
                    data_dir: None,
                });
            }
            return show_usage(&error);
        }
    };
    #[cfg(target_os = "linux")]
    if args.window_process {
        logging::init_for_windows();
        return report(desktop.run_window_process().map_err(|error| ExitError::failed(error.to_string())));
    }
    let flags = flags(args.global.clone(), args.serve);
    let served = serve(&args.global, flags.clone(), args.hidden, desktop);
    if let Err(stop) = &served
        && let Some(problem) = stop.problem
    {
        tracing::error!("the program did not start: {}", stop.message);
        let data_dir = serving::data_dir(flags);
        desktop.show_start_failure(&StartFailure { problem, message: stop.message.clone(), data_dir });
    }
    report(served)
}

fn serve<D: DesktopHooks>(
    global: &GlobalArgs,
    flags: Flags,
    hidden: bool,
    desktop: &D,
) -> Result<(), ExitError> {
    let mut on_other_port = false;
    let (serving, mut signals) = match ProxyRuntime::start(flags.clone(), false) {
        Err(stop) if stop.code == exit::ALREADY_RUNNING => return show_running_instance(global, stop),
        Err(stop) if stop.code == exit::PORT_TAKEN => {
            let free = serving::free_port_near(&flags)?;
            // At login there may be no user who answers a question.
            on_other_port = hidden || desktop.confirm_other_port(&stop.message, free);
            if !on_other_port {
                // The user has seen the reason in the question.
                return Err(ExitError { problem: None, ..stop });
            }
            ProxyRuntime::start(Flags { port: Some(free.to_string()), ..flags }, false)?
        }
        started => started?,
    };
    let control = serving.control().clone();
    // GTK removes it from the environment.
    let activation_token = activation_token();
    let run = || {
        desktop.run(ProxyHandle {
            control: serving.control().clone(),
            data_dir: serving.data_dir.clone(),
            hidden,
            activation_token,
            on_other_port,
            runtime: serving.runtime.handle().clone(),
            shutdown_signal: Box::pin(async move { serving::end_requested(&mut signals, &control).await }),
        })
    };
    let outcome = serving.serve_during(|| desktop.check_display().and_then(|()| run()))?;
    serving.stop()?;
    outcome.map_err(|error| ExitError::failed(error.to_string()).with_problem(StartProblem::Other))
}

/// Returns the token with which the window of the running instance may take the focus, by the protocol of
/// Wayland or X11.
fn activation_token() -> Option<String> {
    ACTIVATION_TOKEN_VARIABLES.into_iter().find_map(|name| std::env::var(name).ok())
}

/// Shows the window of the running instance. Returns `error_without_window` if that has none, as the headless
/// program.
fn show_running_instance(global: &GlobalArgs, error_without_window: ExitError) -> Result<(), ExitError> {
    let (config, _) = serving::read_settings(global)?;
    let args = json!({ "activation_token": activation_token() });
    client::block_on(async {
        let mut poll = tokio::time::interval(FIRST_INSTANCE_TIMEOUT / 50);
        for _ in 0..50 {
            poll.tick().await;
            // The first instance may not have announced its address yet.
            if let Ok(Some(running)) = client::connect(&config.data_dir)
                && running.call::<Value>("window.open", args.clone()).await.is_ok()
            {
                output::note("it runs already: it was asked to show its window");
                return Ok(());
            }
        }
        Err(error_without_window)
    })
}
