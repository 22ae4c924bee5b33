//! The system's save dialog, and files in the system's file manager.

use std::path::{Path, PathBuf};

use tauri::AppHandle;

use gateway::management::{ControlError, ErrorCode};

/// Asks where to save a file. `title` is the title of the dialog, `name` the proposed name. Returns `None` if the user
/// cancels.
///
/// # Errors
/// `internal`: the program is about to end.
pub(super) async fn save_as(
    app: &AppHandle,
    title: &'static str,
    name: String,
) -> Result<Option<PathBuf>, ControlError> {
    let (sender, asked) = tokio::sync::oneshot::channel();
    let handle = app.clone();
    app.run_on_main_thread(move || system::ask(&handle, title, &name, sender)).map_err(internal)?;
    system::answer(asked).await
}

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
    use std::cell::Cell;
    use std::time::Duration;

    use gtk::glib;
    use gtk::prelude::{FileChooserExt, NativeDialogExt};
    use tauri::{Manager, Url};
    use tokio::sync::oneshot::{Receiver, Sender};

    use super::*;
    use crate::{links, window};

    /// Bus name of the interface that file managers implement:
    /// <https://www.freedesktop.org/wiki/Specifications/file-manager-interface/>.
    const FILE_MANAGER: &str = "org.freedesktop.FileManager1";
    /// Time limit of the call. A file manager may have to be started first.
    const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

    pub(super) type Chosen = Option<PathBuf>;

    /// Opens the dialog. Call it on the main thread, which belongs to GTK.
    pub(super) fn ask(app: &AppHandle, title: &str, name: &str, sender: Sender<Chosen>) {
        let parent = app
            .get_webview_window(window::main_window::MAIN_LABEL)
            .and_then(|window| window.gtk_window().ok());
        let action = gtk::FileChooserAction::Save;
        let dialog = gtk::FileChooserNative::new(Some(title), parent.as_ref(), action, None, None);
        dialog.set_modal(true);
        dialog.set_do_overwrite_confirmation(true);
        let folder = glib::user_special_dir(glib::UserDirectory::Downloads).unwrap_or_else(glib::home_dir);
        dialog.set_current_folder(folder);
        dialog.set_current_name(name);
        // GTK does not keep the dialog alive while it is shown.
        let (sender, kept) = (Cell::new(Some(sender)), Cell::new(Some(dialog.clone())));
        dialog.connect_response(move |dialog, response| {
            let path = if response == gtk::ResponseType::Accept { dialog.filename() } else { None };
            if let Some(sender) = sender.take() {
                // The receiver is gone if the window was closed.
                drop(sender.send(path));
            }
            dialog.destroy();
            kept.take();
        });
        dialog.show();
    }

    pub(super) async fn answer(asked: Receiver<Chosen>) -> Result<Chosen, ControlError> {
        asked.await.map_err(internal)
    }

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

    use tokio::sync::oneshot::{Receiver, Sender};

    use super::*;

    /// The user's choice in an open dialog.
    pub(super) type Open = std::pin::Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>>;

    /// Opens the dialog. Call it on the main thread, as macOS requires.
    pub(super) fn ask(_: &AppHandle, title: &str, name: &str, sender: Sender<Open>) {
        let dialog = rfd::AsyncFileDialog::new().set_title(title).set_file_name(name);
        // The receiver is gone if the window was closed.
        drop(sender.send(Box::pin(dialog.save_file())));
    }

    pub(super) async fn answer(asked: Receiver<Open>) -> Result<Option<PathBuf>, ControlError> {
        let chosen = asked.await.map_err(internal)?.await;
        Ok(chosen.map(|file| file.path().to_owned()))
    }

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
