//! Commands that change accounts: enable, rename, reorder, pin, remove.

use serde::Deserialize;

use super::super::log::run_blocking;
use super::super::{Control, ControlError, ErrorCode, UserMessage};
use super::check::missing_secret_message;
use super::host::remove_host;
use super::{
    find_stored, find_without_secret, is_known, keychain_entry_name, keychain_error, not_found,
    validate_label,
};
use crate::accounts::AccountOrigin;
use storage::secrets::StoreError;
use upstreams::UpstreamId;

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct NameArgs {
    label: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct EnableArgs {
    label: String,
    enabled: bool,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct RenameArgs {
    label: String,
    to: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct OrderArgs {
    labels: Vec<String>,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct OnlyArgs {
    label: Option<String>,
}

/// Enables or disables an account. The state is kept over a restart.
pub(in crate::management) async fn enable(control: &Control, args: EnableArgs) -> Result<(), ControlError> {
    let known = control.accounts.set_enabled(&args.label, args.enabled, control.clock.now());
    if known { Ok(()) } else { Err(missing_secret_error(control, &args.label)) }
}

/// The error for an account whose secret is not available. Its state is stored together with the secret, so it cannot
/// be changed.
fn missing_secret_error(control: &Control, name: &str) -> ControlError {
    match find_without_secret(&control.accounts, name) {
        Some(absent) => ControlError::with_message(ErrorCode::Keychain, missing_secret_message(&absent)),
        None => not_found(),
    }
}

/// Renames an account, also in the request log.
pub(in crate::management) async fn rename(control: &Control, args: RenameArgs) -> Result<(), ControlError> {
    validate_label(&args.to)?;
    let (id, kind, origin, from) = find_account(control, &args.label)?;
    if from == args.to {
        return Ok(());
    }
    if is_known(control, &args.to) {
        return Err(ControlError::with_message(ErrorCode::Exists, UserMessage::LabelTaken));
    }
    let table = if origin == AccountOrigin::Stored { kind.settings_table } else { "labels" };
    control.save(|settings| settings.set(&[table, &id], args.to.as_str()))?;
    control.accounts.rename(&id, &args.to);
    let journal = control.journal.clone();
    run_blocking(move || journal.rename_account(&from, &args.to)).await
}

/// Sets the order in which accounts are used. Accounts that are not listed come last.
pub(in crate::management) async fn order(control: &Control, args: OrderArgs) -> Result<(), ControlError> {
    let ids: Result<Vec<String>, _> =
        args.labels.iter().map(|label| find_account(control, label).map(|(id, ..)| id)).collect();
    let ids = ids?;
    control.save(|settings| settings.set_list(&["account_order"], &ids))?;
    control.accounts.set_order(ids);
    Ok(())
}

/// Pins one account, so that no other is used, or removes the pin.
pub(in crate::management) async fn only(control: &Control, args: OnlyArgs) -> Result<(), ControlError> {
    let id = args.label.map(|label| find_account(control, &label).map(|(id, ..)| id)).transpose()?;
    control.save(|settings| match &id {
        Some(id) => settings.set(&["only_account"], id.as_str()),
        None => settings.unset(&["only_account"]),
    })?;
    control.accounts.set_pinned(id);
    Ok(())
}

/// Removes a stored account, with its secret and its rows in the request log. The secret is deleted first: if the
/// keychain refuses, nothing else changes.
pub(in crate::management) async fn remove(control: &Control, args: NameArgs) -> Result<(), ControlError> {
    let kept = find_stored(control, &args.label)?;
    match control.vault.delete(&keychain_entry_name(&kept.id)).await {
        Ok(()) | Err(StoreError::Missing) => {}
        Err(error) => return Err(keychain_error(error)),
    }
    control.save(|settings| {
        settings.unset(&[kept.upstream.settings_table, &kept.id])?;
        remove_host(settings, &kept.id)?;
        settings.move_account(&kept.id, None)
    })?;
    control.accounts.remove(&kept.id);
    control.accounts.set_pinned(control.saved_config().only_account.clone());
    control.upstreams.forget(&kept.id);
    let journal = control.journal.clone();
    if run_blocking(move || journal.delete_account(&kept.label)).await.is_err() {
        tracing::warn!("the log rows of a removed account could not be deleted");
    }
    Ok(())
}

/// Id, kind, origin and label of an account of any origin.
fn find_account(
    control: &Control,
    name: &str,
) -> Result<(String, UpstreamId, AccountOrigin, String), ControlError> {
    let views = control.accounts.list(control.clock.now());
    let view = views.into_iter().find(|view| view.label == name || view.id == name).ok_or_else(not_found)?;
    Ok((view.id, view.kind, view.origin, view.label))
}
