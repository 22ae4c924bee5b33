//! Commands `log.…` about the request log.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Control, ControlError, ErrorCode, NoArgs};
use storage::request_log::{Bodies, Query, RequestLogError, RequestRecord};
use storage::secrets::{Redactor, Secret};

pub(super) async fn latest(control: &Control, query: Query) -> Result<Vec<RequestRecord>, ControlError> {
    let journal = control.journal.clone();
    run_blocking(move || journal.latest(&query)).await
}

/// One record or its bodies.
#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct IdArgs {
    id: u64,
}

pub(super) async fn get(control: &Control, args: IdArgs) -> Result<RequestRecord, ControlError> {
    let journal = control.journal.clone();
    run_blocking(move || journal.get(args.id)).await?.ok_or_else(not_found)
}

pub(super) async fn count(control: &Control, query: Query) -> Result<u64, ControlError> {
    let journal = control.journal.clone();
    run_blocking(move || journal.count(&query)).await
}

pub(super) async fn bodies(control: &Control, args: IdArgs) -> Result<Bodies, ControlError> {
    let journal = control.journal.clone();
    let secrets = known_secrets(control).await;
    let bodies = run_blocking(move || {
        let clean = Redactor::new(&secrets);
        let clean = |text: &str| clean.without_secrets(text);
        let bodies = journal.bodies(args.id)?;
        Ok(bodies.map(|Bodies { request, response, cut }| Bodies {
            request: clean(&request),
            response: clean(&response),
            cut,
        }))
    });
    bodies.await?.ok_or_else(not_found)
}

/// The secrets that an export must not contain: cookies, API keys, client keys.
pub(super) async fn known_secrets(control: &Control) -> Vec<Secret> {
    // No password prompt may open, as the user did not ask for a key.
    let named = match control.vault.check_available().await {
        Ok(()) => super::keys::named_key_texts(control).await.0,
        Err(_) => BTreeMap::new(),
    };
    let views = control.accounts.list(control.clock.now());
    let accounts = views.iter().filter_map(|view| Some(control.accounts.find(&view.id)?.secret.clone()));
    let main = match control.keys.main() {
        super::MainKey::Kept { key, .. } | super::MainKey::ForThisRun { key, .. } => Some(key),
        super::MainKey::Unread { .. } => None,
    };
    accounts.chain(main).chain(named.into_values()).collect()
}

pub(super) fn not_found() -> ControlError {
    ControlError::new(ErrorCode::NotFound, "there is no such record, or nothing of it was kept")
}

pub(super) async fn clear(control: &Control, _: NoArgs) -> Result<u64, ControlError> {
    let journal = control.journal.clone();
    run_blocking(move || journal.clear()).await
}

pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RequestLogError> + Send + 'static,
) -> Result<T, ControlError> {
    tokio::task::spawn_blocking(work).await.map_err(internal_error)?.map_err(internal_error)
}

pub(super) fn internal_error(error: impl std::fmt::Display) -> ControlError {
    ControlError::new(ErrorCode::Internal, error.to_string())
}
