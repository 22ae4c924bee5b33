//! Accounts that are known by name only: what they are called stands in the settings, their secret does not.

use super::account::Kind;
use super::view::{AccountState, Advice};
use crate::secrets::StoreError;

/// An account without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    pub id: String,
    pub label: String,
    pub kind: Kind,
    pub why: Absence,
}

/// Why the secret is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// It is being read for the first time.
    Reading,
    /// It could not be read; that may change.
    Unreadable(StoreError),
    /// There is none, or what is stored is not what was put there.
    Lost,
}

impl Absence {
    /// What to tell the user; nothing while the secret is being read.
    pub fn advice(&self) -> Option<Advice> {
        match self {
            Self::Reading => None,
            Self::Unreadable(error) => Some(Advice::ReadSecret(error.clone())),
            Self::Lost => Some(Advice::AddAgain),
        }
    }

    pub(super) fn state(&self) -> AccountState {
        match self {
            Self::Reading => AccountState::Starting,
            Self::Unreadable(StoreError::Locked) => AccountState::Locked,
            Self::Unreadable(_) => AccountState::Unreadable,
            Self::Lost => AccountState::NeedsLogin,
        }
    }
}
