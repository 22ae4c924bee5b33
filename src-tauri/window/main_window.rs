//! The main window. It is built when opened and destroyed when closed.

use std::time::Duration;
#[cfg(any(target_os = "linux", test))]
use std::time::Instant;

use tauri::webview::{DownloadEvent, NewWindowResponse};
use tauri::window::Color;
use tauri::{AppHandle, Manager, Theme, Url, Webview, WebviewUrl, WebviewWindow, WebviewWindowBuilder, Wry};
use tauri_plugin_window_state::StateFlags;

use super::super::links;
use super::activation;
use super::host::{OpenRequest, WindowHost};
use super::page::WindowPage;
use gateway::management::{ControlError, ErrorCode};
use storage::config;

/// The label of the main window, which the capability names.
pub(super) const MAIN_LABEL: &str = "main";

/// Command by which the page reports that it has content. The window handles the command, not the management
/// API.
pub(super) const DRAWN_COMMAND: &str = "window.drawn";
/// Maximum time that a new window stays invisible while its page is not drawn.
const SHOW_TIMEOUT: Duration = Duration::from_millis(500);
/// The background of the page in each theme: `--bg` of `ui/src/app.css`.
const LIGHT_BACKGROUND: Color = Color(0xf6, 0xf5, 0xf2, 0xff);
const DARK_BACKGROUND: Color = Color(0x17, 0x16, 0x14, 0xff);

/// Plug-in that saves size and position of the main window, but not its visibility, and nothing of the sign-in window.
pub(super) fn window_state_plugin() -> tauri::plugin::TauriPlugin<Wry> {
    tauri_plugin_window_state::Builder::new()
        .with_state_flags(StateFlags::SIZE | StateFlags::POSITION | StateFlags::MAXIMIZED)
        .with_filter(|label| label == MAIN_LABEL)
        .build()
}

/// Brings the window to the front. Builds it if there is none.
///
/// # Errors
/// `internal`: the system offers no window. `cancelled`: the program is about to end.
pub(super) async fn open(host: &WindowHost, request: OpenRequest) -> Result<(), ControlError> {
    let _one_at_a_time = host.build_permit().await?;
    let opened = match host.app().get_webview_window(MAIN_LABEL) {
        Some(window) => activation::prepare(&window, request.activation_token)
            .and_then(|()| show_page(&window, request.page)),
        None => build_hidden(host.app(), request).await,
    };
    opened.map_err(|error| ControlError::new(ErrorCode::Internal, error.to_string()))
}

/// Builds the window invisible. It is shown once its page is drawn, or after [`SHOW_TIMEOUT`].
async fn build_hidden(app: &AppHandle, request: OpenRequest) -> tauri::Result<()> {
    let window = build_on_main_thread(app, move |app| build(app, request.page, request.theme)).await?;
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(SHOW_TIMEOUT).await;
        show_drawn(&window);
    });
    Ok(())
}

/// Shows a window that is still invisible.
pub(super) fn show_drawn(window: &WebviewWindow) {
    // An error means that the window was closed meanwhile.
    if window.is_visible().is_ok_and(|visible| !visible) {
        let _ = window.show().and_then(|()| window.set_focus());
    }
}

/// The theme of the settings; `None` for the system's.
pub(super) fn chosen_theme(setting: config::Theme) -> Option<Theme> {
    match setting {
        config::Theme::Light => Some(Theme::Light),
        config::Theme::Dark => Some(Theme::Dark),
        config::Theme::Auto => None,
    }
}

fn background(theme: Theme) -> Color {
    if theme == Theme::Dark { DARK_BACKGROUND } else { LIGHT_BACKGROUND }
}

/// Builds a window on the main thread. There nothing can close it before Tauri has it in its list; a window closed
/// earlier would stay in the list, and no other could take its label.
///
/// # Errors
/// The system offers no window, or the program is about to end.
pub(super) async fn build_on_main_thread<T: Send + 'static>(
    app: &AppHandle,
    build: impl FnOnce(&AppHandle) -> tauri::Result<T> + Send + 'static,
) -> tauri::Result<T> {
    // Windows creates no web view while its thread handles an event: the main thread would deadlock (documentation of
    // tauri's `WebviewWindowBuilder::new`). The proxy's only worker thread must not wait for it either.
    if cfg!(windows) {
        let app = app.clone();
        return tauri::async_runtime::spawn_blocking(move || build(&app)).await?;
    }
    let (sender, built) = tokio::sync::oneshot::channel();
    let on_main = app.clone();
    // The receiver is gone if the request was cancelled or the program ends in the meantime.
    app.run_on_main_thread(move || drop(sender.send(build(&on_main))))?;
    built.await?
}

