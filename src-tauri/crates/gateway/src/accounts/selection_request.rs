//! What is asked of the book, what it hears back, and why it may have nobody.

use std::time::Duration;

use super::account::AccountKind;
use super::state::LimitReason;
use storage::secrets::StoreError;
use upstreams::UpstreamError;

/// Which kinds of account can serve a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindSet {
    pub web: bool,
    pub api: bool,
}

impl KindSet {
    pub const ANY: Self = Self { web: true, api: true };
    pub const API: Self = Self { web: false, api: true };
    pub const WEB: Self = Self { web: true, api: false };

    pub fn contains(self, kind: AccountKind) -> bool {
        match kind {
            AccountKind::Web => self.web,
            AccountKind::Api => self.api,
        }
    }

    /// Without one of them.
    #[must_use]
    pub fn without(self, kind: AccountKind) -> Self {
        self.intersection(match kind {
            AccountKind::Web => Self::API,
            AccountKind::Api => Self::WEB,
        })
    }

    /// Those that are in both.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self { web: self.web && other.web, api: self.api && other.api }
    }

    pub fn is_empty(self) -> bool {
        !self.web && !self.api
    }
}

/// What a request needs of an account.
#[derive(Debug, Clone, Copy)]
pub struct SelectionRequest<'a> {
    /// Who can serve it at all; the user's preference decides among them.
    pub kinds: KindSet,
    /// What limits of web accounts apply to: the model's family, or the model itself where it is not limited with its
    /// family. A key has one budget for all models.
    pub scope: &'a str,
    /// Ids of accounts that refused this request already.
    pub excluded: &'a [String],
    /// A hash of how the conversation began.
    pub conversation: Option<u64>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy)]
pub enum CallOutcome<'a> {
    /// Its first event came; `served` is the model where the upstream names it.
    Answered {
        requested: &'a str,
        served: Option<&'a str>,
    },
    /// Its last event came.
    Completed,
    Failed(&'a UpstreamError),
}

/// Why no account can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unavailable {
    /// There is none, or none is enabled.
    NoAccounts,
    /// There are accounts, but only one of this kind could serve.
    NoneOfKind(AccountKind),
    /// Secrets are being read for the first time.
    Starting,
    /// Secrets that might help could not be read.
    Unreadable(StoreError),
    /// The others refused this request.
    AllTried,
    LoginRequired,
    /// The accounts that might help were added for another address.
    OtherHost,
    /// Every usable account is limited; the soonest is free again after `wait`.
    Limited {
        wait: Duration,
        reason: LimitReason,
    },
    /// Mammouth itself does not answer.
    UpstreamDown {
        wait: Duration,
    },
    Challenge {
        wait: Duration,
    },
}
