//! Links to known sites, opened in the system's browser.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use tauri::Url;

use super::disable_gl;
use storage::config::SECRET_VARIABLES;

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
