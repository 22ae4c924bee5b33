//! Tray icon and menu, which show the proxy's status without a window.
//!
//! [`menu`] builds the menu as a value, [`native_menu`] passes it to the system, [`tray_support`] checks
//! whether this desktop shows icons. One task reads the status after an event, at most once a second. The
//! system's menu is changed only where the status differs.

mod actions;
mod format;
mod icon;
mod menu;
mod native_menu;
mod shell_exports;
#[cfg(test)]
mod tests;
mod tray_support;

pub(super) use format::time_left;
pub(super) use tray_support::shows_icons;

use std::sync::Arc;

use parking_lot::Mutex;
use tauri::tray::{MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};

use super::autostart;
use super::context::{DesktopContext, strings_for};
use super::status::ProxyStatus;
use icon::IconStyle;
use menu::MenuEntry;
use native_menu::NativeMenu;

const TRAY_ID: &str = "main";
const APP_NAME: &str = "Mammouth Proxy";
/// The folder of the images that the panel reads. It is inside the data directory, which only the user can access.
const ICON_DIR: &str = "tray";

/// Handle on the icon and its menu. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tray(Arc<TrayInner>);

struct TrayInner {
    context: DesktopContext,
    state: Mutex<TrayState>,
}

struct TrayState {
    icon: TrayIcon<Wry>,
    native_menu: NativeMenu,
    generation: u32,
    style: IconStyle,
    tooltip: String,
}

impl Tray {
    /// Adds the icon to the tray. Returns `None` if this system cannot show one. Call it on the main thread.
    pub(super) fn new(context: &DesktopContext) -> Option<Self> {
        if !tray_support::is_library_available() {
            tracing::warn!("no tray icon: libayatana-appindicator3 is not installed");
            return None;
        }
        match Self::build(context) {
            Ok(tray) => Some(tray),
            Err(error) => {
                tracing::warn!("no tray icon: {error}");
                None
            }
        }
    }

    fn build(context: &DesktopContext) -> tauri::Result<Self> {
        // Screen readers read this title instead of the program's file name.
        #[cfg(target_os = "linux")]
        gtk::glib::set_application_name(APP_NAME);
        let status = ProxyStatus::default();
        let native_menu = NativeMenu::new(context.app(), 0, menu_entries(context.app(), &status))?;
        let style = icon_style(&status);
        let icon_dir = context.data_dir().join(ICON_DIR);
        // Removes what a killed program left behind. Usually the folder does not exist.
        let _ = std::fs::remove_dir_all(&icon_dir);
        let tray_slot = Arc::new(Mutex::new(None::<Self>));
        let listener = Arc::clone(&tray_slot);
        let icon = TrayIconBuilder::with_id(TRAY_ID)
            .icon(icon::image_for(style))
            .icon_as_template(style.tint == icon::Tint::Template)
            .menu(&native_menu.menu)
            .show_menu_on_left_click(true)
            .temp_dir_path(icon_dir)
            .tooltip(APP_NAME)
            .on_tray_icon_event(refresh_on_click(context))
            .on_menu_event(move |_, event| {
                if let Some(tray) = listener.lock().clone() {
                    tray.on_click(event.id().as_ref());
                }
            })
            .build(context.app())?;
        let state =
            Mutex::new(TrayState { icon, native_menu, generation: 0, style, tooltip: APP_NAME.to_owned() });
        let tray = Self(Arc::new(TrayInner { context: context.clone(), state }));
        *tray_slot.lock() = Some(tray.clone());
        Ok(tray)
    }

    /// Shows this status. The menu is changed only where it differs.
    pub(super) fn show(&self, status: &ProxyStatus) {
        let (tray, status) = (self.clone(), status.clone());
        let drawn = self.0.context.app().run_on_main_thread(move || {
            if let Err(error) = tray.update(&status) {
                tracing::warn!("the tray could not be changed: {error}");
            }
        });
        if let Err(error) = drawn {
            tracing::debug!("the tray is gone: {error}");
        }
    }

    fn update(&self, status: &ProxyStatus) -> tauri::Result<()> {
        let mut state = self.0.state.lock();
        let items = menu_entries(self.0.context.app(), status);
        if !state.native_menu.update(&items)? {
            state.generation += 1;
            state.native_menu = NativeMenu::new(self.0.context.app(), state.generation, items)?;
            state.icon.set_menu(Some(state.native_menu.menu.clone()))?;
        }
        let style = icon_style(status);
        if style != state.style {
            let template = style.tint == icon::Tint::Template;
            state.icon.set_icon_with_as_template(Some(icon::image_for(style)), template)?;
            state.style = style;
        }
        let tooltip = menu::tooltip(APP_NAME, status, strings_for(status));
        if tooltip != state.tooltip {
            // Linux has no tooltips; the title of the icon is the application's name there.
            state.icon.set_tooltip(Some(&tooltip))?;
            state.tooltip = tooltip;
        }
        Ok(())
    }

    fn on_click(&self, id: &str) {
        let state = self.0.state.lock();
        let action = state.native_menu.action(state.generation, id);
        drop(state);
        let Some(action) = action else { return };
        let tray = self.clone();
        self.0.context.spawn(async move {
            actions::perform(&tray.0.context, action).await;
            // Updated at once, even if nothing changed: the system has toggled the clicked checkbox itself.
            if let Some(status) = tray.0.context.status().await {
                tray.show(&status);
            }
        });
    }

    /// Removes the icon, so that it cannot be clicked while the program ends.
    pub(super) fn remove(&self) {
        let tray = self.clone();
        // Run on the main thread, which does the work in any case. Waiting for it with the state locked would deadlock
        // if it is about to draw. A tray that cannot be hidden disappears with the process.
        let _ = self.0.context.app().run_on_main_thread(move || {
            let _ = tray.0.state.lock().icon.set_visible(false);
        });
    }
}

/// Refreshes stale quotas on a click, which opens the menu. Linux reports no clicks.
fn refresh_on_click(
    context: &DesktopContext,
) -> impl Fn(&TrayIcon<Wry>, TrayIconEvent) + Send + Sync + use<> {
    let context = context.clone();
    move |_, event| {
        if let TrayIconEvent::Click { button_state: MouseButtonState::Down, .. } = event {
            context.refresh_accounts();
        }
    }
}

fn menu_entries(app: &AppHandle, status: &ProxyStatus) -> Vec<MenuEntry> {
    menu::build_menu(status, autostart::is_on(app), strings_for(status))
}

fn icon_style(status: &ProxyStatus) -> IconStyle {
    IconStyle { state: status.state, demo: status.demo, tint: icon::tint(status.tray_icon) }
}
