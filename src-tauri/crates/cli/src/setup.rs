//! `setup`: changes the settings files of clients so that they use the proxy, and undoes it.

use std::io::{BufRead, IsTerminal, Read};

use serde_json::{Value, json};

use super::args::{DriftArg, GlobalArgs, SetupArgs};
use super::client::{Client, block_on, run_command, running};
use super::clients::{caller, shadowed_by, show_drift};
use super::{ExitError, exit, output};
use client_setup::{FileAction, FilePlanView, KeyPlace, PickUp};
use gateway::management::{ClientEntry, ClientList, ClientOutcome, ClientPlan, RepairPlan};

pub(super) fn setup(global: &GlobalArgs, options: SetupArgs) -> Result<(), ExitError> {
    match &options.client {
        _ if options.undo_all => undo_all(global, &options),
        _ if options.repair => repair(&running(global)?, &options),
        Some(client) if options.undo => undo(global, client, &options),
        Some(client) => set_up(&running(global)?, client, &options),
        None => Err(ExitError::new(exit::USAGE, "no client is named: see 'mammouth-proxy clients'")),
    }
}

fn set_up(proxy: &Client, client: &str, options: &SetupArgs) -> Result<(), ExitError> {
    let mut args = json!({
        "client": client, "model": options.model, "small_model": options.small_model, "caller": caller(),
    });
    let plan: ClientPlan = block_on(proxy.call("clients.plan", &args))?;
    if !plan.changes {
        output::line(format_args!("{} is set up already", plan.name));
        return Ok(());
    }
    show_plan(&plan);
    if options.dry_run || !is_confirmed(options)? {
        return report_nothing_written(options);
    }
    args["plan"] = json!(plan.plan);
    let done: ClientOutcome = block_on(proxy.call("clients.apply", args))?;
    output::line(format_args!("{} is set up; {}", plan.name, pick_up(plan.pick_up)));
    plan.notes.iter().for_each(output::note);
    show_key(&done, &entry(proxy, client)?);
    output::note(format_args!("'mammouth-proxy setup {client} --undo' takes it back"));
    Ok(())
}

fn entry(proxy: &Client, client: &str) -> Result<ClientEntry, ExitError> {
    let list: ClientList = block_on(proxy.call("clients.list", json!({ "caller": caller() })))?;
    let entry = list.clients.into_iter().find(|entry| entry.id == client);
    entry.ok_or_else(|| ExitError::failed("there is no client of this id"))
}

/// Prints how to enter the key, and what overrides the client's file.
fn show_key(done: &ClientOutcome, entry: &ClientEntry) {
    if entry.key_place == KeyPlace::Paste {
        match (&done.key, &done.key_name) {
            (Some(key), _) => {
                output::note("no keychain could keep its key: it is shown only now:");
                output::line(key);
            }
            (None, Some(name)) => {
                output::note(format_args!(
                    "'mammouth-proxy keys list --reveal {name}' shows the key to give it"
                ));
            }
            (None, None) => {}
        }
    }
    entry.shadows.iter().for_each(|shadow| output::note(format_args!("but {}", shadowed_by(shadow))));
}

fn undo(global: &GlobalArgs, client: &str, options: &SetupArgs) -> Result<(), ExitError> {
    let mut args = json!({ "client": client, "drift": drift_choice(options) });
    let mut plan: ClientPlan = run_command(global, "clients.undo_plan", args.clone())?;
    if !plan.drifts.is_empty() {
        output::line("these values were changed since set-up:");
        plan.drifts.iter().for_each(show_drift);
        args["drift"] = json!(ask_about_drift(options)?);
        plan = run_command(global, "clients.undo_plan", args.clone())?;
    }
    show_plan(&plan);
    if options.dry_run || (plan.changes && !is_confirmed(options)?) {
        return report_nothing_written(options);
    }
    args["plan"] = json!(plan.plan);
    let _: ClientOutcome = run_command(global, "clients.undo", args)?;
    output::line(format_args!("the set-up of {} is undone and its key revoked", plan.name));
    if matches!(plan.pick_up, PickUp::AddedAtOnce | PickUp::Restart | PickUp::ReloadWindow) {
        output::note("restart it if it runs");
    }
    Ok(())
}

fn undo_all(global: &GlobalArgs, options: &SetupArgs) -> Result<(), ExitError> {
    if options.dry_run {
        return Err(ExitError::new(
            exit::USAGE,
            "'--dry-run' shows one client: setup CLIENT --undo --dry-run",
        ));
    }
    let outcomes: Vec<ClientOutcome> =
        run_command(global, "clients.undo_all", json!({ "drift": drift_choice(options) }))?;
    if outcomes.is_empty() {
        output::line("no client is set up");
    }
    show_outcomes(&outcomes, "undone")
}

