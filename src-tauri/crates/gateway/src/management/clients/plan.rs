//! Command `clients.plan`: the changes that set-up would write.

use serde::Deserialize;

use super::super::{Control, ControlError};
use super::client_key::{ClientKey, planned_key};
use super::view::{CallerShell, ClientPlan};
use super::{find_client, key_command, models, on_caller_files, port, recorded_connection};
use client_setup::{Client, Connection, Plan};

#[derive(Debug, Clone, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct PlanArgs {
    pub(super) client: String,
    pub(super) model: Option<String>,
    /// Model for titles and summaries.
    pub(super) small_model: Option<String>,
    pub(super) caller: Option<CallerShell>,
}

/// A connection for one client, with the key that it will have.
pub(super) struct PlannedConnection {
    pub(super) client: &'static Client,
    pub(super) connection: Connection,
    pub(super) key: ClientKey,
}

/// Computes a set-up. Nothing is written, and no key becomes valid.
pub(in crate::management) async fn plan(
    control: &Control,
    args: PlanArgs,
) -> Result<ClientPlan, ControlError> {
    let PlannedConnection { client, connection, .. } = planned_connection(control, &args).await?;
    on_caller_files(control, args.caller, move |setup| Ok(view(client, &setup.plan(client, &connection)?)))
        .await
}

/// Returns the connection that set-up would give a client.
///
/// # Errors
/// `not_found`: no client has this id. `bad_arguments`: a text is not a model name.
pub(super) async fn planned_connection(
    control: &Control,
    args: &PlanArgs,
) -> Result<PlannedConnection, ControlError> {
    let client = find_client(&args.client)?;
    let recorded = recorded_connection(control, client).await?;
    let (model, small) =
        models::chosen(control, args.model.as_deref(), args.small_model.as_deref(), recorded.as_ref())?;
    let key = planned_key(control, client, recorded.as_ref());
    let connection = Connection {
        small_model: small,
        key_command: key_command(&control.config.data_dir),
        ..Connection::new(port(control), key.key.clone(), model)
    };
    Ok(PlannedConnection { client, connection, key })
}

pub(super) fn view(client: &'static Client, plan: &Plan) -> ClientPlan {
    ClientPlan {
        files: plan.view().files,
        changes: plan.changes_anything(),
        plan: Some(plan.hash()),
        ..empty_view(client)
    }
}

/// A plan that writes nothing.
pub(super) fn empty_view(client: &'static Client) -> ClientPlan {
    ClientPlan {
        client: client.id.to_owned(),
        name: client.name.to_owned(),
        files: Vec::new(),
        changes: false,
        drifts: Vec::new(),
        plan: None,
        pick_up: client.pick_up,
        notes: client.notes.iter().map(|note| (*note).to_owned()).collect(),
    }
}
