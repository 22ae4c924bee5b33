//! What all parts of the desktop hold on to, and what they ask of the proxy.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tauri::{AppHandle, Manager};

use super::i18n::{Language, Strings};
use super::status::ProxyStatus;
use super::tray::Tray;
use gateway::management::{self, Control, ControlError};

/// A cheap handle.
#[derive(Clone)]
pub(super) struct DesktopContext(Arc<ContextInner>);

struct ContextInner {
    app: AppHandle,
    control: Control,
    data_dir: PathBuf,
    /// Windows are opened one after the other.
    window_lock: tokio::sync::Mutex<()>,
    /// Held while somebody signs in.
    sign_in_lock: tokio::sync::Mutex<()>,
    tray: OnceLock<Tray>,
}

impl DesktopContext {
    pub(super) fn new(app: AppHandle, control: Control, data_dir: PathBuf) -> Self {
        Self(Arc::new(ContextInner {
            app,
            control,
            data_dir,
            window_lock: tokio::sync::Mutex::default(),
            sign_in_lock: tokio::sync::Mutex::default(),
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

    pub(super) fn window_lock(&self) -> &tokio::sync::Mutex<()> {
        &self.0.window_lock
    }

    pub(super) fn sign_in_lock(&self) -> &tokio::sync::Mutex<()> {
        &self.0.sign_in_lock
    }

    /// Keeps the icon, so that it can be taken away at the end.
    pub(super) fn set_tray(&self, tray: Tray) {
        // There is one tray in a program; a second would be a mistake of this room.
        let _ = self.0.tray.set(tray);
    }

    /// Ends the desktop part: icon and windows go at once, before running answers are waited for.
    pub(super) fn quit(&self) {
        let context = self.clone();
        self.spawn(async move {
            if let Some(tray) = context.0.tray.get() {
                tray.remove();
            }
            // A window that is being built needs the main thread until it is there, and one that came after this could not
            // be closed.
            let _guard = context.window_lock().lock().await;
            for window in context.0.app.webview_windows().values() {
                // Closed, not destroyed, so that its place is kept.
                let _ = window.close();
            }
            context.0.app.exit(0);
            std::future::pending::<()>().await;
        });
    }

    /// Carries out a command of the control table.
    ///
    /// # Errors
    /// What the command says.
    pub(super) async fn run_command(&self, name: &str, args: Value) -> Result<Value, ControlError> {
        management::dispatch(&self.0.control, name, args).await
    }

    /// What the proxy is like now; `None` while it starts or stops.
    pub(super) async fn status(&self) -> Option<ProxyStatus> {
        self.run_command("status", json!({})).await.ok().map(ProxyStatus::from_json)
    }

    /// Has quotas of a while ago asked for anew, because somebody is about to see them.
    pub(super) fn refresh_accounts(&self) {
        let context = self.clone();
        self.spawn(async move {
            // Without an answer the numbers of before are shown, with their time.
            let _ = context.run_command("accounts.refresh", json!({})).await;
        });
    }

    /// Runs something beside everything else.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tauri::async_runtime::spawn(work);
    }
}

/// The texts in the language of the settings.
pub(super) fn strings_for(status: &ProxyStatus) -> &'static Strings {
    Language::from_setting(&status.language).strings()
}
