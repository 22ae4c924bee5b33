//! The system's dialog that asks where to save a file.

use std::path::PathBuf;

use tauri::AppHandle;
use tokio::sync::oneshot::{Receiver, Sender};

use super::host::SaveRequest;
use gateway::management::{ControlError, ErrorCode};

/// Asks where to save a file. Returns `None` if the user cancels.
///
/// # Errors
/// `internal`: the program is about to end.
pub(super) async fn ask(app: &AppHandle, request: SaveRequest) -> Result<Option<PathBuf>, ControlError> {
    let (sender, asked) = tokio::sync::oneshot::channel();
    let handle = app.clone();
    app.run_on_main_thread(move || system::open(&handle, &request, sender)).map_err(internal)?;
    system::answer(asked).await
}

fn internal(error: impl std::fmt::Display) -> ControlError {
    ControlError::new(ErrorCode::Internal, error.to_string())
}

#[cfg(target_os = "linux")]
mod system {
    use std::cell::Cell;

    use gtk::glib;
    use gtk::prelude::{FileChooserExt, NativeDialogExt};
    use tauri::Manager;

    use super::super::main_window;
    use super::*;

    pub(super) type Chosen = Option<PathBuf>;

    /// Opens the dialog. Call it on the main thread, which belongs to GTK.
    pub(super) fn open(app: &AppHandle, request: &SaveRequest, sender: Sender<Chosen>) {
        let parent =
            app.get_webview_window(main_window::MAIN_LABEL).and_then(|window| window.gtk_window().ok());
        let action = gtk::FileChooserAction::Save;
        let dialog = gtk::FileChooserNative::new(Some(&request.title), parent.as_ref(), action, None, None);
        dialog.set_modal(true);
        dialog.set_do_overwrite_confirmation(true);
        let folder = glib::user_special_dir(glib::UserDirectory::Downloads).unwrap_or_else(glib::home_dir);
        dialog.set_current_folder(folder);
        dialog.set_current_name(&request.name);
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
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::*;

    /// The user's choice in an open dialog.
    pub(super) type Open = std::pin::Pin<Box<dyn Future<Output = Option<rfd::FileHandle>> + Send>>;

    /// Opens the dialog. Call it on the main thread, as macOS requires.
    pub(super) fn open(_: &AppHandle, request: &SaveRequest, sender: Sender<Open>) {
        let dialog = rfd::AsyncFileDialog::new().set_title(&request.title).set_file_name(&request.name);
        // The receiver is gone if the window was closed.
        drop(sender.send(Box::pin(dialog.save_file())));
    }

    pub(super) async fn answer(asked: Receiver<Open>) -> Result<Option<PathBuf>, ControlError> {
        let chosen = asked.await.map_err(internal)?.await;
        Ok(chosen.map(|file| file.path().to_owned()))
    }
}
