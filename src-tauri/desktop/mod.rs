//! The desktop program: all of Tauri lives here, behind the cargo feature `desktop`.
//!
//! It is a door, as the HTTP one is: whatever it shows or does goes through the control table. The proxy runs on its own
//! threads and knows nothing of windows; it answers before the first is drawn and after the last is closed.
//!
//! | file | what it is for |
//! |---|---|
//! | `door` | what the control table asks of the desktop |
//! | `tray/` | icon and menu; the menu is a value first |
//! | `window`, `ipc` | our one window, built when it is wanted, and its two commands |
//! | `login/` | the window for Mammouth's login page, which can ask for nothing |
//! | `notify/`, `watch` | what is worth a notification, and the task that looks |
//! | `dialog`, `port_taken`, `start_failure` | what is asked and said before there is a window |
//! | `autostart`, `clipboard`, `drawing`, `files`, `links`, `processes` | small services of the system |

mod autostart;
mod clipboard;
mod dialog;
mod display;
mod door;
mod drawing;
mod files;
#[cfg(test)]
mod gate;
mod ipc;
mod links;
mod login;
mod no_tray;
mod notify;
mod place;
mod port_taken;
mod processes;
mod seen;
mod shell;
mod start_failure;
mod tray;
mod watch;
mod window;
mod words;

pub use display::check as check_display;
pub use drawing::draw_plainly;
pub use port_taken::ask_for_another_port;
pub use processes::keep_from_helpers;
pub use start_failure::show_start_failure;

use std::path::PathBuf;
use std::sync::Arc;

use tauri::{AppHandle, Manager, RunEvent, WindowEvent};
use tokio::runtime::Handle;

use crate::control::Control;
use place::Place;
use shell::Shell;

/// What the desktop stands beside.
pub struct Beside {
    pub control: Control,
    /// For what is kept of the tray.
    pub data_dir: PathBuf,
    /// Whether to begin without a window, as at login.
    pub hidden: bool,
    /// Whether another port than the usual one had to be taken.
    pub moved: bool,
    /// Where the proxy runs.
    pub runtime: Handle,
}

/// Why the desktop could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no display to show a window on; 'mammouth-proxy serve' runs without one")]
    NoDisplay,
    #[error("could not start the desktop part: {0}")]
    Window(#[from] tauri::Error),
}

/// Puts the icon into the tray, shows the window, and returns when the user quits, or when `shutdown_signal` ends. Belongs on
/// the main thread: on macOS no other may own windows.
///
/// # Errors
/// The system offers no window.
pub fn run(beside: Beside, told_to_end: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
    tauri::async_runtime::set(beside.runtime.clone());
    let app = builder()
        .setup(move |app| {
            let shell = Shell::new(app.handle().clone(), beside.control, beside.data_dir);
            start(&shell, beside.hidden);
            if beside.moved {
                shell.spawn(notify::say_that_it_moved(shell.clone()));
            }
            app.manage(shell.clone());
            shell.clone().spawn(async move {
                told_to_end.await;
                shell.quit();
            });
            Ok(())
        })
        .build(tauri::generate_context!())?;
    app.run_return(follow);
    Ok(())
}

fn builder() -> tauri::Builder<tauri::Wry> {
    let builder = tauri::Builder::default()
        .plugin(window::remember_place())
        .manage(ipc::Listener::default())
        .invoke_handler(tauri::generate_handler![ipc::control, ipc::subscribe]);
    #[cfg(target_os = "macos")]
    let builder = builder.plugin(tauri_plugin_autostart::Builder::new().arg("--hidden").build());
    #[cfg(not(target_os = "linux"))]
    let builder = builder.plugin(tauri_plugin_notification::init());
    builder
}

fn start(shell: &Shell, hidden: bool) {
    shell.control().attach_desktop(Arc::new(door::Door(shell.clone())));
    let tray = tray::Tray::new(shell);
    if let Some(tray) = &tray {
        shell.keep_tray(tray.clone());
        // Linux does not tell when the menu is opened, so its first look is worth something too.
        shell.refresh_accounts();
    }
    shell.spawn(no_tray::say_so(shell.clone(), tray.is_some()));
    shell.spawn(watch::watch(shell.clone(), tray));
    if !hidden {
        window::open(shell, Place::Overview);
    }
}

fn follow(app: &AppHandle, event: RunEvent) {
    match event {
        // The last window is closed: the program goes on without one.
        RunEvent::ExitRequested { code: None, api, .. } => api.prevent_exit(),
        RunEvent::WindowEvent { label, event: WindowEvent::Destroyed, .. } => {
            if label == window::MAIN {
                app.state::<ipc::Listener>().next();
            }
            processes::end_helpers(&app.state::<Shell>());
        }
        #[cfg(target_os = "macos")]
        RunEvent::Reopen { .. } => window::open(&app.state::<Shell>(), Place::Overview),
        _ => {}
    }
}
