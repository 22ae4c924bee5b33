//! What the control table asks of the desktop.

use super::place::Place;
use super::shell::Shell;
use super::{autostart, clipboard, login, window};
use crate::control::{BoxFuture, ControlError, Desktop, ErrorCode, Page};
use crate::secrets::Secret;

/// The desktop, as the control table sees it.
pub(super) struct Door(pub(super) Shell);

impl Desktop for Door {
    fn sign_in(&self, label: Option<String>) -> BoxFuture<'_, Result<Secret, ControlError>> {
        Box::pin(login::sign_in(&self.0, label))
    }

    fn autostart(&self) -> Result<bool, ControlError> {
        autostart::is_on(self.0.app()).ok_or_else(|| {
            ControlError::new(ErrorCode::Internal, "the system does not tell what starts at login")
        })
    }

    fn set_autostart(&self, on: bool) -> Result<(), ControlError> {
        autostart::set(self.0.app(), on)
    }

    fn copy(&self, text: String) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(clipboard::copy(self.0.app(), text))
    }

    fn open_window(&self, page: Option<Page>) {
        window::open(&self.0, page.map_or(Place::Overview, Place::from));
    }
}

impl From<Page> for Place {
    fn from(page: Page) -> Self {
        match page {
            Page::Accounts => Self::Accounts,
            Page::Requests => Self::Requests,
            Page::Settings => Self::Settings,
        }
    }
}
