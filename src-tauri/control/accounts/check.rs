//! `accounts.list` and `accounts.check`.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode, Nothing, Said};
use super::{CheckView, absent, credential, not_found};
use crate::accounts::{Account, AccountKind, AccountView, AccountWithoutSecret, MissingSecret};
use crate::secrets::Redactor;
use crate::upstreams::{Identity, Quota, UpstreamError, UpstreamErrorKind};

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

/// Says that somebody looks at the accounts: quotas that were told a while ago are asked for beside this.
pub(in crate::control) async fn refresh(control: &Control, _: Nothing) -> Result<(), ControlError> {
    control.accounts.request_refresh();
    Ok(())
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
    Ok(found.into_iter().map(|view| view.cleaned(|text| redactor.clean(text))).collect())
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
            control.accounts.record_credential_check(&account.id, true, now());
            control.accounts.set_identity(&account.id, identity.clone(), now());
            let (quota_percent, said) = (quota.percent, good(account.kind, &quota));
            let identity = Identity { plan: quota.plan.clone().or(identity.plan), ..identity };
            control.accounts.set_quota(&account.id, quota, now());
            CheckView { quota_percent, ..valid(account, identity, said) }
        }
        Err(failure) => {
            if failure.kind == UpstreamErrorKind::LoginRequired {
                control.accounts.record_credential_check(&account.id, false, now());
            }
            CheckView::new(&account.label, false, told(account.kind, &failure))
        }
    }
}

/// Whose account it is and how much of its quota is used.
async fn ask(control: &Control, account: &Account) -> Result<(Identity, Quota), UpstreamError> {
    let identity = identify(control, account).await?;
    let credential = credential(account);
    // A session without a readable quota is still a valid session, and what a key may spend is told only to some.
    let quota = match account.kind {
        AccountKind::Web => control.web.quota(&credential).await,
        AccountKind::Api => control.api.quota(&credential).await,
    };
    Ok((identity, quota.unwrap_or_default()))
}

/// Asks Mammouth whose account this is, which also says whether its secret is accepted. A key is valid if the API lists
/// its models.
pub(super) async fn identify(control: &Control, account: &Account) -> Result<Identity, UpstreamError> {
    match account.kind {
        AccountKind::Web => control.web.check(&credential(account)).await,
        AccountKind::Api => control.api.check(&credential(account)).await.map(|_| Identity::default()),
    }
}

fn good(kind: AccountKind, quota: &Quota) -> Said {
    match (kind, quota.spent_usd.zip(quota.budget_usd)) {
        (AccountKind::Web, _) => Said::SessionValid,
        (AccountKind::Api, Some((spent, budget))) => {
            Said::KeySpent { spent: format!("{spent:.2}"), budget: format!("{budget:.2}") }
        }
        (AccountKind::Api, None) => Said::KeyValid,
    }
}

fn told(kind: AccountKind, failure: &UpstreamError) -> Said {
    if failure.kind == UpstreamErrorKind::LoginRequired {
        // A key does not sign in.
        return if kind == AccountKind::Api { Said::KeyRefused } else { Said::SessionRefused };
    }
    if failure.kind == UpstreamErrorKind::Challenge {
        return Said::BrowserCheck;
    }
    Said::Failed { kind: failure.kind, detail: failure.detail.clone() }
}

pub(super) fn valid(account: &Account, identity: Identity, said: Said) -> CheckView {
    let Identity { email, plan, .. } = identity;
    CheckView { email, plan, ..CheckView::new(&account.label, true, said) }
}

pub(super) fn unread(absent: &AccountWithoutSecret) -> CheckView {
    CheckView { unread: true, ..CheckView::new(&absent.label, false, why_absent(absent)) }
}

pub(super) fn why_absent(absent: &AccountWithoutSecret) -> Said {
    match &absent.reason {
        MissingSecret::Reading => Said::SecretReading,
        MissingSecret::Unreadable(error) => Said::SecretUnread { error: error.clone() },
        MissingSecret::Lost => Said::SecretLost,
        MissingSecret::OtherHost(change) => Said::OtherHost { change: change.clone() },
    }
}

pub(super) fn refused(kind: AccountKind, failure: &UpstreamError) -> ControlError {
    ControlError::saying(ErrorCode::Upstream, told(kind, failure))
}
