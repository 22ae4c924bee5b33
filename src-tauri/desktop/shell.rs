//! What all parts of the desktop hold on to, and what they ask of the proxy.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tauri::{AppHandle, Manager};

use super::seen::Seen;
use super::tray::Tray;
use super::words::{Language, Words};
use crate::control::{self, Control, ControlError};

/// A cheap handle.
#[derive(Clone)]
pub(super) struct Shell(Arc<Inner>);

struct Inner {
    app: AppHandle,
    control: Control,
    data_dir: PathBuf,
    /// Windows are opened one after the other.
    opening: tokio::sync::Mutex<()>,
    /// Held while somebody signs in.
    signing_in: tokio::sync::Mutex<()>,
    tray: OnceLock<Tray>,
}

impl Shell {
    pub(super) fn new(app: AppHandle, control: Control, data_dir: PathBuf) -> Self {
        Self(Arc::new(Inner {
            app,
            control,
            data_dir,
            opening: tokio::sync::Mutex::default(),
            signing_in: tokio::sync::Mutex::default(),
            tray: OnceLock::new(),
        }))
    }

    pub(super) fn app(&self) -> &AppHandle {
        &self.0.app
    }

    pub(super) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.0.data_dir
    }

    pub(super) fn opening(&self) -> &tokio::sync::Mutex<()> {
        &self.0.opening
    }

    pub(super) fn signing_in(&self) -> &tokio::sync::Mutex<()> {
        &self.0.signing_in
    }

    /// Keeps the icon, so that it can be taken away at the end.
    pub(super) fn keep_tray(&self, tray: Tray) {
        // There is one tray in a program; a second would be a mistake of this room.
        let _ = self.0.tray.set(tray);
    }

    /// Ends the desktop part: icon and windows go at once, before running answers are waited for.
    pub(super) fn quit(&self) {
        let shell = self.clone();
        self.spawn(async move {
            if let Some(tray) = shell.0.tray.get() {
                tray.remove();
            }
            // A window that is being built needs the main thread until it is there, and one that came after this could not
            // be closed.
            let _none_is_coming = shell.opening().lock().await;
            for window in shell.0.app.webview_windows().values() {
                // Closed, not destroyed, so that its place is kept.
                let _ = window.close();
            }
            shell.0.app.exit(0);
            std::future::pending::<()>().await;
        });
    }

    /// Carries out a command of the control table.
    ///
    /// # Errors
    /// What the command says.
    pub(super) async fn ask(&self, name: &str, args: Value) -> Result<Value, ControlError> {
        control::dispatch(&self.0.control, name, args).await
    }

    /// What the proxy is like now; `None` while it starts or stops.
    pub(super) async fn look(&self) -> Option<Seen> {
        self.ask("status", json!({})).await.ok().map(Seen::of)
    }

    /// Has quotas of a while ago asked for anew, because somebody is about to see them.
    pub(super) fn refresh_accounts(&self) {
        let shell = self.clone();
        self.spawn(async move {
            // Without an answer the numbers of before are shown, with their time.
            let _ = shell.ask("accounts.refresh", json!({})).await;
        });
    }

    /// Runs something beside everything else.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tauri::async_runtime::spawn(work);
    }
}

/// The texts in the language of the settings.
pub(super) fn words_for(seen: &Seen) -> &'static Words {
    Language::of_setting(&seen.language).words()
}