fn repair(proxy: &Client, options: &SetupArgs) -> Result<(), ExitError> {
    let repair: RepairPlan = block_on(proxy.call("clients.repair_plan", Value::Null))?;
    if repair.plans.is_empty() && repair.problems.is_empty() {
        output::line("every client that is set up has the port and key of today");
        return Ok(());
    }
    repair.plans.iter().for_each(show_plan);
    let mut outcomes = repair.problems;
    if !repair.plans.is_empty() {
        if options.dry_run || !is_confirmed(options)? {
            return report_nothing_written(options);
        }
        let accepted: Vec<Value> =
            repair.plans.iter().map(|plan| json!({ "client": plan.client, "plan": plan.plan })).collect();
        let done: Vec<ClientOutcome> = block_on(proxy.call("clients.repair", json!({ "plans": accepted })))?;
        outcomes.extend(done);
    }
    show_outcomes(&outcomes, "repaired")
}

fn show_outcomes(outcomes: &[ClientOutcome], done: &str) -> Result<(), ExitError> {
    for outcome in outcomes {
        match &outcome.error {
            None => output::line(format_args!("{}: {done}", outcome.client)),
            Some(error) => output::note(format_args!("{}: {error}", outcome.client)),
        }
    }
    let failed = outcomes.iter().filter(|outcome| outcome.error.is_some()).count();
    if failed == 0 {
        Ok(())
    } else {
        Err(ExitError::failed(format!("{failed} of {} clients were left as they are", outcomes.len())))
    }
}

/// Prints the diffs to stdout and the notes to stderr.
fn show_plan(plan: &ClientPlan) {
    for file in &plan.files {
        if let Some(real) = &file.real_path {
            output::note(format_args!("{} is a link to {}", file.path.display(), real.display()));
        }
        if let Some(what) = file_note(file) {
            output::note(format_args!("{} {what}", file.path.display()));
        }
        if !file.drifts.is_empty() {
            output::line("these values were changed by hand and are written over:");
            file.drifts.iter().for_each(show_drift);
        }
        output::text(&file.diff);
    }
}

fn file_note(file: &FilePlanView) -> Option<&'static str> {
    match file.action {
        FileAction::Create => Some("is made, for its owner only"),
        FileAction::Delete => Some("is deleted: it was made by set-up"),
        FileAction::Change if file.narrows_mode => {
            Some("can be read by others: it will be for its owner only, as a key is written into it")
        }
        FileAction::Change | FileAction::Nothing => None,
    }
}

fn pick_up(pick_up: PickUp) -> &'static str {
    match pick_up {
        PickUp::AtOnce | PickUp::AddedAtOnce => "it notices by itself",
        PickUp::NextStart => "it uses the proxy from its next start on",
        PickUp::Restart => "restart it if it runs",
        PickUp::ReloadWindow => "reload the window of its editor",
        PickUp::RestartService => "restart its service",
        PickUp::Never => "give it the values by hand",
    }
}

fn drift_choice(options: &SetupArgs) -> &'static str {
    match options.drift {
        None => "ask",
        Some(DriftArg::Keep) => "keep",
        Some(DriftArg::Restore) => "restore",
    }
}

fn ask_about_drift(options: &SetupArgs) -> Result<&'static str, ExitError> {
    if options.dry_run || options.yes || !std::io::stdin().is_terminal() {
        let message = "say what becomes of these values: '--drift keep' leaves them, '--drift restore' puts back \
                       what stood there before; nothing was written";
        return Err(ExitError::failed(message));
    }
    output::note("Type 'keep' to leave them, or 'restore' to put back what stood there before:");
    match read_answer()?.as_str() {
        "keep" => Ok("keep"),
        "restore" => Ok("restore"),
        _ => Err(ExitError::failed("nothing was written")),
    }
}

/// Asks the user at the terminal whether to write. Without a terminal, `--yes` is required.
fn is_confirmed(options: &SetupArgs) -> Result<bool, ExitError> {
    if options.yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        return Err(ExitError::failed("nothing was written: '--yes' writes without a question"));
    }
    output::note("Write this? Type 'yes':");
    Ok(matches!(read_answer()?.as_str(), "yes" | "y"))
}

fn read_answer() -> Result<String, ExitError> {
    let mut answer = String::new();
    let read = std::io::stdin().lock().take(64).read_line(&mut answer);
    read.map_err(|error| ExitError::failed(format!("the answer cannot be read: {error}")))?;
    Ok(answer.trim().to_ascii_lowercase())
}

fn report_nothing_written(options: &SetupArgs) -> Result<(), ExitError> {
    output::note("nothing was written");
    if options.dry_run { Ok(()) } else { Err(ExitError::failed("not confirmed")) }
}
