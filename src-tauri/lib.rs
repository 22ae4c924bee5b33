//! The desktop program of Mammouth Proxy: tray, window, sign-in, notifications and start at login.
//!
//! Everything that the program shows or does goes through the management API of the [`gateway`], as the page
//! over HTTP does. The proxy runs on its own threads and does not depend on windows: it serves before the
//! first window is drawn and after the last is closed. `docs/architecture.md` is the map of the whole; the
//! crates below are in `src-tauri/crates/`:
//!
//! | crate | content |
//! |---|---|
//! | `protocol` | requests, events, usage and token counts, independent of a wire format |
//! | `dialects` | the wire formats of OpenAI, Anthropic and Ollama: decoding and encoding |
//! | `prompted-tools` | tool calls by prompt: instructions, reply parser, schema checks |
//! | `upstreams` | clients of Mammouth's official API and of its web application |
//! | `storage` | secrets, settings, the request log |
//! | [`gateway`] | authentication, account pool, proxy, HTTP server, management API, and their construction |
//! | `mock-upstream` | mock of Mammouth's two upstreams, for the demo, tests and benchmarks |
//! | `client-setup` | sets up client programs by splicing their configuration files |
//! | [`cli`] | the command line and the headless server, `mammouth-proxy` |
//!
//! | file | content |
//! |---|---|
//! | `control_impl` | implementation of the management API's `Desktop` trait |
//! | `tray/` | icon and menu; the menu is built as a value, then passed to the system |
//! | `window/` | the main window with its two IPC commands, the sign-in window without any, the save dialog, and on Linux their process |
//! | `notify/`, `status_watcher` | notifications, and the task that watches the status |
//! | `dialog`, `port_taken`, `start_failure` | dialogs where there is no window |
//! | `application_id` | the program's reverse-DNS name, and the migration from its former one |
//! | `autostart`, `clipboard`, `disable_gl`, `environment`, `files`, `links` | small system services |

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

mod application_id;
mod autostart;
mod clipboard;
mod context;
mod control_impl;
mod dialog;
mod disable_gl;
mod display;
mod environment;
mod files;
#[cfg(test)]
mod hardening_tests;
mod i18n;
mod links;
mod no_tray;
mod notify;
mod port_taken;
mod start_failure;
mod status;
mod status_watcher;
mod tray;
mod window;

pub use disable_gl::disable_opengl;
pub use display::check as check_display;
pub use environment::unset_variables;
pub use port_taken::confirm_other_port;
pub use start_failure::show_start_failure;

use std::sync::Arc;

use tauri::{AppHandle, Manager, RunEvent};

use cli::ProxyHandle;
use context::DesktopContext;
use window::WindowPage;

/// Reason why the desktop program could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no display to show a window on; 'mammouth-proxy serve' runs without one")]
    NoDisplay,
    #[error("could not start the desktop part: {0}")]
    Window(#[from] tauri::Error),
}

/// Shows the tray icon and the window. Returns when the user quits or when the proxy's shutdown signal completes. Call
/// it on the main thread: on macOS no other thread may own windows.
///
/// # Errors
/// The system offers no display.
pub fn run(proxy: ProxyHandle) -> Result<(), Error> {
    let ProxyHandle { control, data_dir, hidden, activation_token, on_other_port, runtime, shutdown_signal } =
        proxy;
    tauri::async_runtime::set(runtime);
    application_id::migrate_folders();
    autostart::migrate();
    let app = builder()
        .setup(move |app| {
            let context = DesktopContext::new(app.handle().clone(), control, data_dir);
            start(&context);
            if !hidden {
                window::open_activated(&context, WindowPage::Overview, activation_token);
            }
            if on_other_port {
                context.spawn(notify::notify_port_moved(context.clone()));
            }
            app.manage(context.clone());
            context.clone().spawn(async move {
                shutdown_signal.await;
                context.quit();
            });
            Ok(())
        })
        .build(tauri_context())?;
    app.run_return(handle_event);
    Ok(())
}

/// Configuration and files of the windows, which are compiled in.
fn tauri_context() -> tauri::Context {
    tauri::generate_context!()
}

fn builder() -> tauri::Builder<tauri::Wry> {
    let builder = tauri::Builder::default();
    #[cfg(target_os = "macos")]
    let builder = builder.plugin(tauri_plugin_autostart::Builder::new().arg("--hidden").build());
    #[cfg(not(target_os = "linux"))]
    let builder = window::with_windows(builder).plugin(tauri_plugin_notification::init());
    builder
}

/// Runs the process of the windows. Call it on the main thread.
///
/// # Errors
/// The program did not start this process, or the system offers no window.
#[cfg(target_os = "linux")]
pub fn run_window_process() -> Result<(), Error> {
    window::run_process()
}

fn start(context: &DesktopContext) {
    context.control().attach_desktop(Arc::new(control_impl::DesktopHandle(context.clone())));
    let tray = tray::Tray::new(context);
    if let Some(tray) = &tray {
        context.set_tray(tray.clone());
        // Linux does not report that the menu is opened, so quotas are refreshed before the first opening.
        context.refresh_accounts();
    }
    context.spawn(no_tray::warn_if_missing(context.clone(), tray.is_some()));
    context.spawn(status_watcher::watch_status(context.clone(), tray));
}

fn handle_event(app: &AppHandle, event: RunEvent) {
    window::handle_event(app, &event);
    match event {
        // The last window is closed. The program continues without one.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::open(&app.state::<DesktopContext>(), WindowPage::Overview),
        _ => {}
    }
}
