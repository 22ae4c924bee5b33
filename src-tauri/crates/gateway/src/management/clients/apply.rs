//! Commands that write what was planned: set-up, undo and repair.

use serde::Deserialize;

use super::super::status::wall_ms;
use super::super::{Control, ControlError, ErrorCode, NoArgs, keys};
use super::client_key::{ClientKey, admit, key_name, planned_key};
use super::plan::{self, PlanArgs, PlannedConnection, planned_connection};
use super::view::{CallerShell, ClientOutcome, ClientPlan, DriftChoice, RepairPlan};
use super::{find_client, key_command, on_caller_files, on_files, port, recorded_connection, setup_error};
use client_setup::{Client, ClientSetup, Connection, Error, KeyPlace, Plan};
use storage::secrets::ExposeSecret;

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct ApplyArgs {
    client: String,
    model: Option<String>,
    small_model: Option<String>,
    caller: Option<CallerShell>,
    /// Id of the plan from `clients.plan`.
    plan: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct UndoPlanArgs {
    client: String,
    #[serde(default)]
    #[ts(as = "Option<DriftChoice>")]
    drift: DriftChoice,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct UndoArgs {
    client: String,
    #[serde(default)]
    #[ts(as = "Option<DriftChoice>")]
    drift: DriftChoice,
    /// Id of the plan from `clients.undo_plan`.
    plan: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct UndoAllArgs {
    #[serde(default)]
    #[ts(as = "Option<DriftChoice>")]
    drift: DriftChoice,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct RepairArgs {
    plans: Vec<AcceptedPlan>,
}

/// A plan that the user has seen.
#[derive(Debug, Deserialize, ts_rs::TS)]
struct AcceptedPlan {
    client: String,
    /// Id of the plan from `clients.repair_plan`.
    plan: String,
}

/// Function that computes a plan.
type Planner = fn(&ClientSetup, &'static Client, &Connection) -> Result<Plan, Error>;

/// A write whose plan the user has seen.
struct AcceptedWrite {
    plan: String,
    planner: Planner,
    caller: Option<CallerShell>,
}

const SET_UP: Planner = |setup, client, connection| setup.plan(client, connection);
const REPAIR: Planner = |setup, client, connection| setup.plan_repair(client, connection);

/// Sets a client up: makes its key valid and writes its files.
pub(in crate::management) async fn apply(
    control: &Control,
    args: ApplyArgs,
) -> Result<ClientOutcome, ControlError> {
    let ApplyArgs { client, model, small_model, caller, plan } = args;
    let wanted = PlanArgs { client, model, small_model, caller };
    let planned = planned_connection(control, &wanted).await?;
    write(control, planned, AcceptedWrite { plan, planner: SET_UP, caller: wanted.caller }).await
}

/// Returns what undo would write. If values were changed since set-up and `drift` is `ask`, returns those
/// values and no plan.
pub(in crate::management) async fn undo_plan(
    control: &Control,
    args: UndoPlanArgs,
) -> Result<ClientPlan, ControlError> {
    let (client, drift) = (find_client(&args.client)?, args.drift);
    on_files(control, move |setup| match setup.plan_undo(client, drift.into()) {
        Ok(plan) => Ok(plan::view(client, &plan)),
        Err(Error::Drifted(drifts)) => Ok(ClientPlan { drifts, ..plan::empty_view(client) }),
        Err(error) => Err(error),
    })
    .await
}

/// Undoes a set-up and revokes the client's key.
pub(in crate::management) async fn undo(
    control: &Control,
    args: UndoArgs,
) -> Result<ClientOutcome, ControlError> {
    undo_client(control, find_client(&args.client)?, args.drift, Some(args.plan)).await
}

/// Undoes every set-up. A failure for one client does not prevent the others.
pub(in crate::management) async fn undo_all(
    control: &Control,
    args: UndoAllArgs,
) -> Result<Vec<ClientOutcome>, ControlError> {
    let mut outcomes = Vec::new();
    for (client, _) in on_files(control, ClientSetup::set_up_clients).await? {
        let undone = undo_client(control, client, args.drift, None).await;
        outcomes.push(undone.unwrap_or_else(|error| failed(control, client, error)));
    }
    Ok(outcomes)
}

/// Returns the changes that bring every client that was set up here to the current port and key.
pub(in crate::management) async fn repair_plan(
    control: &Control,
    _: NoArgs,
) -> Result<RepairPlan, ControlError> {
    let mut repair = RepairPlan { plans: Vec::new(), problems: Vec::new() };
    for (client, recorded) in on_files(control, ClientSetup::set_up_clients).await? {
        let planned = repaired_connection(control, client, recorded);
        let view = on_files(control, move |setup| {
            Ok(plan::view(client, &setup.plan_repair(client, &planned.connection)?))
        });
        match view.await {
            Ok(plan) if plan.changes => repair.plans.push(plan),
            Ok(_) => {}
            Err(error) => repair.problems.push(failed(control, client, error)),
        }
    }
    Ok(repair)
}

/// Writes repairs that the user has seen. Each client has its own outcome.
pub(in crate::management) async fn repair(
    control: &Control,
    args: RepairArgs,
) -> Result<Vec<ClientOutcome>, ControlError> {
    let mut outcomes = Vec::new();
    for accepted in args.plans {
        let client = find_client(&accepted.client)?;
        let repaired = match recorded_connection(control, client).await? {
            Some(recorded) => {
                let planned = repaired_connection(control, client, recorded);
                let accepted = AcceptedWrite { plan: accepted.plan, planner: REPAIR, caller: None };
                write(control, planned, accepted).await
            }
            None => Err(setup_error(Error::NotSetUp { client: client.name })),
        };
        outcomes.push(repaired.unwrap_or_else(|error| failed(control, client, error)));
    }
    Ok(outcomes)
}

/// Returns the current connection, with the models that the client has.
fn repaired_connection(
    control: &Control,
    client: &'static Client,
    recorded: Connection,
) -> PlannedConnection {
    let key = planned_key(control, client, Some(&recorded));
    let connection = Connection {
        port: port(control),
        key: key.key.clone(),
        key_command: key_command(&control.config.data_dir),
        ..recorded
    };
    PlannedConnection { client, connection, key }
}

/// Makes the key valid and writes the plan, if it is still the one that the user has seen.
async fn write(
    control: &Control,
    planned: PlannedConnection,
    accepted: AcceptedWrite,
) -> Result<ClientOutcome, ControlError> {
    let PlannedConnection { client, connection, key } = planned;
    let AcceptedWrite { plan: accepted, planner, caller } = accepted;
    // Before a key is made for nothing.
    let (expected, check) = (accepted.clone(), connection.clone());
    let is_same = on_caller_files(control, caller.clone(), move |setup| {
        Ok(planner(setup, client, &check)?.hash() == expected)
    });
    if !is_same.await? {
        return Err(plan_conflict());
    }
    let (name, is_new) = admit(control, client, &key).await?;
    let written = on_caller_files(control, caller, move |setup| {
        let plan = planner(setup, client, &connection)?;
        if plan.hash() != accepted {
            return Ok(false);
        }
        setup.apply(plan).map(|()| true)
    })
    .await;
    if is_new && !matches!(written, Ok(true)) {
        keys::revoke_key(control, &name).await?;
    }
    if !written? {
        return Err(plan_conflict());
    }
    control.notify_changed();
    let key = key_to_paste(control, client, &name, &key);
    Ok(ClientOutcome { key_name: Some(name), key, ..outcome(control, client) })
}

/// Returns the key if the user must give it to the client and it could not be stored.
fn key_to_paste(control: &Control, client: &'static Client, name: &str, key: &ClientKey) -> Option<String> {
    let is_needed = client.key_place == KeyPlace::Paste && !control.keys.is_stored(name);
    is_needed.then(|| key.key.expose_secret().to_owned())
}

/// Undoes the set-up of one client. The files are written before the key is revoked, since a client whose
/// files contain a revoked key would fail.
async fn undo_client(
    control: &Control,
    client: &'static Client,
    drift: DriftChoice,
    accepted: Option<String>,
) -> Result<ClientOutcome, ControlError> {
    let recorded = recorded_connection(control, client).await?;
    let is_same = on_files(control, move |setup| {
        let plan = setup.plan_undo(client, drift.into())?;
        if accepted.is_some_and(|accepted| accepted != plan.hash()) {
            return Ok(false);
        }
        setup.apply(plan).map(|()| true)
    });
    if !is_same.await? {
        return Err(plan_conflict());
    }
    if let Some(name) = recorded.and_then(|recorded| key_name(control, &recorded)) {
        keys::revoke_key(control, &name).await?;
    }
    control.keys.revoke_issued(client.id);
    control.notify_changed();
    Ok(outcome(control, client))
}

fn outcome(control: &Control, client: &'static Client) -> ClientOutcome {
    ClientOutcome {
        client: client.id.to_owned(),
        name: client.name.to_owned(),
        error: None,
        key_name: None,
        key: None,
        at_ms: wall_ms(control),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for `unwrap_or_else`")]
fn failed(control: &Control, client: &'static Client, error: ControlError) -> ClientOutcome {
    ClientOutcome { error: Some(error.message), ..outcome(control, client) }
}

fn plan_conflict() -> ControlError {
    let message = "the files, the port or the models have changed since this was shown; nothing was written";
    ControlError::new(ErrorCode::Conflict, message)
}
