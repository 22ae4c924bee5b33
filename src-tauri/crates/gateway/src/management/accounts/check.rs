//! Commands `accounts.list`, `accounts.check` and `accounts.refresh`.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode, NoArgs, UserMessage};
use super::{CheckView, credential_of, find_without_secret, not_found};
use crate::accounts::{Account, AccountView, AccountWithoutSecret, MissingSecret};
use storage::secrets::Redactor;
use upstreams::{CredentialKind, Identity, Quota, UpstreamError, UpstreamErrorKind, UpstreamId};

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct CheckArgs {
    label: Option<String>,
}

pub(in crate::management) async fn list(
    control: &Control,
    _: NoArgs,
) -> Result<Vec<AccountView>, ControlError> {
    Ok(control.accounts.list(control.clock.now()))
}

/// Requests that stale quotas be fetched again in the background, because the accounts are being displayed.
pub(in crate::management) async fn refresh(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    control.accounts.request_refresh();
    Ok(())
}

/// Checks one account or all. The checks run one after the other, to avoid a burst of calls.
pub(in crate::management) async fn check(
    control: &Control,
    args: CheckArgs,
) -> Result<Vec<CheckView>, ControlError> {
    control.secret_reload.reload().await;
    let labels: Vec<String> = match args.label {
        Some(label) => vec![label],
        None => control.accounts.list(control.clock.now()).into_iter().map(|view| view.label).collect(),
    };
    let mut found = Vec::new();
    for label in labels {
        match (control.accounts.find(&label), find_without_secret(&control.accounts, &label)) {
            (Some(account), _) => found.push(check_one(control, &account).await),
            (None, Some(absent)) => found.push(unread_view(&absent)),
            (None, None) => return Err(not_found()),
        }
    }
    let redactor = redactor(control);
    Ok(found.into_iter().map(|view| view.cleaned(|text| redactor.clean(text))).collect())
}

/// A redactor with the secrets of all accounts: the text of one upstream may contain a secret that was sent to the
/// other.
fn redactor(control: &Control) -> Redactor {
    let views = control.accounts.list(control.clock.now());
    let accounts: Vec<_> = views.iter().filter_map(|view| control.accounts.find(&view.id)).collect();
    Redactor::new(accounts.iter().map(|account| &account.secret))
}

pub(super) async fn check_one(control: &Control, account: &Account) -> CheckView {
    let now = || control.clock.now();
    match fetch_state(control, account).await {
        Ok((identity, quota)) => {
            control.accounts.record_credential_check(&account.id, true, now());
            control.accounts.set_identity(&account.id, identity.clone(), now());
            let (quota_percent, said) = (quota.percent, valid_message(account.upstream, &quota));
            let identity = Identity { plan: quota.plan.clone().or(identity.plan), ..identity };
            control.accounts.set_quota(&account.id, quota, now());
            CheckView { quota_percent, ..valid_view(account, identity, said) }
        }
        Err(failure) => {
            if failure.kind == UpstreamErrorKind::LoginRequired {
                control.accounts.record_credential_check(&account.id, false, now());
            }
            CheckView::new(&account.label, false, failure_message(account.upstream, &failure))
        }
    }
}

/// Fetches the identity behind the account and its quota.
async fn fetch_state(control: &Control, account: &Account) -> Result<(Identity, Quota), UpstreamError> {
    let identity = identify(control, account).await?;
    let credential = credential_of(account);
    // A session without a readable quota is still valid, and the API reports the budget only for some keys.
    let quota = control.upstreams.get(account.upstream)?.quota(&credential).await;
    Ok((identity, quota.unwrap_or_default()))
}

/// Fetches the identity behind the account, which also checks its credential.
pub(super) async fn identify(control: &Control, account: &Account) -> Result<Identity, UpstreamError> {
    control.upstreams.get(account.upstream)?.identify(&credential_of(account)).await
}

fn valid_message(upstream: UpstreamId, quota: &Quota) -> UserMessage {
    match (upstream.credential, quota.spent_usd.zip(quota.budget_usd)) {
        (CredentialKind::Session, _) => UserMessage::SessionValid,
        (CredentialKind::ApiKey, Some((spent, budget))) => {
            UserMessage::KeySpent { spent: format!("{spent:.2}"), budget: format!("{budget:.2}") }
        }
        (CredentialKind::ApiKey, None) => UserMessage::KeyValid,
    }
}

fn failure_message(upstream: UpstreamId, failure: &UpstreamError) -> UserMessage {
    if failure.kind == UpstreamErrorKind::LoginRequired {
        // An API key has no sign-in.
        return match upstream.credential {
            CredentialKind::Session => UserMessage::SessionRefused,
            CredentialKind::ApiKey => UserMessage::KeyRefused,
        };
    }
    if failure.kind == UpstreamErrorKind::Challenge {
        return UserMessage::BrowserCheck;
    }
    UserMessage::Failed { kind: failure.kind, detail: failure.detail.clone() }
}

pub(super) fn valid_view(account: &Account, identity: Identity, said: UserMessage) -> CheckView {
    let Identity { email, plan, .. } = identity;
    CheckView { email, plan, ..CheckView::new(&account.label, true, said) }
}

pub(super) fn unread_view(absent: &AccountWithoutSecret) -> CheckView {
    CheckView { unread: true, ..CheckView::new(&absent.label, false, missing_secret_message(absent)) }
}

pub(super) fn missing_secret_message(absent: &AccountWithoutSecret) -> UserMessage {
    match &absent.reason {
        MissingSecret::Reading => UserMessage::SecretReading,
        MissingSecret::Unreadable(error) => UserMessage::SecretUnread { error: error.clone() },
        MissingSecret::Lost => UserMessage::SecretLost,
        MissingSecret::OtherHost(change) => UserMessage::OtherHost { change: change.clone() },
    }
}

pub(super) fn refused_error(upstream: UpstreamId, failure: &UpstreamError) -> ControlError {
    ControlError::with_message(ErrorCode::Upstream, failure_message(upstream, failure))
}
