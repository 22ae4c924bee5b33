//! Account data for display and for the management API: everything but the secret.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::account::{Account, AccountOrigin};
use super::clock::Timestamp;
use super::pending_secret::{AccountWithoutSecret, HostChange};
use super::state::{EntryState, LimitReason};
use storage::secrets::StoreError;
use storage::unix_ms;
use upstreams::{CredentialKind, UpstreamId};

/// State of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum AccountState {
    Ready,
    /// A limit is in force for at least one model family.
    Limited,
    /// The session or key is no longer valid, or the account's secret is lost.
    NeedsLogin,
    /// Mammouth itself does not answer.
    Unreachable,
    /// The user paused the account.
    Disabled,
    /// The account's secret is being read.
    Starting,
    /// The account's secret is in a locked keychain.
    Locked,
    /// The account's secret cannot be read for another reason.
    Unreadable,
    /// The account was added for another upstream address than the configured one, and is not used there
    /// until the user confirms that.
    OtherHost,
}

impl std::fmt::Display for AccountState {
    /// The English words for the state.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Limited => "limited",
            Self::NeedsLogin => "needs login",
            Self::Unreachable => "unreachable",
            Self::Disabled => "disabled",
            Self::Starting => "starting",
            Self::Locked => "locked",
            Self::Unreadable => "unreadable",
            Self::OtherHost => "not confirmed for this address",
        })
    }
}

/// Action of the user that resolves a state, if waiting does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", content = "detail", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum Advice {
    SignIn,
    ReplaceKey,
    /// The account's secret is lost.
    AddAgain,
    /// The account's secret cannot be read, for this reason.
    ReadSecret(StoreError),
    /// The account was added for another upstream address. The user may confirm the new one.
    ConfirmHost(HostChange),
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SignIn => f.write_str("the session is not valid any more: sign in again"),
            Self::ReplaceKey => f.write_str("the key is not accepted any more: replace the key"),
            Self::AddAgain => f.write_str(
                "its secret is gone or damaged: remove the account, then add it again with a new cookie or key",
            ),
            Self::ReadSecret(error) => write!(f, "its secret cannot be read. {error}"),
            Self::ConfirmHost(HostChange { added_for, host }) => write!(
                f,
                "it was added for {added_for} and is not sent to {host}: 'mammouth-proxy accounts use-host LABEL {host}' \
                 allows that"
            ),
        }
    }
}

/// One account with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct AccountView {
    pub id: String,
    pub label: String,
    pub kind: UpstreamId,
    pub origin: AccountOrigin,
    pub state: AccountState,
    #[serde(default)]
    pub advice: Option<Advice>,
    pub limits: Vec<LimitView>,
    pub running: u32,
    /// Used share of the quota, percent, if the upstream reports it.
    pub quota_percent: Option<f64>,
    /// Whether `quota_percent` was computed from the spend and the plan, not reported.
    #[serde(default)]
    pub quota_estimated: bool,
    pub spend_cents: Option<f64>,
    /// Share of the use by model family, percent.
    #[serde(default)]
    pub by_family: Vec<(String, f64)>,
    /// Budget of an API key, US dollars, if the upstream reports it.
    #[serde(default)]
    pub budget_usd: Option<f64>,
    #[serde(default)]
    pub spent_usd: Option<f64>,
    /// Time at which the budget resets, Unix milliseconds.
    #[serde(default)]
    pub budget_reset_ms: Option<u64>,
    /// Model families that were last answered by a lighter model, with that model.
    pub downgrades: Vec<(String, String)>,
    /// Time at which quota and budget were reported, Unix milliseconds.
    #[serde(default)]
    pub as_of_ms: Option<u64>,
    /// Time of the last use, Unix milliseconds. A use in an earlier run is known to the minute.
    #[serde(default)]
    pub last_used_ms: Option<u64>,
    /// Email address of the account's owner, if a check returned it.
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub plan: Option<String>,
    /// Whether the account is pinned, so that no other is used.
    #[serde(default)]
    pub only: bool,
}

/// A limit that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct LimitView {
    /// The model family or model that the limit applies to; empty for all models.
    pub scope: String,
    pub reason: LimitReason,
    /// End of the limit, Unix milliseconds.
    pub until_ms: u64,
    pub seconds_left: u64,
}

