//! Dialog for a window that cannot be shown, which offers its pages in the browser instead.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::context::{DesktopContext, strings_for};
use super::super::dialog::Dialog;
use super::super::i18n::{Strings, fill};
use super::super::links::open_with_system;

/// Microsoft's installer of the WebView2 runtime.
const WEBVIEW_DOWNLOAD: &str = "https://go.microsoft.com/fwlink/p/?LinkId=2124703";
/// Whether the dialog is open. A second click opens no second dialog.
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// Shows the reason why there is no window, and opens the pages in the browser if the user wants that.
pub(super) async fn show(context: &DesktopContext, error: &str) {
    let Some(status) = context.status().await else { return };
    if IS_OPEN.swap(true, Ordering::Relaxed) {
        return;
    }
    let strings = strings_for(&status);
    let text = explanation(strings, error, cfg!(windows));
    let ask = move || {
        let accept = Some(strings.open_in_browser);
        let dialog = Dialog {
            is_error: true,
            headline: strings.no_window,
            text: &text,
            accept,
            cancel: strings.close,
        };
        if dialog.ask()
            && let Err(error) = open_with_system(status.address.as_ref())
        {
            tracing::warn!("no browser could be started: {error}");
        }
        IS_OPEN.store(false, Ordering::Relaxed);
    };
    // GTK's dialogs belong to the main thread. Elsewhere the main thread stays free for the tray.
    if cfg!(target_os = "linux") {
        // An error means that the program is about to end.
        let _ = context.app().run_on_main_thread(ask);
    } else {
        tauri::async_runtime::spawn_blocking(ask);
    }
}

/// The error, the source of what Windows may lack, and the functions that work without a window.
fn explanation(strings: &Strings, error: &str, on_windows: bool) -> String {
    let webview = on_windows.then(|| fill(strings.no_webview, &[WEBVIEW_DOWNLOAD]));
    let parts = [Some(error.to_owned()), webview, Some(strings.no_window_advice.to_owned())];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::super::super::i18n::Language;
    use super::*;

    #[test]
    fn windows_is_told_where_to_get_webview2() {
        let strings = Language::from_setting("en").strings();
        let text = explanation(strings, "Could not find the webview runtime", true);
        assert!(
            text.starts_with("Could not find the webview runtime") && text.contains(WEBVIEW_DOWNLOAD),
            "{text}"
        );
        let text = explanation(strings, "no display", false);
        assert!(!text.contains("WebView2") && text.contains("control-token"), "{text}");
    }
}
