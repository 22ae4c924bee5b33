//! Input and outcome types of account selection.

use std::time::Duration;

use super::state::LimitReason;
use storage::secrets::StoreError;
use upstreams::{ResolvedModel, UpstreamError, UpstreamId, UpstreamSet};

/// Requirements of a request for an account.
#[derive(Debug, Clone, Copy)]
pub struct SelectionRequest<'a> {
    /// The upstreams that can serve the request. The user's preference decides among them.
    pub upstreams: &'a UpstreamSet,
    /// The model, which decides which limits of an account apply.
    pub model: &'a ResolvedModel,
    /// Ids of accounts that refused this request already.
    pub excluded: &'a [String],
    /// A hash of how the conversation began, for affinity.
    pub conversation: Option<u64>,
}

/// Outcome of a call.
#[derive(Debug, Clone, Copy)]
pub enum CallOutcome<'a> {
    /// The first event of the reply arrived. `served` is the model, if the upstream names it.
    Answered {
        requested: &'a str,
        served: Option<&'a str>,
    },
    /// The last event of the reply arrived.
    Completed,
    Failed(&'a UpstreamError),
}

/// Reason why no account can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// There are no accounts, or none is enabled.
    NoAccounts,
    /// Only an account of this upstream could serve the request, and there is none.
    NoneOfUpstream(UpstreamId),
    /// The secrets are being read for the first time.
    Starting,
    /// The secrets of accounts that could serve the request could not be read.
    Unreadable(StoreError),
    /// All other accounts refused this request.
    AllTried,
    LoginRequired,
    /// The accounts that could serve the request were added for another upstream address.
    OtherHost,
    /// Every usable account is limited. The first limit ends after `wait`.
    Limited {
        wait: Duration,
        reason: LimitReason,
    },
    /// The upstream is failing, and its circuit breaker is open.
    UpstreamDown {
        wait: Duration,
    },
    Challenge {
        wait: Duration,
    },
}
