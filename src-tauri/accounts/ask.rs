//! What is asked of the book, what it hears back, and why it may have nobody.

use std::time::Duration;

use super::state::Reason;
use crate::secrets::StoreError;
use crate::upstreams::Failure;

/// What a request needs of an account.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What limits apply to: the model's family, or the model itself where it is not limited with its family.
    pub scope: &'a str,
    /// Ids of accounts that refused this request already.
    pub tried: &'a [String],
    /// A hash of how the conversation began.
    pub conversation: Option<u64>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub enum Report<'a> {
    /// Its first event came; `served` is the model where the upstream names it.
    Answered {
        asked: &'a str,
        served: Option<&'a str>,
    },
    /// Its last event came.
    Completed,
    Failed(&'a Failure),
}

/// Why no account can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoAccount {
    /// There is none, or none is enabled.
    None,
    /// There are only API keys, which no upstream serves yet.
    ApiKeysOnly,
    /// Secrets are being read for the first time.
    Starting,
    /// Secrets that might help could not be read.
    Unreadable(StoreError),
    /// The others refused this request.
    AllTried,
    LoginRequired,
    /// Every usable account is limited; the soonest is free again after `wait`.
    Limited {
        wait: Duration,
        reason: Reason,
    },
    /// Mammouth itself does not answer.
    UpstreamDown {
        wait: Duration,
    },
    Challenge {
        wait: Duration,
    },
}
