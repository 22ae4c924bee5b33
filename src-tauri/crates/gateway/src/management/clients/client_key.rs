//! Client keys of clients that are set up. Each is named by the client's id, created by set-up and revoked by
//! undo.

use super::super::keys;
use super::super::{Control, ControlError};
use crate::auth;
use client_setup::{Client, Connection};
use storage::secrets::{ExposeSecret, Secret};

/// A key that a client has or will have.
pub(super) struct ClientKey {
    /// Name of the key; `None` until the key is valid.
    pub(super) name: Option<String>,
    pub(super) key: Secret,
}

/// Returns the key that `client` was set up with, if it is still valid; otherwise a new one, which all plans
/// share until one is applied.
pub(super) fn planned_key(
    control: &Control,
    client: &'static Client,
    recorded: Option<&Connection>,
) -> ClientKey {
    if let Some(recorded) = recorded
        && let Some(name) = key_name(control, recorded)
    {
        return ClientKey { name: Some(name), key: recorded.key.clone() };
    }
    let mut planned = control.inner.clients.planned_keys.lock();
    let key = planned.entry(client.id).or_insert_with(auth::generate_key).clone();
    ClientKey { name: None, key }
}

/// Returns the name under which the recorded key is valid.
pub(super) fn key_name(control: &Control, recorded: &Connection) -> Option<String> {
    control.keys.name_of(&auth::digest(recorded.key.expose_secret()))
}

/// Makes the key valid. Returns its name, and whether it was made now.
///
/// # Errors
/// The settings cannot be saved.
pub(super) async fn admit(
    control: &Control,
    client: &'static Client,
    key: &ClientKey,
) -> Result<(String, bool), ControlError> {
    if let Some(name) = &key.name {
        return Ok((name.clone(), false));
    }
    let name = free_name(control, client.id);
    keys::add_key(control, &name, &key.key).await?;
    control.inner.clients.planned_keys.lock().remove(client.id);
    Ok((name, true))
}

/// Returns the key of a client that is not set up by its files: the existing one if its text is stored,
/// otherwise a new one.
///
/// # Errors
/// The settings cannot be saved.
pub(super) async fn lasting_key(control: &Control, client: &'static Client) -> Result<Secret, ControlError> {
    if let Ok(key) = keys::key_text(control, client.id).await {
        return Ok(key);
    }
    if control.keys.has_named(client.id) {
        keys::revoke_key(control, client.id).await?;
    }
    let key = auth::generate_key();
    keys::add_key(control, client.id, &key).await?;
    Ok(key)
}

/// Returns the client's id, with a number if another key has that name.
fn free_name(control: &Control, id: &str) -> String {
    let numbered = (2_u32..).map(|number| format!("{id}-{number}"));
    std::iter::once(id.to_owned())
        .chain(numbered)
        .find(|name| !control.keys.has_named(name))
        .unwrap_or_default()
}
