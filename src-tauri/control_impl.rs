//! Implementation of the management API's [`Desktop`] trait.

use std::path::PathBuf;

use super::context::{DesktopContext, strings_for};
use super::window::{self, WindowPage, login};
use super::{autostart, clipboard, files, links};
use gateway::management::{BoxFuture, ControlError, Desktop, ErrorCode, Page};
use storage::secrets::Secret;

/// The desktop program, as management commands see it.
pub(super) struct DesktopHandle(pub(super) DesktopContext);

impl Desktop for DesktopHandle {
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

    fn save_as(&self, name: String) -> BoxFuture<'_, Result<Option<PathBuf>, ControlError>> {
        Box::pin(async move {
            let strings = strings_for(&self.0.status().await.unwrap_or_default());
            files::save_as(self.0.app(), strings.save_title, name).await
        })
    }

    fn open_link(&self, link: Secret) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(links::open_in_application(self.0.app(), link))
    }

    fn show_file(&self, path: PathBuf) -> BoxFuture<'_, Result<(), ControlError>> {
        Box::pin(async move { files::show(&path).await })
    }

    fn open_window(&self, page: Option<Page>, activation_token: Option<String>) {
        window::open_activated(
            &self.0,
            page.map_or(WindowPage::Overview, WindowPage::from),
            activation_token,
        );
    }
}

impl From<Page> for WindowPage {
    fn from(page: Page) -> Self {
        match page {
            Page::Accounts => Self::Accounts,
            Page::Requests => Self::Requests,
            Page::Settings => Self::Settings,
        }
    }
}
