//! The desktop window: all of Tauri lives here, behind the cargo feature `desktop`.
//!
//! For now one window with a static page that says what the program is and where the proxy answers. Serving requests,
//! settings and accounts are the business of the other rooms; tray, notifications and login come with the tray.

mod display;

pub use display::check as check_display;

use tauri::{WebviewUrl, WebviewWindowBuilder};
use tokio::runtime::Handle;
use url::form_urlencoded;

const WINDOW: &str = "main";

/// What the window tells its reader about the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// What clients are given, such as `http://127.0.0.1:3000/v1`.
    pub base_url: String,
    /// Whether made-up accounts answer instead of Mammouth.
    pub demo: bool,
}

/// Why the window could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no display to show a window on; 'mammouth-proxy serve' runs without one")]
    NoDisplay,
    #[error("could not open the window: {0}")]
    Window(#[from] tauri::Error),
}

/// Shows the window and returns when it is closed, or when `told_to_end` ends. Belongs on the main thread: on macOS no
/// other may own windows.
///
/// # Errors
/// The system offers no window.
pub fn run(
    status: &Status,
    runtime: &Handle,
    told_to_end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    tauri::async_runtime::set(runtime.clone());
    let page = page(status);
    let app = tauri::Builder::default()
        .setup(move |app| Ok(open_window(app, page)?))
        .build(tauri::generate_context!())?;
    let handle = app.handle().clone();
    runtime.spawn(async move {
        told_to_end.await;
        handle.exit(0);
    });
    app.run_return(|_, _| {});
    Ok(())
}

fn open_window(app: &tauri::App, page: String) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, WINDOW, WebviewUrl::App(page.into()))
        .title("Mammouth Proxy")
        .inner_size(720.0, 520.0)
        .min_inner_size(420.0, 320.0)
        .build()?;
    Ok(())
}

/// The page reads the status from its own address: it is fixed for the window's life and holds no secret.
fn page(status: &Status) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("base_url", &status.base_url);
    if status.demo {
        query.append_pair("demo", "1");
    }
    format!("index.html?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_the_address_and_the_demo() {
        let mut status = Status { base_url: "http://127.0.0.1:3000/v1".to_owned(), demo: true };
        assert_eq!(page(&status), "index.html?base_url=http%3A%2F%2F127.0.0.1%3A3000%2Fv1&demo=1");
        status.demo = false;
        assert_eq!(page(&status), "index.html?base_url=http%3A%2F%2F127.0.0.1%3A3000%2Fv1");
    }
}
