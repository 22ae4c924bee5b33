//! Accounts that are known by name only: what they are called stands in the settings, their secret does not.

use serde::{Deserialize, Serialize};

use super::account::AccountKind;
use super::view::{AccountState, Advice};
use storage::secrets::StoreError;

/// An account without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountWithoutSecret {
    pub id: String,
    pub label: String,
    pub kind: AccountKind,
    pub reason: MissingSecret,
}

/// Why the secret is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MissingSecret {
    /// It is being read for the first time.
    Reading,
    /// It could not be read; that may change.
    Unreadable(StoreError),
    /// There is none, or what is stored is not what was put there.
    Lost,
    /// It is not read, because the upstream has another address than the account was added for.
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
    /// What to tell the user; nothing while the secret is being read.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Reading => None,
            Self::Unreadable(error) => Some(Advice::ReadSecret(error.clone())),
            Self::Lost => Some(Advice::AddAgain),
            Self::OtherHost(change) => Some(Advice::ConfirmHost(change.clone())),
        }
    }

    /// Whether the secret is to be read as soon as it can be.
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
