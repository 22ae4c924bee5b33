//! Sign-in window: Mammouth's own login page, so that no developer tools of a browser are needed.
//!
//! The window has a temporary profile, no access to IPC commands, and the real host in its title. When the site sets
//! its session cookie, the value goes to the management API, which checks and stores it. The window then closes and its
//! profile is discarded. Nothing is written to the disk before, so a program that ends during a sign-in leaves nothing
//! behind.

#[cfg(target_os = "linux")]
mod proxy;
mod site;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tauri::http::StatusCode;
use tauri::webview::{NewWindowResponse, PermissionResponse};
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindow, WebviewWindowBuilder};

use super::super::i18n::fill;
use super::host::{SignInRequest, WindowHost};
use super::main_window::{build_on_main_thread, deny_download};
use gateway::management::{ControlError, ErrorCode};
use site::LoginSite;
use storage::secrets::Secret;

/// Number of sign-in windows so far. Each window has a label of its own that no capability names, as the previous
/// window may still be closing.
static WINDOW_COUNT: AtomicU32 = AtomicU32::new(0);
/// Interval between reads of the cookies. No event reports that a cookie was set.
const COOKIE_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Time limit of a cookie read. The window may be gone.
const COOKIE_READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit of a sign-in.
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Opens the window and returns the session cookie once the site sets it. The title names the account that signs in
/// again.
///
/// `cancelled`: the window was closed first. `exists`: a sign-in window is open already.
pub(super) async fn sign_in(host: &WindowHost, request: SignInRequest) -> Result<Secret, ControlError> {
    let Ok(_only_one) = host.sign_in_lock().try_lock() else {
        return Err(sign_in_error(ErrorCode::Exists, "a sign-in window is open already"));
    };
    let site = LoginSite::new(&request.web_url, &request.cookie_name).ok_or_else(|| {
        sign_in_error(
            ErrorCode::Upstream,
            "MAMMOUTH_WEB_URL is not an address that one can sign in to safely",
        )
    })?;
    let window = SignInWindow::new(host, &site, request).await?;
    let waiting = tokio::time::timeout(SIGN_IN_TIMEOUT, wait_for_session(&window.0, &site));
    waiting
        .await
        .ok()
        .flatten()
        .ok_or_else(|| sign_in_error(ErrorCode::Cancelled, "the sign-in window was closed"))
}

fn sign_in_error(code: ErrorCode, message: &str) -> ControlError {
    ControlError::new(code, message)
}

/// The window. Dropping this value closes it, however the sign-in ends.
struct SignInWindow(WebviewWindow);

impl SignInWindow {
    async fn new(host: &WindowHost, site: &LoginSite, request: SignInRequest) -> Result<Self, ControlError> {
        let _one_at_a_time = host.build_permit().await?;
        let site = site.clone();
        // Owned from the start, so that a sign-in that is cancelled meanwhile closes it too.
        let building = build_on_main_thread(host.app(), move |app| build(app, &site, request).map(Self));
        building.await.map_err(|error| {
            sign_in_error(ErrorCode::Internal, &format!("the sign-in window cannot be opened: {error}"))
        })
    }
}

impl Drop for SignInWindow {
    fn drop(&mut self) {
        // The user may have closed it already.
        let _ = self.0.destroy();
    }
}

fn build(app: &AppHandle, site: &LoginSite, request: SignInRequest) -> tauri::Result<WebviewWindow> {
    let SignInRequest { title, label, proxy, proxy_with_credentials: credentials, .. } = request;
    let title = WindowTitle { template: title, label };
    let page = site.page();
    let first = first_page(&page, credentials.is_some());
    let rules = site.clone();
    let label = format!("sign-in-{}", WINDOW_COUNT.fetch_add(1, Ordering::Relaxed));
    let builder = WebviewWindowBuilder::new(app, label, WebviewUrl::External(first));
    let builder = match proxy {
        Some(address) => builder.proxy_url(address),
        None => builder,
    };
    let window = builder
        .title(title.for_url(&page))
        .inner_size(520.0, 760.0)
        .center()
        .incognito(true)
        .devtools(false)
        .on_navigation(move |url| rules.may_visit(url))
        // Tauri serves the program's own page to every window; this window gets an empty response instead.
        .on_web_resource_request(|_, response| {
            *response.status_mut() = StatusCode::NOT_FOUND;
            *response.body_mut() = Cow::Borrowed(&[]);
        })
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(deny_download)
        .on_permission_request(|_, _| PermissionResponse::Deny)
        .on_page_load(move |window, page| {
            // A window that is closing has no title any more.
            let _ = window.set_title(&title.for_url(page.url()));
        })
        .build()?;
    #[cfg(target_os = "linux")]
    if let Some(credentials) = credentials {
        proxy::set_proxy(&window, credentials.0)?;
        window.navigate(page)?;
    }
    Ok(window)
}

/// An empty page, where the web view has to be given the proxy's password before it asks for any other.
fn first_page(page: &Url, has_credentials: bool) -> Url {
    let empty = || Url::parse("about:blank").expect("a constant URL");
    if cfg!(target_os = "linux") && has_credentials { empty() } else { page.clone() }
}

/// Title that always shows the current host.
struct WindowTitle {
    /// Text with a placeholder for the host.
    template: String,
    label: Option<String>,
}

impl WindowTitle {
    fn for_url(&self, url: &Url) -> String {
        let title = fill(&self.template, &[&site::display_host(url)]);
        self.label.as_ref().map_or_else(|| title.clone(), |label| format!("{title} ({label})"))
    }
}

/// Result of one cookie read.
enum CookieRead {
    /// The window was closed.
    WindowClosed,
    NoSession,
    Session(Secret),
}

/// Polls the cookies until there is a session. Returns `None` once the window is gone.
async fn wait_for_session(window: &WebviewWindow, site: &LoginSite) -> Option<Secret> {
    let mut pause = tokio::time::interval(COOKIE_POLL_INTERVAL);
    pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pause.tick().await;
        match read_session(window, site).await {
            Some(CookieRead::Session(session)) => return Some(session),
            Some(CookieRead::WindowClosed) => return None,
            Some(CookieRead::NoSession) | None => {}
        }
    }
}

/// Reads the cookies once. The main thread reads them and may be busy, so a blocking thread waits for the result.
async fn read_session(window: &WebviewWindow, site: &LoginSite) -> Option<CookieRead> {
    let (window, site) = (window.clone(), site.clone());
    let reading = tokio::task::spawn_blocking(move || {
        if window.app_handle().get_webview_window(window.label()).is_none() {
            return Some(CookieRead::WindowClosed);
        }
        let own = window.cookies_for_url(site.address()).ok()?;
        let neighbours = match site.sibling_address() {
            Some(url) => window.cookies_for_url(url).ok()?,
            None => Vec::new(),
        };
        Some(site.session(&own, &neighbours).map_or(CookieRead::NoSession, CookieRead::Session))
    });
    tokio::time::timeout(COOKIE_READ_TIMEOUT, reading).await.ok()?.ok()?
}