fn show_page(window: &WebviewWindow, page: WindowPage) -> tauri::Result<()> {
    // The page that the user left has priority over the overview.
    if page != WindowPage::Overview {
        // A constant text: no input becomes code.
        window.eval(format!("location.hash = '#{}'", page.route()))?;
    }
    window.unminimize()?;
    window.show()?;
    window.set_focus()
}

fn build(app: &AppHandle, start_page: WindowPage, theme: Option<Theme>) -> tauri::Result<WebviewWindow> {
    let page = format!("index.html#{}", start_page.route());
    let window = WebviewWindowBuilder::new(app, MAIN_LABEL, WebviewUrl::App(page.into()))
        .title("Mammouth Proxy")
        .inner_size(1100.0, 760.0)
        .min_inner_size(560.0, 420.0)
        .visible(false)
        .on_navigation(allow_navigation)
        .on_new_window(|url, _| {
            links::open(&url);
            NewWindowResponse::Deny
        })
        .on_download(deny_download)
        .build()?;
    // Only the window knows the system's theme.
    let theme = theme.map_or_else(|| window.theme(), Ok)?;
    window.set_background_color(Some(background(theme)))?;
    reload_crashed_page(&window)?;
    Ok(window)
}

/// Allows only the program's own pages. A link to a known site opens in the system's browser.
fn allow_navigation(url: &Url) -> bool {
    let ours = is_own_page(url);
    if !ours {
        links::open(url);
    }
    ours
}

/// Whether a URL is one of the program's own pages: they have a scheme of their own, or on Windows a host that no
/// network has.
fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        "about" => url.as_str() == "about:blank",
        _ => false,
    }
}

/// Denies downloads: exports are saved by the program through the system's dialog.
pub(super) fn deny_download(_: Webview, _: DownloadEvent<'_>) -> bool {
    false
}

/// Reloads a page whose process was killed, unless that happens repeatedly.
#[cfg(target_os = "linux")]
fn reload_crashed_page(window: &WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::WebViewExt;
    window.with_webview(|webview| {
        let crashes = std::cell::RefCell::new(PageCrashes::default());
        webview.inner().connect_web_process_terminated(move |view, _| {
            let reload = crashes.borrow_mut().may_reload(Instant::now());
            tracing::warn!("the process of the window's page ended; loading it again: {reload}");
            // Loaded by its address, because a page whose process died before it loaded has nothing to reload.
            if let Some(address) = view.uri().filter(|_| reload) {
                view.load_uri(&address);
            }
        });
    })
}

#[cfg(not(target_os = "linux"))]
fn reload_crashed_page(_: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// Times of the page process's recent crashes.
#[cfg(any(target_os = "linux", test))]
#[derive(Default)]
struct PageCrashes(Vec<Instant>);

#[cfg(any(target_os = "linux", test))]
impl PageCrashes {
    const MAX_CRASHES: usize = 3;
    const CRASH_WINDOW: Duration = Duration::from_secs(60);

    /// Records a crash. Returns `false` if there were too many.
    fn may_reload(&mut self, now: Instant) -> bool {
        self.0.retain(|death| now.duration_since(*death) < Self::CRASH_WINDOW);
        self.0.push(now);
        self.0.len() <= Self::MAX_CRASHES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_shown() {
        let ours = |text: &str| is_own_page(&Url::parse(text).unwrap());
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
    fn the_background_is_the_one_of_the_page() {
        let css = include_str!("../../ui/src/app.css");
        let hex = |Color(red, green, blue, _): Color| format!("#{red:02x}{green:02x}{blue:02x}");
        let (light, dark) = (hex(background(Theme::Light)), hex(background(Theme::Dark)));
        assert!(css.contains(&format!("--bg: light-dark({light}, {dark});")), "{light} {dark}");
        assert_eq!(
            [config::Theme::Light, config::Theme::Dark, config::Theme::Auto].map(chosen_theme),
            [Some(Theme::Light), Some(Theme::Dark), None]
        );
    }

    #[test]
    fn a_page_that_keeps_crashing_is_not_reloaded() {
        let mut deaths = PageCrashes::default();
        let start = Instant::now();
        assert!(deaths.may_reload(start) && deaths.may_reload(start) && deaths.may_reload(start));
        assert!(!deaths.may_reload(start));
        assert!(deaths.may_reload(start + PageCrashes::CRASH_WINDOW));
    }
}
