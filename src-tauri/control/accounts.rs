//! `accounts.…`: list, check, add, remove.

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode, Nothing};
use crate::accounts::{Absent, Account, AccountView, Accounts, Kind, Origin};
use crate::secrets::{Secret, StoreError};
use crate::upstreams::web::Web;
use crate::upstreams::{Credential, Failure, FailureKind, Quota};

/// What a check of one account found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckView {
    pub label: String,
    pub ok: bool,
    /// A sentence for people.
    pub message: String,
    /// The secret is not here, so Mammouth was not asked.
    #[serde(default)]
    pub unread: bool,
    pub email: Option<String>,
    pub plan: Option<String>,
    pub quota_percent: Option<f64>,
}

/// Whom a request for a model would be given to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Explained {
    /// The model that would be asked.
    pub model: String,
    /// The label of the account, if one can serve it.
    pub account: Option<String>,
    pub why: String,
    /// The other accounts.
    pub others: Vec<PassedOver>,
}

/// An account that would not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PassedOver {
    pub label: String,
    pub why: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct CheckArgs {
    label: Option<String>,
}

#[derive(Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct AddArgs {
    label: String,
    secret: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct NameArgs {
    label: String,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct EnableArgs {
    label: String,
    enabled: bool,
}

/// Pauses an account or takes it into use again; it is kept over a restart.
pub(super) async fn enable(control: &Control, args: EnableArgs) -> Result<(), ControlError> {
    let known = control.accounts.set_enabled(&args.label, args.enabled, control.clock.now());
    if known { Ok(()) } else { Err(not_here(control, &args.label)) }
}

pub(super) async fn list(control: &Control, _: Nothing) -> Result<Vec<AccountView>, ControlError> {
    Ok(control.accounts.list(control.clock.now()))
}

/// Asks Mammouth about one account or all. One after the other: a check is no reason for a burst of calls.
pub(super) async fn check(control: &Control, args: CheckArgs) -> Result<Vec<CheckView>, ControlError> {
    control.reader.read_again().await;
    let labels: Vec<String> = match args.label {
        Some(label) => vec![label],
        None => control.accounts.list(control.clock.now()).into_iter().map(|account| account.label).collect(),
    };
    let mut found = Vec::new();
    for label in labels {
        match (control.accounts.find(&label), absent(&control.accounts, &label)) {
            (Some(account), _) => found.push(check_one(control, &account).await),
            (None, Some(absent)) => found.push(unread(&absent)),
            (None, None) => return Err(not_found()),
        }
    }
    Ok(found)
}

async fn check_one(control: &Control, account: &Account) -> CheckView {
    let (view, outcome) = match account.kind {
        Kind::Web => ask(&control.web, account).await,
        Kind::Api => ask_api(control, account).await,
    };
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

/// A key is valid if the API lists its models; what it may spend is told only to some.
async fn ask_api(control: &Control, account: &Account) -> (CheckView, Option<Result<Quota, FailureKind>>) {
    let credential = credential(account);
    if let Err(failure) = control.api.check(&credential).await {
        let refused = failure.kind == FailureKind::LoginRequired;
        let message =
            if refused { "the key is not accepted: replace the key".to_owned() } else { explained(&failure) };
        return (view(&account.label, false, message), Some(Err(failure.kind)));
    }
    let quota = control.api.quota(&credential).await.unwrap_or_default();
    let message = match quota.spent_usd.zip(quota.budget_usd) {
        Some((spent, budget)) => format!("the key is valid; ${spent:.2} of ${budget:.2} are spent"),
        None => "the key is valid".to_owned(),
    };
    let quota_percent = quota.percent;
    (CheckView { quota_percent, ..view(&account.label, true, message) }, Some(Ok(quota)))
}

fn unread(absent: &Absent) -> CheckView {
    let being_read = || "its secret is still being read".to_owned();
    CheckView { unread: true, ..view(&absent.label, false, absent.why.advice().unwrap_or_else(being_read)) }
}

fn view(label: &str, ok: bool, message: String) -> CheckView {
    let label = label.to_owned();
    CheckView { label, ok, message, unread: false, email: None, plan: None, quota_percent: None }
}

async fn ask(web: &Web, account: &Account) -> (CheckView, Option<Result<Quota, FailureKind>>) {
    let view = |ok, message: String| view(&account.label, ok, message);
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
    unknown(control, &label, "there is an account of this label already")?;
    let secret: Secret = crate::config::clean_cookie(&args.secret, &control.facts.cookie_name)
        .map_err(|reason| ControlError::new(ErrorCode::BadArguments, reason))?;
    let account = Account::new(label, Kind::Web, Origin::Stored, secret);
    unknown(control, &account.id, SAME_SECRET)?;
    let credential = credential(&account);
    let identity = control.web.check(&credential).await.map_err(refused)?;
    keep(control, &account).await?;
    let label = account.label.clone();
    if !control.accounts.add(account, control.clock.now()) {
        return Err(ControlError::new(ErrorCode::Exists, SAME_SECRET));
    }
    let view = view(&label, true, "the account was added".to_owned());
    Ok(CheckView { email: identity.email, plan: identity.plan, ..view })
}

const SAME_SECRET: &str = "this account is there already under another label";

/// Before anything is stored: what is kept of the account that is there must not be written over.
fn unknown(control: &Control, name: &str, otherwise: &str) -> Result<(), ControlError> {
    if control.accounts.find(name).is_none() && absent(&control.accounts, name).is_none() {
        return Ok(());
    }
    Err(ControlError::new(ErrorCode::Exists, otherwise))
}

async fn keep(control: &Control, account: &Account) -> Result<(), ControlError> {
    let name = keychain_name(&account.id);
    control.vault.set(&name, &account.secret).await.map_err(keychain)?;
    let saved = control.save(|settings| settings.set(&["accounts", &account.id], account.label.as_str()));
    if saved.is_err() {
        // Nobody would ever find the entry again. That it cannot be deleted either is the lesser news.
        let _ = control.vault.delete(&name).await;
    }
    saved
}

/// Removes an account that was added by hand, with its secret and its rows in the log. The secret goes first: where the
/// keychain keeps it, nothing else changes.
pub(super) async fn remove(control: &Control, args: NameArgs) -> Result<(), ControlError> {
    let (id, label) = stored(control, &args.label)?;
    match control.vault.delete(&keychain_name(&id)).await {
        Ok(()) | Err(StoreError::Missing) => {}
        Err(error) => return Err(keychain(error)),
    }
    control.save(|settings| settings.unset(&["accounts", &id]))?;
    control.accounts.remove(&id);
    control.web.forget(&id);
    let journal = control.journal.clone();
    let deleted = tokio::task::spawn_blocking(move || journal.delete_account(&label)).await;
    if !matches!(deleted, Ok(Ok(_))) {
        tracing::warn!("the log rows of a removed account could not be deleted");
    }
    Ok(())
}

/// Id and label of an account that was added by hand, whether or not its secret is here.
fn stored(control: &Control, name: &str) -> Result<(String, String), ControlError> {
    if let Some(absent) = absent(&control.accounts, name) {
        return Ok((absent.id, absent.label));
    }
    let account = control.accounts.find(name).ok_or_else(not_found)?;
    if account.origin != Origin::Stored {
        let message = "this account comes from COOKIES: take it out there and start again";
        return Err(ControlError::new(ErrorCode::BadArguments, message));
    }
    Ok((account.id.clone(), account.label.clone()))
}

fn absent(accounts: &Accounts, name: &str) -> Option<Absent> {
    accounts.absent().into_iter().find(|absent| absent.label == name || absent.id == name)
}

fn keychain(error: StoreError) -> ControlError {
    ControlError::new(ErrorCode::Keychain, error.to_string())
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

/// An account cannot be changed while its secret is not here: its state is kept with it.
fn not_here(control: &Control, name: &str) -> ControlError {
    match absent(&control.accounts, name).map(|absent| unread(&absent).message) {
        Some(message) => ControlError::new(ErrorCode::Keychain, message),
        None => not_found(),
    }
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
        | FailureKind::NoSuchModel
        | FailureKind::ContextLength
        | FailureKind::Rejected
        | FailureKind::Image
        | FailureKind::Interrupted => failure.detail.clone(),
    }
}
