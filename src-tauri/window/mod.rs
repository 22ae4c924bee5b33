//! The windows: the main window, the sign-in window and the save dialog.
//!
//! On Linux they belong to a process of their own, [`process`], which ends with the last of them: WebKit and the
//! graphics driver keep what they once loaded for as long as the process runs, and a crash of theirs does not end the
//! proxy. Elsewhere the system keeps web views in processes of its own, and the windows belong to the program.

mod activation;
mod failure;
mod host;
mod ipc;
mod login;
mod main_window;
mod page;
#[cfg(target_os = "linux")]
mod process;
mod save_dialog;

pub(super) use host::{OpenRequest, SaveRequest, SecretText, SignInRequest, handle_event};
#[cfg(not(target_os = "linux"))]
pub(super) use host::{WindowHost as Windows, with_windows};
pub(super) use page::WindowPage;
#[cfg(target_os = "linux")]
pub(super) use process::{WindowProcess as Windows, run as run_process};

use super::context::DesktopContext;
use gateway::management::ErrorCode;

/// Brings the main window to the front at this page. Builds it if there is none. Returns at once.
pub(super) fn open(context: &DesktopContext, page: WindowPage) {
    open_activated(context, page, None);
}

/// Does the same as [`open`], on behalf of the program that the desktop gave this activation token.
pub(super) fn open_activated(context: &DesktopContext, page: WindowPage, activation_token: Option<String>) {
    let context = context.clone();
    context.clone().spawn(async move {
        let theme =
            context.control().status().ok().and_then(|status| main_window::chosen_theme(status.theme));
        let request = OpenRequest { page, theme, activation_token };
        if let Err(error) = context.windows().open(request).await
            && error.code != ErrorCode::Cancelled
        {
            tracing::error!("the window cannot be opened: {error}");
            failure::show(&context, &error.message).await;
        }
    });
}
