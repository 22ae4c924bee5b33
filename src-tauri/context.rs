//! Shared context of the desktop program, and its calls to the management API.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tauri::AppHandle;

#[cfg(target_os = "linux")]
use super::display;
use super::i18n::{Language, Strings};
use super::status::{ClientStatus, ProxyStatus};
use super::tray::Tray;
use super::window::Windows;
use gateway::management::{self, Control, ControlError};

/// Maximum age of the list of clients in the tray. Reading it opens the configuration files of some twenty programs.
const CLIENTS_MAX_AGE: Duration = Duration::from_secs(10);

/// Handle on the shared context. Cheap to clone.
#[derive(Clone)]
pub(super) struct DesktopContext(Arc<ContextInner>);

struct ContextInner {
    app: AppHandle,
    control: Control,
    data_dir: PathBuf,
    windows: Windows,
    #[cfg(target_os = "linux")]
    is_on_wayland: bool,
    tray: OnceLock<Tray>,
    clients: Mutex<ClientCache>,
}

/// The clients as they were last read, and for which address.
#[derive(Default)]
struct ClientCache {
    clients: Vec<ClientStatus>,
    address: String,
    read_at: Option<Instant>,
}

impl DesktopContext {
    /// Call it on the main thread, which knows the desktop's protocol.
    pub(super) fn new(app: AppHandle, control: Control, data_dir: PathBuf) -> Self {
        #[cfg(target_os = "linux")]
        let windows = Windows::new(control.clone());
        #[cfg(not(target_os = "linux"))]
        let windows = Windows::in_this_process(app.clone(), control.clone());
        Self(Arc::new(ContextInner {
            app,
            control,
            data_dir,
            windows,
            #[cfg(target_os = "linux")]
            is_on_wayland: display::is_wayland(),
            tray: OnceLock::new(),
            clients: Mutex::default(),
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

    pub(super) fn windows(&self) -> &Windows {
        &self.0.windows
    }

    /// Whether the session uses Wayland's protocol and not X11's.
    #[cfg(target_os = "linux")]
    pub(super) fn is_on_wayland(&self) -> bool {
        self.0.is_on_wayland
    }

    /// Stores the tray icon, so that it can be removed at the end.
    pub(super) fn set_tray(&self, tray: Tray) {
        // There is one tray in a program; a second one would be a bug of this crate.
        let _ = self.0.tray.set(tray);
    }

    /// Ends the desktop part. Icon and windows disappear at once, before in-flight replies are drained.
    pub(super) fn quit(&self) {
        let context = self.clone();
        self.spawn(async move {
            if let Some(tray) = context.0.tray.get() {
                tray.remove();
            }
            context.windows().close().await;
            context.0.app.exit(0);
        });
    }

    /// Runs a command of the management API.
    ///
    /// # Errors
    /// The error of the command.
    pub(super) async fn run_command(&self, name: &str, args: Value) -> Result<Value, ControlError> {
        management::dispatch(&self.0.control, name, args).await
    }

    /// The status of the proxy; `None` while it starts or stops.
    pub(super) async fn status(&self) -> Option<ProxyStatus> {
        let mut status = self.control().status().ok().map(ProxyStatus::from)?;
        status.clients = self.clients(&status.address).await;
        Some(status)
    }

    /// The clients of this machine, as they were up to 10 s ago for the same address.
    async fn clients(&self, address: &str) -> Vec<ClientStatus> {
        let cache = || self.0.clients.lock();
        {
            let cached = cache();
            let fresh = cached.read_at.is_some_and(|read_at| read_at.elapsed() < CLIENTS_MAX_AGE);
            if fresh && cached.address == address {
                return cached.clients.clone();
            }
        }
        // Without an answer the previous list is shown.
        let answer = self.run_command("clients.list", json!({})).await.ok();
        let mut cached = cache();
        if let Some(list) = answer {
            cached.clients = ClientStatus::from_json(&list);
        }
        (cached.address, cached.read_at) = (address.to_owned(), Some(Instant::now()));
        cached.clients.clone()
    }

    /// Requests that stale quotas be fetched again, because the accounts are about to be displayed.
    pub(super) fn refresh_accounts(&self) {
        let context = self.clone();
        self.spawn(async move {
            // Without an answer the previous numbers are shown, with their time.
            let _ = context.run_command("accounts.refresh", json!({})).await;
        });
    }

    /// Spawns a background task.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        tauri::async_runtime::spawn(work);
    }
}

/// The texts in the language of the settings.
pub(super) fn strings_for(status: &ProxyStatus) -> &'static Strings {
    Language::from_setting(status.language_word()).strings()
}
