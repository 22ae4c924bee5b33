//! Accounts whose label is in the settings and whose secret is not available (yet).

use serde::{Deserialize, Serialize};

use super::view::{AccountState, Advice};
use storage::secrets::StoreError;
use upstreams::UpstreamId;

/// An account without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountWithoutSecret {
    pub id: String,
    pub label: String,
    pub upstream: UpstreamId,
    pub reason: MissingSecret,
}

/// Reason why the secret is not available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingSecret {
    /// The secret is being read for the first time.
    Reading,
    /// The secret could not be read. A later attempt may succeed.
    Unreadable(StoreError),
    /// The store has no secret for the account, or another one than was stored.
    Lost,
    /// The secret is not read, because the upstream address differs from the one that the account was added for.
    OtherHost(HostChange),
}

/// Another upstream address than the one that an account was added for: host, and port where it is not the usual one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct HostChange {
    /// The host that the account was added for.
    pub added_for: String,
    /// The host that the settings name now.
    pub host: String,
}

impl MissingSecret {
    /// Returns what the user can do. `None` while the secret is being read.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Reading => None,
            Self::Unreadable(error) => Some(Advice::ReadSecret(error.clone())),
            Self::Lost => Some(Advice::AddAgain),
            Self::OtherHost(change) => Some(Advice::ConfirmHost(change.clone())),
        }
    }

    /// Whether the secret still has to be read.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Reading | Self::Unreadable(_))
    }

    pub(super) fn state(&self) -> AccountState {
        match self {
            Self::Reading => AccountState::Starting,
            Self::Unreadable(StoreError::Locked) => AccountState::Locked,
            Self::Unreadable(_) => AccountState::Unreadable,
            Self::Lost => AccountState::NeedsLogin,
            Self::OtherHost(_) => AccountState::OtherHost,
        }
    }
}
