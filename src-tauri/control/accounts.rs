//! `accounts.…`: list, check, add, remove.

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode};
use crate::accounts::{Account, AccountView, Kind, Origin};
use crate::secrets::Secret;
use crate::upstreams::web::Web;
use crate::upstreams::{Credential, Failure, FailureKind, Quota};

/// What a check of one account found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckView {
    pub label: String,
    pub ok: bool,
    /// A sentence for people.
    pub message: String,
    pub email: Option<String>,
    pub plan: Option<String>,
    pub quota_percent: Option<f64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckArgs {
    label: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct AddArgs {
    label: String,
    secret: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct NameArgs {
    label: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct EnableArgs {
    label: String,
    enabled: bool,
}

/// Pauses an account or takes it into use again; it is kept over a restart.
pub(super) fn enable(control: &Control, args: EnableArgs) -> Result<(), ControlError> {
    let known = control.accounts.set_enabled(&args.label, args.enabled, control.clock.now());
    if known { Ok(()) } else { Err(not_found()) }
}

pub(super) fn list(control: &Control) -> Vec<AccountView> {
    control.accounts.list(control.clock.now())
}

/// Asks Mammouth about one account or all. One after the other: a check is no reason for a burst of calls.
pub(super) async fn check(control: &Control, args: CheckArgs) -> Result<Vec<CheckView>, ControlError> {
    let labels: Vec<String> = match args.label {
        Some(label) => vec![label],
        None => list(control).into_iter().map(|account| account.label).collect(),
    };
    let mut found = Vec::new();
    for label in labels {
        let account = control.accounts.find(&label).ok_or_else(not_found)?;
        found.push(check_one(control, &account).await);
    }
    Ok(found)
}

async fn check_one(control: &Control, account: &Account) -> CheckView {
    let (view, outcome) = ask(&control.web, account).await;
    match outcome {
        Some(Ok(quota)) => {
            control.accounts.checked(&account.id, true, control.clock.now());
            control.accounts.set_quota(&account.id, quota);
        }
        Some(Err(FailureKind::LoginRequired)) => {
            control.accounts.checked(&account.id, false, control.clock.now())
        }
        Some(Err(_)) | None => {}
    }
    view
}

async fn ask(web: &Web, account: &Account) -> (CheckView, Option<Result<Quota, FailureKind>>) {
    let view = |ok, message: String| CheckView {
        label: account.label.clone(),
        ok,
        message,
        email: None,
        plan: None,
        quota_percent: None,
    };
    if account.kind == Kind::Api {
        return (view(false, "API-key accounts are not served yet by this version".to_owned()), None);
    }
    let credential = credential(account);
    let identity = match web.check(&credential).await {
        Ok(identity) => identity,
        Err(failure) => return (view(false, explained(&failure)), Some(Err(failure.kind))),
    };
    // A session without a readable quota is still a valid session.
    let quota = web.quota(&credential).await.unwrap_or_default();
    let view = CheckView {
        email: identity.email,
        plan: identity.plan,
        quota_percent: quota.percent,
        ..view(true, "the session is valid".to_owned())
    };
    (view, Some(Ok(quota)))
}

/// Adds a web-session account: asked upstream first, then kept in the keychain, then used.
pub(super) async fn add(control: &Control, args: AddArgs) -> Result<CheckView, ControlError> {
    let label = checked_label(args.label)?;
    if control.accounts.find(&label).is_some() {
        return Err(ControlError::new(ErrorCode::Exists, "there is an account of this label already"));
    }
    let secret: Secret = crate::config::clean_cookie(&args.secret, &control.facts.cookie_name)
        .map_err(|reason| ControlError::new(ErrorCode::BadArguments, reason))?;
    let account = Account::new(label, Kind::Web, Origin::Stored, secret);
    let credential = credential(&account);
    let identity = control.web.check(&credential).await.map_err(refused)?;
    keep(control, &account).await?;
    let label = account.label.clone();
    if !control.accounts.add(account, control.clock.now()) {
        return Err(ControlError::new(
            ErrorCode::Exists,
            "this account is there already under another label",
        ));
    }
    let message = "the account was added".to_owned();
    Ok(CheckView {
        label,
        ok: true,
        message,
        email: identity.email,
        plan: identity.plan,
        quota_percent: None,
    })
}

async fn keep(control: &Control, account: &Account) -> Result<(), ControlError> {
    let keychain =
        |error: crate::secrets::StoreError| ControlError::new(ErrorCode::Keychain, error.to_string());
    control.vault.set(&keychain_name(&account.id), &account.secret).await.map_err(keychain)?;
    control.save(|settings| settings.set(&["accounts", &account.id], account.label.as_str()))
}

/// Removes an account that was added by hand, with its secret and its rows in the log.
pub(super) async fn remove(control: &Control, args: NameArgs) -> Result<(), ControlError> {
    let account = control.accounts.find(&args.label).ok_or_else(not_found)?;
    if account.origin != Origin::Stored {
        let message = "this account comes from COOKIES: take it out there and start again";
        return Err(ControlError::new(ErrorCode::BadArguments, message));
    }
    control.save(|settings| settings.unset(&["accounts", &account.id]))?;
    control.accounts.remove(&account.id);
    control.web.forget(&account.id);
    let journal = control.journal.clone();
    let label = account.label.clone();
    let deleted = tokio::task::spawn_blocking(move || journal.delete_account(&label)).await;
    if !matches!(deleted, Ok(Ok(_))) {
        tracing::warn!("the log rows of a removed account could not be deleted");
    }
    let keychain =
        |error: crate::secrets::StoreError| ControlError::new(ErrorCode::Keychain, error.to_string());
    control.vault.delete(&keychain_name(&account.id)).await.map_err(keychain)
}

/// The name under which the keychain keeps an account's secret.
pub fn keychain_name(id: &str) -> String {
    format!("account:{id}")
}

fn credential(account: &Account) -> Credential {
    Credential { account: account.id.clone(), secret: account.secret.clone() }
}

fn checked_label(label: String) -> Result<String, ControlError> {
    let fits =
        (1..=64).contains(&label.len()) && !label.chars().any(char::is_control) && label.trim() == label;
    if fits {
        Ok(label)
    } else {
        Err(ControlError::new(ErrorCode::BadArguments, "a label is 1 to 64 printable characters"))
    }
}

fn not_found() -> ControlError {
    ControlError::new(ErrorCode::NotFound, "there is no account of this label")
}

fn refused(failure: Failure) -> ControlError {
    ControlError::new(ErrorCode::Upstream, explained(&failure))
}

fn explained(failure: &Failure) -> String {
    match failure.kind {
        FailureKind::LoginRequired => {
            "the session is not valid any more: sign in at mammouth.ai and copy the new cookie".to_owned()
        }
        FailureKind::Challenge => {
            "mammouth.ai asks for a browser check: open it in your browser, then try again".to_owned()
        }
        FailureKind::Limited
        | FailureKind::Throttled
        | FailureKind::Server
        | FailureKind::BadResponse
        | FailureKind::Empty
        | FailureKind::Unreachable
        | FailureKind::Tls
        | FailureKind::Timeout
        | FailureKind::ContextLength
        | FailureKind::Rejected
        | FailureKind::Image
        | FailureKind::Interrupted => failure.detail.clone(),
    }
}
