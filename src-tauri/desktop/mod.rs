//! The desktop window: all of Tauri lives here, behind the cargo feature `desktop`.
//!
//! For now one window with a static page that says what the program is and where the proxy answers. Serving requests,
//! settings and accounts are the business of the other rooms; tray, notifications and login come with the tray.

mod display;
mod signals;

use tauri::{WebviewUrl, WebviewWindowBuilder};
use url::form_urlencoded;

use signals::Signals;

const WINDOW: &str = "main";

/// What the window tells its reader about the proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// The address clients use, such as `http://127.0.0.1:3000`; empty while no proxy runs in this process.
    pub base_url: String,
    /// Whether made-up accounts answer instead of Mammouth.
    pub demo: bool,
}

/// Why the window could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no display to show a window on; `mammouth-proxy serve` runs without one")]
    NoDisplay,
    #[error("could not listen for the signals that end the program: {0}")]
    Signals(#[from] std::io::Error),
    #[error("could not open the window: {0}")]
    Window(#[from] tauri::Error),
}

/// Shows the window and returns when it is closed, or when SIGTERM or SIGINT asks the program to end. Belongs on the
/// main thread: on macOS no other may own windows.
///
/// # Errors
/// Says so when there is no display, when signals cannot be listened for, and when the system offers no window.
pub fn run(status: Status) -> Result<(), Error> {
    display::check()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    tauri::async_runtime::set(runtime.handle().clone());
    let signals = {
        let _entered = runtime.enter();
        Signals::listen()?
    };
    let app = tauri::Builder::default()
        .setup(move |app| Ok(open_window(app, &status)?))
        .build(tauri::generate_context!())?;
    let handle = app.handle().clone();
    runtime.spawn(async move {
        signals.wait().await;
        handle.exit(0);
    });
    app.run_return(|_, _| {});
    Ok(())
}

fn open_window(app: &tauri::App, status: &Status) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::App(page(status).into()))
        .title("Mammouth Proxy")
        .inner_size(720.0, 520.0)
        .min_inner_size(420.0, 320.0)
        .build()?;
    Ok(())
}

/// The page reads the status from its own address: it is fixed for the window's life and holds no secret.
fn page(status: &Status) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if !status.base_url.is_empty() {
        query.append_pair("address", &status.base_url);
    }
    if status.demo {
        query.append_pair("demo", "1");
    }
    let query = query.finish();
    if query.is_empty() { "index.html".to_owned() } else { format!("index.html?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_the_address_and_the_demo() {
        let status = Status { base_url: "http://127.0.0.1:3000".to_owned(), demo: true };
        assert_eq!(page(&status), "index.html?address=http%3A%2F%2F127.0.0.1%3A3000&demo=1");
    }

    #[test]
    fn without_a_proxy_the_page_is_plain() {
        assert_eq!(page(&Status::default()), "index.html");
    }
}
