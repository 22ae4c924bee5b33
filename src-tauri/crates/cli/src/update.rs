//! `update`: where this installation gets its updates, and whether there is a newer version.

use serde_json::Value;

use super::args::GlobalArgs;
use super::client::run_command;
use super::{ExitError, output};
use gateway::management::{UpdateStarted, UpdateStatus};

pub(super) fn update(global: &GlobalArgs, check: bool, install: bool) -> Result<(), ExitError> {
    if install {
        let started: UpdateStarted = run_command(global, "updates.install", Value::Null)?;
        let UpdateStarted { version } = started;
        output::line(format_args!(
            "version {version} is being installed; the proxy starts again in the background"
        ));
        return Ok(());
    }
    let command = if check { "updates.check" } else { "updates.status" };
    let status: UpdateStatus = run_command(global, command, Value::Null)?;
    output::line(format_args!("version: {}", status.version));
    match &status.available {
        Some(version) => output::line(format_args!("newer version: {version}")),
        None if status.checked_ms.is_some() => output::line("newer version: none was found"),
        None => output::line("newer version: not known; 'mammouth-proxy update --check' asks"),
    }
    output::line(match &status.command {
        Some(command) => format!("this installation is updated by: {command}"),
        None if status.configured && status.installable => {
            "this installation is updated by: mammouth-proxy update --install".to_owned()
        }
        None if status.configured => {
            "this installation is updated by replacing its files with those of a newer release".to_owned()
        }
        None => {
            "this build has no address for updates, so that nothing is asked for newer versions".to_owned()
        }
    });
    let daily = if status.automatic { "on" } else { "off" };
    output::line(format_args!("daily check: {daily} (update_check in the settings)"));
    Ok(())
}
