//! Type of a case.

use crate::support::Upstream;

/// A fault before the first words, which affects every call of the first account.
#[derive(Debug, Clone)]
pub struct FaultCase {
    pub upstream: Upstream,
    pub fault: String,
    /// Error for the client if there is no other account.
    pub error: (u16, &'static str),
    /// Number of upstream calls in that case.
    pub calls: usize,
    pub account_state: ExpectedAccountState,
    /// Whether the request is sent to another account, which serves it.
    pub fails_over: bool,
    pub clients: ClientKind,
    /// Whether the program's time limit for the first byte is short.
    pub short_timeout: bool,
}

/// State of the account after the fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedAccountState {
    Ready,
    /// Limited: over the web for the model's family only, over the API for the whole budget.
    Limited,
    /// Limited for all models, for a short time.
    Throttled,
    NeedsLogin,
    /// The upstream is paused for a while; the account is unaffected.
    Challenge,
}
use ExpectedAccountState::{Challenge, Limited, NeedsLogin, Ready, Throttled};

/// Clients that encounter the fault. The API's response depends on the kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// Clients with and without streaming, alternating.
    All,
    Whole,
    Streams,
}

/// Error for the client, number of upstream calls, state of the account, and whether another account is
/// tried.
pub type ExpectedOutcome = ((u16, &'static str), usize, ExpectedAccountState, bool);

pub const QUOTA: ExpectedOutcome = ((429, "insufficient_quota"), 1, Limited, true);
pub const RATE_LIMIT: ExpectedOutcome = ((429, "rate_limit_exceeded"), 1, Throttled, true);
pub const LOGIN_REQUIRED: ExpectedOutcome = ((503, "account_login_required"), 1, NeedsLogin, true);
pub const CHALLENGE: ExpectedOutcome = ((503, "upstream_challenge"), 1, Challenge, false);
/// Temporary error of Mammouth: one retry, with another account if there is one.
pub const SERVER_ERROR: ExpectedOutcome = ((502, "upstream_bad_response"), 2, Ready, true);
pub const UNREACHABLE: ExpectedOutcome = ((503, "upstream_unreachable"), 2, Ready, true);
/// Empty reply: another account is tried.
pub const EMPTY_REPLY: ExpectedOutcome = ((502, "upstream_bad_response"), 1, Ready, true);
pub const FIRST_BYTE_TIMEOUT: ExpectedOutcome = ((504, "upstream_timeout"), 1, Ready, true);
/// Error that is the same for every account.
pub const MALFORMED_REPLY: ExpectedOutcome = ((502, "upstream_bad_response"), 1, Ready, false);
pub const INVALID: ExpectedOutcome = ((400, "invalid_request"), 1, Ready, false);
pub const TOO_LONG: ExpectedOutcome = ((400, "context_length_exceeded"), 1, Ready, false);

/// Cases for the same fault with the same outcome over both upstreams.
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

/// Restricts the cases to clients that do not stream.
pub fn whole(mut cases: Vec<FaultCase>) -> Vec<FaultCase> {
    cases.iter_mut().for_each(|case| case.clients = ClientKind::Whole);
    cases
}

/// Restricts the cases to clients that stream.
pub fn streamed(mut cases: Vec<FaultCase>) -> Vec<FaultCase> {
    cases.iter_mut().for_each(|case| case.clients = ClientKind::Streams);
    cases
}

pub fn with_short_timeout(mut cases: Vec<FaultCase>) -> Vec<FaultCase> {
    cases.iter_mut().for_each(|case| case.short_timeout = true);
    cases
}

/// Fault that responds with 200 and this JSON.
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
