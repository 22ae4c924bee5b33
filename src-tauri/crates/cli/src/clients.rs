//! `clients`: the AI clients of this machine, and whether they use the proxy.

use std::collections::BTreeMap;

use serde_json::json;

use super::args::GlobalArgs;
use super::client::run_command;
use super::{ExitError, output};
use client_setup::{Drift, LOCATION_VARIABLES, SetupState, Shadow};
use gateway::management::{CallerShell, ClientEntry, ClientList};

pub(super) fn clients(global: &GlobalArgs, json: bool) -> Result<(), ExitError> {
    let list: ClientList = run_command(global, "clients.list", json!({ "caller": caller() }))?;
    if json {
        let text = serde_json::to_string_pretty(&list.clients);
        output::line(text.map_err(|error| ExitError::failed(error.to_string()))?);
        return Ok(());
    }
    let (here, others): (Vec<_>, Vec<_>) =
        list.clients.iter().partition(|client| client.found.is_some() || is_connected(client));
    if here.is_empty() {
        output::line("no known client was found on this machine");
    }
    here.iter().for_each(|client| show(client));
    let others = others.iter().map(|client| client.id.as_str()).collect::<Vec<_>>().join(", ");
    output::note(format_args!("not found here: {others}"));
    Ok(())
}

/// The environment of this shell that decides where clients and their files are.
pub(super) fn caller() -> CallerShell {
    let shadowing = client_setup::clients::all().iter().flat_map(|client| client.shadowing_variables);
    // Of a variable that wins over a file only its presence counts; its value may be a secret.
    let shadowing = shadowing.filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let located =
        LOCATION_VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var(name).ok()?)));
    let variables: BTreeMap<_, _> =
        shadowing.map(|name| ((*name).to_owned(), "set".to_owned())).chain(located).collect();
    let working_dir = std::env::current_dir().ok().map(|dir| dir.display().to_string());
    CallerShell { variables, working_dir }
}

fn is_connected(client: &ClientEntry) -> bool {
    !matches!(client.state, SetupState::NotByFile | SetupState::NotSetUp)
}

fn show(client: &ClientEntry) {
    let version = client.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
    output::line(format_args!("{}: {}{version}: {}", client.id, client.name, state(client)));
    if let SetupState::ChangedByHand { drifts } = &client.state {
        drifts.iter().for_each(show_drift);
    }
    client.shadows.iter().for_each(|shadow| output::line(format_args!("    {}", shadowed_by(shadow))));
}

fn state(client: &ClientEntry) -> String {
    let id = &client.id;
    match &client.state {
        SetupState::NotByFile => not_by_file(client),
        SetupState::NotSetUp => format!("not set up ('mammouth-proxy setup {id}')"),
        SetupState::SetUp { by_hand: true } => "set up by hand".to_owned(),
        SetupState::SetUp { by_hand: false } => "set up".to_owned(),
        SetupState::OtherPort { port } => {
            format!("set up for port {port} ('mammouth-proxy setup --repair')")
        }
        SetupState::KeyRefused => "its key was revoked ('mammouth-proxy setup --repair')".to_owned(),
        SetupState::ChangedByHand { .. } => "changed by hand since set-up".to_owned(),
        SetupState::Unreadable { reason } => reason.clone(),
    }
}

fn not_by_file(client: &ClientEntry) -> String {
    let id = &client.id;
    match (client.launch, client.link, &client.why_not) {
        (true, ..) => format!("start it with 'mammouth-proxy launch {id}'"),
        (_, true, _) => "it imports a link: see Clients in the window".to_owned(),
        (.., Some(why)) => format!("not set up from here: {why}"),
        (.., None) => "not set up from here".to_owned(),
    }
}

/// Shows a changed value: before set-up, as set up, and now.
pub(super) fn show_drift(drift: &Drift) {
    let before = drift.before.as_deref().unwrap_or("nothing");
    let Drift { path, line, key, ours, now, .. } = drift;
    output::line(format_args!("    {}:{line}: {key}", path.display()));
    output::line(format_args!("      before set-up: {before}"));
    output::line(format_args!("      by set-up:     {ours}"));
    output::line(format_args!("      now:           {now}"));
}

/// Text that names what overrides the client's file.
pub(super) fn shadowed_by(shadow: &Shadow) -> String {
    match shadow {
        Shadow::Variable { name } => format!("the variable {name} of this shell wins over the file"),
        Shadow::ShellFile { name, path, line } => {
            format!("{}:{line} sets {name}, which wins over the file", path.display())
        }
        Shadow::ProjectFile { key, path, line } => {
            format!("{}:{line} sets {key}, which wins over the file", path.display())
        }
    }
}
