//! The form of a case.

use crate::support::Upstream;

/// One way to fail before the first words, met by every call of the first account.
#[derive(Debug, Clone)]
pub struct FaultCase {
    pub upstream: Upstream,
    pub fault: String,
    /// What a client is told when there is no other account.
    pub error: (u16, &'static str),
    /// How many calls are made then.
    pub calls: usize,
    pub account_state: ExpectedAccountState,
    /// Whether another account is asked, and so serves the request.
    pub fails_over: bool,
    pub clients: ClientKind,
    /// The upstream gets no longer than a second for its first words.
    pub short_timeout: bool,
}

/// What becomes of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedAccountState {
    Ready,
    /// Over the web for the family of the model, and other models go on; over the API for the whole budget.
    Limited,
    /// For all models, for a short time.
    Throttled,
    NeedsLogin,
    /// The account is not to blame, but nobody is asked for a while.
    Challenge,
}
use ExpectedAccountState::{Challenge, Limited, NeedsLogin, Ready, Throttled};

/// Which clients meet the fault: what the API sends depends on how it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Both kinds of clients, in turns.
    All,
    Whole,
    Streams,
}

/// What a client is told, and what it means: how many calls are made, what becomes of the account, whether another helps.
pub type ExpectedOutcome = ((u16, &'static str), usize, ExpectedAccountState, bool);

pub const QUOTA: ExpectedOutcome = ((429, "insufficient_quota"), 1, Limited, true);
pub const RATE_LIMIT: ExpectedOutcome = ((429, "rate_limit_exceeded"), 1, Throttled, true);
pub const LOGIN_REQUIRED: ExpectedOutcome = ((503, "account_login_required"), 1, NeedsLogin, true);
pub const CHALLENGE: ExpectedOutcome = ((503, "upstream_challenge"), 1, Challenge, false);
/// Mammouth's own passing fault: once more, by another account if there is one.
pub const SERVER_ERROR: ExpectedOutcome = ((502, "upstream_bad_response"), 2, Ready, true);
pub const UNREACHABLE: ExpectedOutcome = ((503, "upstream_unreachable"), 2, Ready, true);
/// Nothing at all: another account may be luckier.
pub const EMPTY_REPLY: ExpectedOutcome = ((502, "upstream_bad_response"), 1, Ready, true);
pub const FIRST_BYTE_TIMEOUT: ExpectedOutcome = ((504, "upstream_timeout"), 1, Ready, true);
/// What no other account can change.
pub const MALFORMED_REPLY: ExpectedOutcome = ((502, "upstream_bad_response"), 1, Ready, false);
pub const INVALID: ExpectedOutcome = ((400, "invalid_request"), 1, Ready, false);
pub const TOO_LONG: ExpectedOutcome = ((400, "context_length_exceeded"), 1, Ready, false);

/// The same fault with the same meaning over both upstreams.
pub fn both(fault: impl Into<String>, meaning: ExpectedOutcome) -> Vec<FaultCase> {
    let fault = fault.into();
    Upstream::BOTH.into_iter().map(|upstream| case(upstream, fault.clone(), meaning)).collect()
}

pub fn web(fault: impl Into<String>, meaning: ExpectedOutcome) -> Vec<FaultCase> {
    vec![case(Upstream::Web, fault.into(), meaning)]
}

pub fn api(fault: impl Into<String>, meaning: ExpectedOutcome) -> Vec<FaultCase> {
    vec![case(Upstream::Api, fault.into(), meaning)]
}

/// The fault is only met by clients that do not stream.
pub fn whole(mut cases: Vec<FaultCase>) -> Vec<FaultCase> {
    cases.iter_mut().for_each(|case| case.clients = ClientKind::Whole);
    cases
}

/// The fault is only met by clients that stream.
pub fn streamed(mut cases: Vec<FaultCase>) -> Vec<FaultCase> {
    cases.iter_mut().for_each(|case| case.clients = ClientKind::Streams);
    cases
}

pub fn with_short_timeout(mut cases: Vec<FaultCase>) -> Vec<FaultCase> {
    cases.iter_mut().for_each(|case| case.short_timeout = true);
    cases
}

/// A fault: 200 and this JSON.
pub fn json_200(json: &str) -> String {
    format!("text={} header=Content-Type:application/json", serde_json::Value::from(json))
}

fn case(upstream: Upstream, fault: String, (told, calls, after, other): ExpectedOutcome) -> FaultCase {
    FaultCase {
        upstream,
        fault,
        error: told,
        calls,
        account_state: after,
        fails_over: other,
        clients: ClientKind::All,
        short_timeout: false,
    }
}
