//! Links to known sites, opened in the system's browser.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use tauri::{AppHandle, Url};

use super::disable_gl;
use gateway::management::{ControlError, ErrorCode};
use storage::config::SECRET_VARIABLES;
use storage::secrets::{ExposeSecret, Secret};

/// The hosts that the pages link to.
const KNOWN_HOSTS: [&str; 4] = ["mammouth.ai", "www.mammouth.ai", "info.mammouth.ai", "api.mammouth.ai"];

/// Opens a link to a known site. Other links are ignored.
pub(super) fn open(url: &Url) {
    if !is_known(url) {
        tracing::info!("a link was not opened: its site is not one that this program links to");
        return;
    }
    if let Err(error) = open_with_system(url.as_str().as_ref()) {
        tracing::warn!("no browser could be started: {error}");
    }
}

/// Opens a link with the application that the system has for its scheme. The link contains a key: it is not logged, and on
/// Linux GIO starts the application itself, so that no other program's command line shows it.
///
/// # Errors
/// `client_file`: the system has no application for it.
#[cfg(target_os = "linux")]
pub(super) async fn open_in_application(app: &AppHandle, link: Secret) -> Result<(), ControlError> {
    let (sender, opened) = tokio::sync::oneshot::channel();
    let open = move || {
        let context = None::<&gtk::gio::AppLaunchContext>;
        let opened = gtk::gio::AppInfo::launch_default_for_uri(link.expose_secret(), context);
        // The receiver is gone if the command was cancelled.
        let _ = sender.send(opened.is_ok());
    };
    app.run_on_main_thread(open).map_err(|_| no_application())?;
    if opened.await.unwrap_or(false) { Ok(()) } else { Err(no_application()) }
}

/// Opens a link as on Linux, with the system's own program.
///
/// # Errors
/// `client_file`: the system has no application for it.
#[cfg(not(target_os = "linux"))]
pub(super) async fn open_in_application(_: &AppHandle, link: Secret) -> Result<(), ControlError> {
    open_with_system(link.expose_secret().as_ref()).map_err(|_| no_application())
}

fn no_application() -> ControlError {
    let message = "this system has no application for such a link: install or start the client first";
    ControlError::new(ErrorCode::ClientFile, message)
}

/// Shows a folder in the system's file manager.
pub(super) fn open_folder(folder: &Path) {
    if let Err(error) = open_with_system(folder.as_os_str()) {
        tracing::warn!("no file manager could be started: {error}");
    }
}

/// Opens a file, folder or URL with the system's default program.
///
/// # Errors
/// The error of the last program that was tried.
pub(super) fn open_with_system(target: &OsStr) -> io::Result<()> {
    let mut last_error = io::Error::from(io::ErrorKind::NotFound);
    for mut command in open::commands(target) {
        // Programs started from here must not inherit secrets or variables that are meant for this program.
        for name in SECRET_VARIABLES.into_iter().chain(disable_gl::set_variables()) {
            command.env_remove(name);
        }
        match command.spawn() {
            Ok(mut started) => {
                // A separate thread waits for the process, so that no zombie remains.
                std::thread::spawn(move || started.wait());
                return Ok(());
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

fn is_known(url: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
    url.scheme() == "https" && plain && url.host_str().is_some_and(|host| KNOWN_HOSTS.contains(&host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_to_known_hosts_is_opened() {
        let known = |text: &str| is_known(&Url::parse(text).unwrap());
        assert!(known("https://mammouth.ai/app/account/settings/api"));
        for strange in [
            "http://mammouth.ai/",
            "https://mammouth.ai.evil.example/",
            "https://mammouth.ai@evil.example/",
            "https://user@mammouth.ai/",
            "https://mammouth.ai:8443/",
            "https://xn--mammuth-90a.ai/",
            "file:///etc/passwd",
            "smb://mammouth.ai/share",
            "javascript:alert(1)",
            "mailto:someone@mammouth.ai",
            "ms-msdt:/id",
        ] {
            assert!(!known(strange), "{strange}");
        }
    }
}
