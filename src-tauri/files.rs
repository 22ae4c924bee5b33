//! Files in the system's file manager.

use std::path::Path;

use gateway::management::{ControlError, ErrorCode};

/// Shows a file in the system's file manager.
///
/// # Errors
/// `internal`: no file manager can be started.
pub(super) async fn show(path: &Path) -> Result<(), ControlError> {
    system::show(path).await
}

fn internal(error: impl std::fmt::Display) -> ControlError {
    ControlError::new(ErrorCode::Internal, error.to_string())
}

#[cfg(target_os = "linux")]
mod system {
    use std::time::Duration;

    use tauri::Url;

    use super::*;
    use crate::links;

    /// Bus name of the interface that file managers implement:
    /// <https://www.freedesktop.org/wiki/Specifications/file-manager-interface/>.
    const FILE_MANAGER: &str = "org.freedesktop.FileManager1";
    /// Time limit of the call. A file manager may have to be started first.
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

    pub(super) async fn show(path: &Path) -> Result<(), ControlError> {
        let shown = tokio::time::timeout(ANSWER_TIMEOUT, show_item(path)).await;
        if matches!(shown, Ok(Ok(()))) {
            return Ok(());
        }
        let folder = path.parent().unwrap_or(path);
        links::open_with_system(folder.as_os_str()).map_err(internal)
    }

    async fn show_item(path: &Path) -> zbus::Result<()> {
        let address =
            Url::from_file_path(path).map_err(|()| zbus::Error::Failure("no absolute path".into()))?;
        let bus = zbus::Connection::session().await?;
        let manager =
            zbus::Proxy::new(&bus, FILE_MANAGER, "/org/freedesktop/FileManager1", FILE_MANAGER).await?;
        manager.call("ShowItems", &(vec![address.as_str()], "")).await
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::process::Command;

    use super::*;

    #[cfg(target_os = "macos")]
    pub(super) async fn show(path: &Path) -> Result<(), ControlError> {
        let mut finder = Command::new("open").arg("-R").arg(path).spawn().map_err(internal)?;
        tokio::task::spawn_blocking(move || finder.wait())
            .await
            .map_err(internal)?
            .map_err(internal)
            .map(drop)
    }

    /// The argument that selects a file in Explorer. Explorer parses its arguments itself and understands no other
    /// quoting.
    #[cfg(windows)]
    pub(super) async fn show(path: &Path) -> Result<(), ControlError> {
        use std::os::windows::process::CommandExt;
        let argument = format!("/select,\"{}\"", path.display());
        Command::new("explorer").raw_arg(argument).spawn().map_err(internal).map(drop)
    }
}