pub(super) fn account_view(
    account: &Account,
    state: &EntryState,
    upstream_down: bool,
    only: bool,
    now: Timestamp,
) -> AccountView {
    let limits = limits(state, now);
    AccountView {
        state: account_state(state, upstream_down, !limits.is_empty()),
        advice: advice(account.upstream, state),
        limits,
        running: state.running,
        quota_percent: state.quota.as_ref().and_then(|quota| quota.percent),
        quota_estimated: state.quota.as_ref().is_some_and(|quota| quota.estimated),
        spend_cents: state.quota.as_ref().and_then(|quota| quota.spend_cents),
        by_family: state.quota.as_ref().map(|quota| quota.by_family.clone()).unwrap_or_default(),
        budget_usd: state.quota.as_ref().and_then(|quota| quota.budget_usd),
        spent_usd: state.quota.as_ref().and_then(|quota| quota.spent_usd),
        budget_reset_ms: state.quota.as_ref().and_then(|quota| quota.budget_reset).map(unix_ms),
        downgrades: state.downgrades.iter().map(|(scope, model)| (scope.clone(), model.clone())).collect(),
        as_of_ms: state.quota_at.map(unix_ms),
        last_used_ms: last_used(state, now).map(unix_ms),
        email: state.identity.as_ref().and_then(|identity| identity.email.clone()),
        plan: plan(state),
        only,
        ..empty_view(&account.id, &account.label, account.upstream, account.origin)
    }
}

pub(super) fn view_without_secret(absent: &AccountWithoutSecret) -> AccountView {
    AccountView {
        state: absent.reason.state(),
        advice: absent.reason.advice(),
        ..empty_view(&absent.id, &absent.label, absent.upstream, AccountOrigin::Stored)
    }
}

fn empty_view(id: &str, label: &str, kind: UpstreamId, origin: AccountOrigin) -> AccountView {
    AccountView {
        id: id.to_owned(),
        label: label.to_owned(),
        kind,
        origin,
        state: AccountState::Ready,
        advice: None,
        limits: Vec::new(),
        running: 0,
        quota_percent: None,
        quota_estimated: false,
        spend_cents: None,
        by_family: Vec::new(),
        budget_usd: None,
        spent_usd: None,
        budget_reset_ms: None,
        downgrades: Vec::new(),
        as_of_ms: None,
        last_used_ms: None,
        email: None,
        plan: None,
        only: false,
    }
}

/// The plan of the account. The quota's plan takes precedence over the user's: in 2026 only the former is in the
/// responses.
fn plan(state: &EntryState) -> Option<String> {
    let quota_plan = state.quota.as_ref().and_then(|quota| quota.plan.as_ref());
    quota_plan.or(state.identity.as_ref().and_then(|identity| identity.plan.as_ref())).cloned()
}

fn account_state(state: &EntryState, upstream_down: bool, limited: bool) -> AccountState {
    if state.disabled {
        AccountState::Disabled
    } else if state.needs_login {
        AccountState::NeedsLogin
    } else if upstream_down {
        AccountState::Unreachable
    } else if limited {
        AccountState::Limited
    } else {
        AccountState::Ready
    }
}

/// Returns the action that resolves the state. An API key has no sign-in.
fn advice(upstream: UpstreamId, state: &EntryState) -> Option<Advice> {
    state.needs_login.then_some(match upstream.credential {
        CredentialKind::Session => Advice::SignIn,
        CredentialKind::ApiKey => Advice::ReplaceKey,
    })
}

fn limits(state: &EntryState, now: Timestamp) -> Vec<LimitView> {
    let used_up = state.limits.iter().map(|(scope, until)| (scope.clone(), *until, LimitReason::Quota));
    let throttled = state.throttled_until.map(|until| (String::new(), until, LimitReason::Throttled));
    let mut limits: Vec<LimitView> = used_up
        .chain(throttled)
        .filter(|(_, until, _)| *until > now.uptime)
        .map(|(scope, until, reason)| LimitView {
            scope,
            reason,
            until_ms: unix_ms(now.wall_at(until)),
            seconds_left: (until - now.uptime).as_secs().max(1),
        })
        .collect();
    limits.sort_by(|a, b| a.scope.cmp(&b.scope));
    limits
}

/// The wall time at which the account was last used, in this run or an earlier one.
pub(super) fn last_used(state: &EntryState, now: Timestamp) -> Option<SystemTime> {
    state.last_used.map(|at| past_wall_time(at, now)).or(state.last_used_in_earlier_run)
}

/// The wall time of an uptime in the past.
fn past_wall_time(uptime: Duration, now: Timestamp) -> SystemTime {
    now.wall.checked_sub(now.uptime.saturating_sub(uptime)).unwrap_or(UNIX_EPOCH)
}
