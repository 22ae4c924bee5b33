//! The pages of the window that something outside it can open.

/// One page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WindowPage {
    Overview,
    Accounts,
    Requests,
    Settings,
}

impl WindowPage {
    /// The page's part of an address, behind the `#`.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Overview => "/overview",
            Self::Accounts => "/accounts",
            Self::Requests => "/requests",
            Self::Settings => "/settings",
        }
    }
}
