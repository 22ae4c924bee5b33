//! The command line of `mammouth-proxy`.
//!
//! `serve` builds an [`App`](gateway::app::App) and waits for a signal. Every other command calls the management API
//! of the running instance, headless or desktop, or works on the stored state if none runs.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

/// mimalloc: faster for the many small allocations of requests, and it returns memory to the system sooner.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod args;
mod client;
mod clients;
mod commands;
mod desktop_host;
mod doctor;
mod generate;
mod launch;
mod log_files;
mod logging;
mod logs;
mod malloc;
mod output;
mod secret_input;
mod serve;
mod service;
mod setup;
mod signals;
mod update;
mod update_helper;
mod usage;

pub use desktop_host::{ACTIVATION_TOKEN_VARIABLES, DesktopHooks, ProxyHandle, run_desktop};

use std::process::ExitCode;

use clap::Parser;

use gateway::app::StartProblem;

/// Exit codes, which docs/cli.md lists.
pub(crate) mod exit {
    pub(crate) const OK: u8 = 0;
    pub(crate) const FAILED: u8 = 1;
    pub(crate) const USAGE: u8 = 2;
    pub(crate) const ALREADY_RUNNING: u8 = 3;
    pub(crate) const PORT_TAKEN: u8 = 4;
}

/// Error of a command: exit code and message.
#[derive(Debug)]
pub(crate) struct ExitError {
    code: u8,
    message: String,
    /// Cause of a failed start.
    problem: Option<StartProblem>,
}

impl ExitError {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), problem: None }
    }

    fn with_problem(self, problem: StartProblem) -> Self {
        Self { problem: Some(problem), ..self }
    }

    fn failed(message: impl Into<String>) -> Self {
        Self::new(exit::FAILED, message)
    }
}

/// Runs the program with the arguments of this process.
pub fn main() -> ExitCode {
    storage::secrets::disable_core_dumps_and_redact_panics();
    if let Some(data_dir) = update_helper::helper_data_dir() {
        return report(update_helper::run(&data_dir));
    }
    match args::Args::try_parse() {
        Ok(args) => report(dispatch(args)),
        Err(error) => show_usage(&error),
    }
}

/// Prints help or the error of the arguments.
fn show_usage(error: &clap::Error) -> ExitCode {
    match usage::without_values(error) {
        Some(sentence) => output::note(sentence),
        // clap writes help to stdout and errors to stderr. A failure to write either is ignored.
        None => drop(error.print()),
    }
    ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::OK })
}

/// Prints the error, if any, and returns the exit code.
fn report(result: Result<(), ExitError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(stop) => {
            output::problem(&stop.message);
            if let Some(problem) = stop.problem {
                output::note(format_args!("what to do: {}", problem.advice()));
            }
            ExitCode::from(stop.code)
        }
    }
}

fn dispatch(args: args::Args) -> Result<(), ExitError> {
    let place = args.global;
    match args.command {
        args::Command::Serve(serve) => serve::serve(place, serve),
        args::Command::Stop => commands::stop(&place),
        args::Command::Status => commands::status(&place),
        args::Command::Doctor => doctor::doctor(&place),
        args::Command::Accounts(command) => commands::accounts(&place, command),
        args::Command::Keys(command) => commands::keys(&place, command),
        args::Command::Clients { json } => clients::clients(&place.in_project(), json),
        args::Command::Setup(options) => setup::setup(&place.in_project(), options),
        args::Command::Launch(options) => launch::launch(&place.in_project(), options),
        args::Command::Run(options) => launch::run(&place.in_project(), options),
        args::Command::Port { port } => commands::port(&place, port),
        args::Command::Logs(options) => logs::logs(&place, &options),
        args::Command::Export(options) => logs::export(&place, &options),
        args::Command::Service(command) => service::service(&place, command),
        args::Command::Update { check, install } => update::update(&place, check, install),
        args::Command::Generate { share } => generate::generate(&share),
    }
}
