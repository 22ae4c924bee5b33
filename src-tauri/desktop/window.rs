//! The one window of ours. It is built when it is first wanted and gone when it is closed: beside a closed window lives
//! no process of WebKit.

#[cfg(any(target_os = "linux", test))]
use std::time::{Duration, Instant};

use tauri::webview::{DownloadEvent, NewWindowResponse};
use tauri::{AppHandle, Manager, Url, Webview, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};
use tauri_plugin_window_state::StateFlags;

use super::links;
use super::place::Place;
use super::shell::Shell;

/// The label, to which the capability is given.
pub(super) const MAIN: &str = "main";

/// Keeps size and place of our window, but not that it was hidden, and nothing of the sign-in window.
pub(super) fn remember_place() -> tauri::plugin::TauriPlugin<Wry> {
    tauri_plugin_window_state::Builder::new()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .with_filter(|label| label == MAIN)
        .build()
}

/// Brings the window to the front at this page, and builds it if there is none. Returns at once.
pub(super) fn open(shell: &Shell, place: Place) {
    let shell = shell.clone();
    let opening = shell.clone();
    opening.spawn(async move {
        let _one_at_a_time = shell.opening().lock().await;
        let opened = match shell.app().get_webview_window(MAIN) {
            Some(window) => bring_up(&window, place),
            None => build_undisturbed(shell.app(), move |app| build(app, place)).await.map(drop),
        };
        if let Err(error) = opened {
            tracing::error!("the window cannot be opened: {error}");
        }
    });
}

/// Builds a window on the main thread, where nobody can close it before Tauri has it in its list: it would stay there for
/// ever, and no other could take its place.
///
/// # Errors
/// The system offers no window, or the program is about to end.
pub(super) async fn build_undisturbed(
    app: &AppHandle,
    build: impl FnOnce(&AppHandle) -> tauri::Result<WebviewWindow> + Send + 'static,
) -> tauri::Result<WebviewWindow> {
    // Windows gives no web view to a thread that is busy with an event: the main thread would wait for ever (tauri's
    // documentation of `WebviewWindowBuilder::new`).
    if cfg!(windows) {
        return build(app);
    }
    let (sender, built) = tokio::sync::oneshot::channel();
    let on_main = app.clone();
    // Nobody waits for the window any more where the program ends meanwhile.
    app.run_on_main_thread(move || drop(sender.send(build(&on_main))))?;
    built.await?
}

fn bring_up(window: &WebviewWindow, place: Place) -> tauri::Result<()> {
    // Where the user was matters more than the first page.
    if place != Place::Overview {
        // Constant text: nothing from outside becomes code.
        window.eval(format!("location.hash = '#{}'", place.route()))?;
    }
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

fn build(app: &AppHandle, place: Place) -> tauri::Result<WebviewWindow> {
    let page = format!("index.html#{}", place.route());
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App(page.into()))
        .title("Mammouth Proxy")
        .inner_size(1100.0, 760.0)
        .min_inner_size(560.0, 420.0)
        .on_navigation(may_show)
        .on_new_window(|url, _| {
            links::open(&url);
            NewWindowResponse::Deny
        })
        .on_download(no_download)
        .build()?;
    watch_its_process(&window)?;
    Ok(window)
}

/// Only our own pages; a link to a known site opens in the system's browser instead.
fn may_show(url: &Url) -> bool {
    let ours = is_ours(url);
    if !ours {
        links::open(url);
    }
    ours
}

/// The address of our own pages: a scheme of their own, or on Windows a host that no network has.
fn is_ours(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        "about" => url.as_str() == "about:blank",
        _ => false,
    }
}

/// Exports are saved by the program, where the system's dialogue says: no page downloads anything.
pub(super) fn no_download(_: Webview, _: DownloadEvent<'_>) -> bool {
    false
}

/// A page whose process was killed is loaded again, unless that happens over and over.
#[cfg(target_os = "linux")]
fn watch_its_process(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt;
    window.with_webview(|webview| {
        let deaths = std::cell::RefCell::new(Deaths::default());
        webview.inner().connect_web_process_terminated(move |view, _| {
            let again = deaths.borrow_mut().again(Instant::now());
            tracing::warn!("the process of the window's page ended; loading it again: {again}");
            // Loaded by its address: a page that died before it came has nothing to reload.
            if let Some(address) = view.uri().filter(|_| again) {
                view.load_uri(&address);
            }
        });
    })
}

#[cfg(not(target_os = "linux"))]
fn watch_its_process(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// When the page's process died of late.
#[cfg(any(target_os = "linux", test))]
#[derive(Default)]
struct Deaths(Vec<Instant>);

#[cfg(any(target_os = "linux", test))]
impl Deaths {
    const MOST: usize = 3;
    const SPAN: Duration = Duration::from_secs(60);

    /// Counts one; `false` where it is one too many.
    fn again(&mut self, now: Instant) -> bool {
        self.0.retain(|death| now.duration_since(*death) < Self::SPAN);
        self.0.push(now);
        self.0.len() <= Self::MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_shown() {
        let ours = |text: &str| is_ours(&Url::parse(text).unwrap());
        assert!(ours("tauri://localhost/index.html#/accounts"));
        for strange in [
            "tauri://evil.example/",
            "https://mammouth.ai/",
            "http://tauri.localhost.evil.example/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
            "about:srcdoc",
        ] {
            assert!(!ours(strange), "{strange}");
        }
    }

    #[test]
    fn a_page_that_keeps_dying_is_left_alone() {
        let mut deaths = Deaths::default();
        let start = Instant::now();
        assert!(deaths.again(start) && deaths.again(start) && deaths.again(start));
        assert!(!deaths.again(start));
        assert!(deaths.again(start + Deaths::SPAN));
    }
}
