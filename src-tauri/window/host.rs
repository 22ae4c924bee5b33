//! Host of the windows: opens them on this process's main thread, and gives their pages the management API.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use tauri::{AppHandle, Builder, Manager, RunEvent, Theme, Url, WindowEvent, Wry};
use tokio::sync::MutexGuard;

use super::page::WindowPage;
use super::{ipc, login, main_window, save_dialog};
use gateway::management::{BoxFuture, Control, ControlError, ErrorCode};
use storage::secrets::{ExposeSecret, Secret};

/// Request for the main window.
#[derive(Serialize, Deserialize)]
pub(crate) struct OpenRequest {
    pub(crate) page: WindowPage,
    /// The theme of the settings; `None` for the system's.
    pub(crate) theme: Option<Theme>,
    /// Token of the desktop with which the window may take the focus.
    pub(crate) activation_token: Option<String>,
}

/// Request for a sign-in.
#[derive(Serialize, Deserialize)]
pub(crate) struct SignInRequest {
    /// Base URL of Mammouth's web application.
    pub(crate) web_url: String,
    /// Name of its session cookie.
    pub(crate) cookie_name: String,
    /// Title of the window, with a placeholder for the host.
    pub(crate) title: String,
    /// The account that signs in again.
    pub(crate) label: Option<String>,
    /// The outbound proxy, `http` or `socks5`, without user name and password.
    pub(crate) proxy: Option<Url>,
    /// The same address with user name and password, if the proxy needs them.
    pub(crate) proxy_with_credentials: Option<SecretText>,
}

/// Request for the dialog that asks where to save a file.
#[derive(Serialize, Deserialize)]
pub(crate) struct SaveRequest {
    /// Title of the dialog.
    pub(crate) title: String,
    /// Proposed name of the file.
    pub(crate) name: String,
}

/// A secret that is serialized, for the socket between the program and its window process only.
pub(crate) struct SecretText(pub(crate) Secret);

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose_secret())
    }
}

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Secret::from(text)))
    }
}

/// The management API as the page of the main window calls it.
pub(super) trait ManagementApi: Send + Sync {
    /// Runs a command.
    fn run_command(&self, name: String, args: Value) -> BoxFuture<'_, Result<Value, ControlError>>;

    /// The events from now on. A new stream ends the previous one.
    fn events(&self) -> EventStream;
}

/// The events of the management API, serialized.
pub(super) type EventStream = Pin<Box<dyn Stream<Item = Value> + Send>>;

/// The events of the management API from now on.
pub(super) fn event_values(control: &Control) -> EventStream {
    // Events are plain structures, whose serialization does not fail.
    Box::pin(control.events().map(|event| serde_json::to_value(event).unwrap_or_default()))
}

/// The management API of this very process.
#[cfg(not(target_os = "linux"))]
struct LocalApi(Control);

#[cfg(not(target_os = "linux"))]
impl ManagementApi for LocalApi {
    fn run_command(&self, name: String, args: Value) -> BoxFuture<'_, Result<Value, ControlError>> {
        Box::pin(async move { gateway::management::dispatch(&self.0, &name, args).await })
    }

    fn events(&self) -> EventStream {
        event_values(&self.0)
    }
}

/// Handle on the host. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WindowHost(Arc<HostInner>);

struct HostInner {
    app: AppHandle,
    api: Box<dyn ManagementApi>,
    /// Whether windows may be opened. Held while one is being built.
    may_open: tokio::sync::Mutex<bool>,
    /// Held during a sign-in, so that there is one at a time.
    sign_in_lock: tokio::sync::Mutex<()>,
}

impl WindowHost {
    pub(super) fn new(app: AppHandle, api: Box<dyn ManagementApi>) -> Self {
        Self(Arc::new(HostInner {
            app,
            api,
            may_open: tokio::sync::Mutex::new(true),
            sign_in_lock: tokio::sync::Mutex::default(),
        }))
    }

    /// The host of the program itself.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn in_this_process(app: AppHandle, control: Control) -> Self {
        let host = Self::new(app.clone(), Box::new(LocalApi(control)));
        app.manage(host.clone());
        host
    }

    pub(super) fn app(&self) -> &AppHandle {
        &self.0.app
    }

    pub(super) fn api(&self) -> &dyn ManagementApi {
        &*self.0.api
    }

    /// Waits until no other window is being built.
    ///
    /// # Errors
    /// `cancelled`: the program is about to end.
    pub(super) async fn build_permit(&self) -> Result<MutexGuard<'_, bool>, ControlError> {
        let may_open = self.0.may_open.lock().await;
        if *may_open { Ok(may_open) } else { Err(about_to_end()) }
    }

    pub(super) fn sign_in_lock(&self) -> &tokio::sync::Mutex<()> {
        &self.0.sign_in_lock
    }

    /// Brings the main window to the front. Builds it if there is none.
    ///
    /// # Errors
    /// `internal`: the system offers no window. `cancelled`: the program is about to end.
    pub(crate) async fn open(&self, request: OpenRequest) -> Result<(), ControlError> {
        main_window::open(self, request).await
    }

    /// Opens the sign-in window and returns the session cookie once the site sets it.
    ///
    /// # Errors
    /// `cancelled`: the window was closed first. `exists`: a sign-in window is open already.
    pub(crate) async fn sign_in(&self, request: SignInRequest) -> Result<Secret, ControlError> {
        login::sign_in(self, request).await
    }

    /// Asks where to save a file. Returns `None` if the user cancels.
    ///
    /// # Errors
    /// `internal`: the program is about to end.
    pub(crate) async fn save_as(&self, request: SaveRequest) -> Result<Option<PathBuf>, ControlError> {
        save_dialog::ask(self.app(), request).await
    }

    /// Closes the windows. No other can be opened afterwards.
    pub(crate) async fn close(&self) {
        // A window that is being built needs the main thread until it is complete, and one that came after this could
        // not be closed.
        *self.0.may_open.lock().await = false;
        for window in self.app().webview_windows().values() {
            // Closed, not destroyed, so that its position is saved.
            let _ = window.close();
        }
    }
}

/// The error of a request that comes while the program ends.
pub(super) fn about_to_end() -> ControlError {
    ControlError::new(ErrorCode::Cancelled, "the program is about to end")
}

/// Adds what the windows need to a Tauri application.
pub(crate) fn with_windows(builder: Builder<Wry>) -> Builder<Wry> {
    builder
        .plugin(main_window::window_state_plugin())
        .manage(ipc::EventSubscription::default())
        .invoke_handler(tauri::generate_handler![ipc::control, ipc::subscribe])
}

/// Ends the page's event stream with its window.
pub(crate) fn handle_event(app: &AppHandle, event: &RunEvent) {
    if let RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. } = event
        && label == main_window::MAIN_LABEL
    {
        app.state::<ipc::EventSubscription>().restart();
    }
}
