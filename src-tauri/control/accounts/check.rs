//! `accounts.list` and `accounts.check`.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode, Nothing};
use super::{CheckView, absent, credential, not_found};
use crate::accounts::{Absent, Account, AccountView, Kind};
use crate::secrets::Redactor;
use crate::upstreams::{Failure, FailureKind, Identity, Quota};

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(in crate::control) struct CheckArgs {
    label: Option<String>,
}

pub(in crate::control) async fn list(
    control: &Control,
    _: Nothing,
) -> Result<Vec<AccountView>, ControlError> {
    Ok(control.accounts.list(control.clock.now()))
}

/// Asks Mammouth about one account or all. One after the other: a check is no reason for a burst of calls.
pub(in crate::control) async fn check(
    control: &Control,
    args: CheckArgs,
) -> Result<Vec<CheckView>, ControlError> {
    control.reader.read_again().await;
    let labels: Vec<String> = match args.label {
        Some(label) => vec![label],
        None => control.accounts.list(control.clock.now()).into_iter().map(|view| view.label).collect(),
    };
    let mut found = Vec::new();
    for label in labels {
        match (control.accounts.find(&label), absent(&control.accounts, &label)) {
            (Some(account), _) => found.push(check_one(control, &account).await),
            (None, Some(absent)) => found.push(unread(&absent)),
            (None, None) => return Err(not_found()),
        }
    }
    let redactor = redactor(control);
    found.iter_mut().for_each(|view| view.message = redactor.clean(&view.message));
    Ok(found)
}

/// Knows the secrets of all accounts: what one host says may hold what only the other was given.
fn redactor(control: &Control) -> Redactor {
    let views = control.accounts.list(control.clock.now());
    let accounts: Vec<_> = views.iter().filter_map(|view| control.accounts.find(&view.id)).collect();
    Redactor::new(accounts.iter().map(|account| &account.secret))
}

pub(super) async fn check_one(control: &Control, account: &Account) -> CheckView {
    let now = || control.clock.now();
    match ask(control, account).await {
        Ok((identity, quota)) => {
            control.accounts.checked(&account.id, true, now());
            control.accounts.set_identity(&account.id, identity.clone());
            let (quota_percent, message) = (quota.percent, message(account.kind, &quota));
            control.accounts.set_quota(&account.id, quota);
            CheckView { quota_percent, ..valid(account, identity, &message) }
        }
        Err(failure) => {
            if failure.kind == FailureKind::LoginRequired {
                control.accounts.checked(&account.id, false, now());
            }
            CheckView::new(&account.label, false, told(account.kind, &failure))
        }
    }
}

/// Whose account it is and how much of its quota is used.
async fn ask(control: &Control, account: &Account) -> Result<(Identity, Quota), Failure> {
    let identity = identify(control, account).await?;
    let credential = credential(account);
    // A session without a readable quota is still a valid session, and what a key may spend is told only to some.
    let quota = match account.kind {
        Kind::Web => control.web.quota(&credential).await,
        Kind::Api => control.api.quota(&credential).await,
    };
    Ok((identity, quota.unwrap_or_default()))
}

/// Asks Mammouth whose account this is, which also says whether its secret is accepted. A key is valid if the API lists
/// its models.
pub(super) async fn identify(control: &Control, account: &Account) -> Result<Identity, Failure> {
    match account.kind {
        Kind::Web => control.web.check(&credential(account)).await,
        Kind::Api => control.api.check(&credential(account)).await.map(|_| Identity::default()),
    }
}

fn message(kind: Kind, quota: &Quota) -> String {
    match (kind, quota.spent_usd.zip(quota.budget_usd)) {
        (Kind::Web, _) => "the session is valid".to_owned(),
        (Kind::Api, Some((spent, budget))) => {
            format!("the key is valid; ${spent:.2} of ${budget:.2} are spent")
        }
        (Kind::Api, None) => "the key is valid".to_owned(),
    }
}

/// A key does not sign in.
fn told(kind: Kind, failure: &Failure) -> String {
    if kind == Kind::Api && failure.kind == FailureKind::LoginRequired {
        "the key is not accepted: replace the key".to_owned()
    } else {
        explained(failure)
    }
}

pub(super) fn valid(account: &Account, identity: Identity, message: &str) -> CheckView {
    let Identity { email, plan, .. } = identity;
    CheckView { email, plan, ..CheckView::new(&account.label, true, message) }
}

pub(super) fn unread(absent: &Absent) -> CheckView {
    let being_read = || "its secret is still being read".to_owned();
    let message = absent.why.advice().map_or_else(being_read, |advice| advice.to_string());
    CheckView { unread: true, ..CheckView::new(&absent.label, false, message) }
}

pub(super) fn refused(kind: Kind, failure: &Failure) -> ControlError {
    ControlError::new(ErrorCode::Upstream, told(kind, failure))
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
