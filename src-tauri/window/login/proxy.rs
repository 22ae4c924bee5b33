//! User name and password of the proxy, for the sign-in window.

use storage::secrets::{ExposeSecret, Secret};
use tauri::WebviewWindow;
use webkit2gtk::{NetworkProxyMode, NetworkProxySettings, WebViewExt, WebsiteDataManagerExt};

/// Connects the window through the proxy of this URL, which contains user name and password. Tauri drops
/// both, and WebKit asks the user for those of an HTTP proxy only.
///
/// # Errors
/// The window is closed.
pub(super) fn set_proxy(window: &WebviewWindow, url: Secret) -> tauri::Result<()> {
    window.with_webview(move |webview| {
        let mut settings = NetworkProxySettings::new(Some(url.expose_secret()), &[]);
        if let Some(data) = webview.inner().website_data_manager() {
            data.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut settings));
        }
    })
}
