//! Command `clients.list`.

use serde::Deserialize;

use super::super::keys::PLACEHOLDER;
use super::super::{Control, ControlError, MainKey, MainKeyUnavailable};
use super::client_key::key_name;
use super::view::{CallerShell, ClientEntry, ClientList, CopyField};
use super::{find_client, models, on_caller_files, port};
use client_setup::{ClientSetup, ClientView, Connection, KeyPlace, Model, SetupState};
use storage::secrets::{ExposeSecret, Secret};

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct ClientListArgs {
    caller: Option<CallerShell>,
}

/// Returns every known client with its state.
pub(in crate::management) async fn list(
    control: &Control,
    args: ClientListArgs,
) -> Result<ClientList, ControlError> {
    let port = port(control);
    let look = move |setup: &ClientSetup| Ok((setup.clients(port)?, setup.set_up_clients()?));
    let (views, set_up) = on_caller_files(control, args.caller, look).await?;
    let models = models::choices(control);
    let model = models::proposed(&models);
    let entry = |view: ClientView| {
        let recorded = set_up.iter().find(|(client, _)| client.id == view.id).map(|(_, with)| with);
        entry(control, port, view, recorded, model.as_deref())
    };
    Ok(ClientList {
        port,
        clients: views.into_iter().map(entry).collect::<Result<_, _>>()?,
        small_model: models::proposed_small(&models),
        model,
        models,
        keys_stored: keys_stored(control),
    })
}

fn entry(
    control: &Control,
    port: u16,
    view: ClientView,
    recorded: Option<&Connection>,
    proposed: Option<&str>,
) -> Result<ClientEntry, ControlError> {
    let recorded_name = recorded.and_then(|recorded| key_name(control, recorded));
    let name_of_link = (recorded.is_none() && control.keys.has_named(view.id)).then(|| view.id.to_owned());
    let is_refused = view.state == SetupState::SetUp { by_hand: false }
        && view.key_place == KeyPlace::File
        && recorded_name.is_none();
    let state = if is_refused { SetupState::KeyRefused } else { view.state };
    let key_name = recorded_name.or(name_of_link);
    // Keys that were made for one run have the id as their name too.
    let used = [Some(view.id), key_name.as_deref()];
    let used = used.into_iter().flatten().map(|name| control.journal.client_usage(name).last_used_ms);
    let model = recorded.map(|recorded| recorded.model.id.clone());
    let shown = Model::named(model.as_deref().or(proposed).unwrap_or_default());
    let shown = Connection::new(port, Secret::from(PLACEHOLDER), shown);
    let by_hand = (find_client(view.id)?.by_hand)(&shown);
    Ok(ClientEntry {
        id: view.id.to_owned(),
        name: view.name.to_owned(),
        found: view.found.map(|path| path.display().to_string()),
        version: view.version,
        set_up: view.ways.set_up,
        launch: view.ways.launch,
        link: view.ways.deep_link,
        state,
        shadows: view.shadows,
        pick_up: view.pick_up,
        key_place: view.key_place,
        last_request_ms: used.max().flatten(),
        key_name,
        model,
        small_model: recorded.and_then(|recorded| Some(recorded.small_model.as_ref()?.id.clone())),
        base_url: view.base_url.of(&shown),
        by_hand: by_hand
            .into_iter()
            .map(|field| CopyField {
                label: field.label.to_owned(),
                value: field.value.expose_secret().to_owned(),
                secret: field.secret,
            })
            .collect(),
        why_not: view.why_not.map(str::to_owned),
        notes: view.notes.iter().map(|note| (*note).to_owned()).collect(),
    })
}

/// Whether the secret store keeps keys, judged by the main key.
fn keys_stored(control: &Control) -> bool {
    !matches!(
        control.keys.main(),
        MainKey::ForThisRun { .. } | MainKey::Unread { why: MainKeyUnavailable::Refused(_) }
    )
}
