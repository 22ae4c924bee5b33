//! What people and the control interface see of an account: everything but the secret.

use std::time::{SystemTime, UNIX_EPOCH};

use super::absent::Absent;
use super::account::{Account, Kind, Origin};
use super::clock::Now;
use super::state::{Reason, State};

/// One account with its state.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct AccountView {
    pub id: String,
    pub label: String,
    pub kind: Kind,
    pub origin: Origin,
    /// `ready`, `limited`, `needs login`, `unreachable` or `disabled`; without its secret `starting`, `locked`,
    /// `unreadable` or `needs login`.
    pub state: String,
    /// What the user can do about the state, where that is more than to wait.
    #[serde(default)]
    pub advice: Option<String>,
    pub limits: Vec<LimitView>,
    pub running: u32,
    /// Used share of the quota, percent, where the upstream told it.
    pub quota_percent: Option<f64>,
    pub spend_cents: Option<f64>,
    /// Model families that were last answered by a lighter model, with that model.
    pub downgrades: Vec<(String, String)>,
}

/// A limit that is in force.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct LimitView {
    /// The model family or model it holds for; empty where it holds for all.
    pub scope: String,
    pub reason: Reason,
    /// Unix milliseconds.
    pub until_ms: u64,
    pub seconds_left: u64,
}

pub(super) fn view(account: &Account, state: &State, upstream_down: bool, now: Now) -> AccountView {
    let limits = limits(state, now);
    AccountView {
        id: account.id.clone(),
        label: account.label.clone(),
        kind: account.kind,
        origin: account.origin,
        state: word(state, upstream_down, !limits.is_empty()).to_owned(),
        advice: advice(account, state),
        limits,
        running: state.running,
        quota_percent: state.quota.as_ref().and_then(|quota| quota.percent),
        spend_cents: state.quota.as_ref().and_then(|quota| quota.spend_cents),
        downgrades: state.downgrades.iter().map(|(scope, model)| (scope.clone(), model.clone())).collect(),
    }
}

pub(super) fn absent(absent: &Absent) -> AccountView {
    AccountView {
        id: absent.id.clone(),
        label: absent.label.clone(),
        kind: Kind::Web,
        origin: Origin::Stored,
        state: absent.why.word().to_owned(),
        advice: absent.why.advice(),
        limits: Vec::new(),
        running: 0,
        quota_percent: None,
        spend_cents: None,
        downgrades: Vec::new(),
    }
}

fn word(state: &State, upstream_down: bool, limited: bool) -> &'static str {
    match () {
        () if state.disabled => "disabled",
        () if state.needs_login => "needs login",
        () if upstream_down => "unreachable",
        () if limited => "limited",
        () => "ready",
    }
}

/// A key does not sign in.
fn advice(account: &Account, state: &State) -> Option<String> {
    let refused = account.kind == Kind::Api && state.needs_login;
    refused.then(|| "the key is not accepted any more: replace the key".to_owned())
}

fn limits(state: &State, now: Now) -> Vec<LimitView> {
    let spent = state.limits.iter().map(|(scope, until)| (scope.clone(), *until, Reason::Quota));
    let throttled = state.throttled_until.map(|until| (String::new(), until, Reason::Throttled));
    let mut limits: Vec<LimitView> = spent
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

pub(super) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
