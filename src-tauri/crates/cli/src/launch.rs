//! `launch` and `run`: start a program that uses the proxy, without writing files.

use std::io;
use std::process::Command;

use serde_json::json;

use super::args::{GlobalArgs, LaunchArgs, RunArgs};
use super::client::{block_on, running};
use super::{ExitError, output};
use gateway::management::PreparedLaunch;

pub(super) fn launch(global: &GlobalArgs, options: LaunchArgs) -> Result<(), ExitError> {
    let LaunchArgs { client, model, small_model, dry_run, arguments } = options;
    let args = json!({
        "client": client, "model": model, "small_model": small_model, "arguments": arguments,
        "pid": std::process::id(), "dry_run": dry_run,
    });
    let prepared: PreparedLaunch = block_on(running(global)?.call("clients.launch", args))?;
    let program = prepared.program.clone().unwrap_or_default();
    if dry_run {
        show(&program, &prepared);
        return Ok(());
    }
    start(&program, prepared)
}

pub(super) fn run(global: &GlobalArgs, options: RunArgs) -> Result<(), ExitError> {
    let mut command = options.command.into_iter();
    let program = command.next().unwrap_or_default();
    let arguments: Vec<String> = command.collect();
    let args = json!({ "arguments": arguments, "pid": std::process::id() });
    start(&program, block_on(running(global)?.call("clients.launch", args))?)
}

fn show(program: &str, prepared: &PreparedLaunch) {
    for name in &prepared.removed {
        output::line(format_args!("unset {name}"));
    }
    for (name, value) in &prepared.variables {
        output::line(format_args!("{name}={value}"));
    }
    let words = std::iter::once(program).chain(prepared.arguments.iter().map(String::as_str));
    output::line(words.collect::<Vec<_>>().join(" "));
}

fn start(program: &str, prepared: PreparedLaunch) -> Result<(), ExitError> {
    let mut command = Command::new(program);
    command.args(prepared.arguments).envs(prepared.variables);
    for name in prepared.removed {
        command.env_remove(name);
    }
    Err(not_started(program, &replace_this_process(command)))
}

/// Replaces this process by the program, so that signals and exit code are its own.
#[cfg(unix)]
fn replace_this_process(mut command: Command) -> io::Error {
    std::os::unix::process::CommandExt::exec(&mut command)
}

/// Runs the program as a child and exits with its code, where there is no `exec`.
#[cfg(not(unix))]
fn replace_this_process(mut command: Command) -> io::Error {
    match command.status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => error,
    }
}

fn not_started(program: &str, error: &io::Error) -> ExitError {
    ExitError::failed(if error.kind() == io::ErrorKind::NotFound {
        format!("'{program}' is not installed, or not in PATH; this program does not install it")
    } else {
        format!("'{program}' cannot be started: {error}")
    })
}
