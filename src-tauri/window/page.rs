//! Pages of the window that can be opened from outside it.

use serde::{Deserialize, Serialize};

/// A page of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum WindowPage {
    Overview,
    Accounts,
    Requests,
    Clients,
    Settings,
}

impl WindowPage {
    /// The route of the page, behind the `#` of the address.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Overview => "/overview",
            Self::Accounts => "/accounts",
            Self::Requests => "/requests",
            Self::Clients => "/clients",
            Self::Settings => "/settings",
        }
    }
}
