//! Implementation of the management API's [`Desktop`] trait.

use std::path::PathBuf;

use super::context::{DesktopContext, strings_for};
use super::window::{self, SaveRequest, SecretText, SignInRequest, WindowPage};
use super::{autostart, clipboard, files, links};
use gateway::management::{BoxFuture, ControlError, Desktop, ErrorCode, Page};
use storage::secrets::Secret;

/// The desktop program, as management commands see it.
pub(super) struct DesktopHandle(pub(super) DesktopContext);

impl Desktop for DesktopHandle {
    fn sign_in(&self, label: Option<String>) -> BoxFuture<'_, Result<Secret, ControlError>> {
        Box::pin(async move {
            let control = self.0.control();
            let proxy = control.window_proxy()?;
            let (proxy, credentials) = proxy.map(|proxy| (proxy.address, proxy.with_credentials)).unzip();
            let strings = strings_for(&self.0.status().await.unwrap_or_default());
            let request = SignInRequest {
                web_url: control.instance.web_url.to_string(),
                cookie_name: control.instance.cookie_name.to_string(),
                title: strings.sign_in_title.to_owned(),
                label,
                proxy,
                proxy_with_credentials: credentials.flatten().map(SecretText),
            };
            self.0.windows().sign_in(request).await
        })
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
        Box::pin(clipboard::copy(&self.0, text))
    }

    fn save_as(&self, name: String) -> BoxFuture<'_, Result<Option<PathBuf>, ControlError>> {
        Box::pin(async move {
            let strings = strings_for(&self.0.status().await.unwrap_or_default());
            self.0.windows().save_as(SaveRequest { title: strings.save_title.to_owned(), name }).await
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
