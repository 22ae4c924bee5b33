//! The tray: whether one can work, without a window.
//!
//! [`menu`] makes the menu as a value, `draw` brings it to the system, [`host`] knows whether this desktop shows it. One
//! task looks at the proxy when something happened, and at most once a second; it touches the system only where
//! something changed.

mod act;
mod draw;
mod environment;
mod host;
mod icon;
mod menu;
#[cfg(test)]
mod tests;
mod text;

pub(super) use host::shows_icons;
pub(super) use text::time_left;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tauri::tray::{MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};

use super::autostart;
use super::seen::Seen;
use super::shell::{Shell, words_for};
use draw::Drawn;
use icon::Look;
use menu::Item;

const ID: &str = "main";
const NAME: &str = "Mammouth Proxy";
/// The folder of the pictures that the panel reads, inside the data directory, which is the user's alone.
const PICTURES: &str = "tray";

/// The icon and its menu. A cheap handle.
#[derive(Clone)]
pub(super) struct Tray(Arc<Inner>);

struct Inner {
    shell: Shell,
    state: Mutex<State>,
}

struct State {
    icon: TrayIcon<Wry>,
    drawn: Drawn,
    generation: u32,
    look: Look,
    tooltip: String,
}

impl Tray {
    /// Puts the icon into the tray; `None` where this system cannot have one. Belongs on the main thread.
    pub(super) fn new(shell: &Shell) -> Option<Self> {
        if !host::library_is_there() {
            tracing::warn!("no tray icon: libayatana-appindicator3 is not installed");
            return None;
        }
        match Self::build(shell) {
            Ok(tray) => Some(tray),
            Err(error) => {
                tracing::warn!("no tray icon: {error}");
                None
            }
        }
    }

    fn build(shell: &Shell) -> tauri::Result<Self> {
        // Whoever reads the icon to the user says this instead of the program's file name.
        #[cfg(target_os = "linux")]
        gtk::glib::set_application_name(NAME);
        let seen = Seen::default();
        let drawn = Drawn::new(shell.app(), 0, items(shell.app(), &seen))?;
        let look = look(&seen);
        let pictures = shell.data_dir().join(PICTURES);
        // What a killed program left behind; that there is nothing is the usual case.
        let _ = std::fs::remove_dir_all(&pictures);
        let clicked = Arc::new(Mutex::new(None::<Self>));
        let listener = Arc::clone(&clicked);
        let icon = TrayIconBuilder::with_id(ID)
            .icon(icon::picture(look))
            .icon_as_template(look.tint == icon::Tint::Template)
            .menu(&drawn.menu)
            .show_menu_on_left_click(true)
            .temp_dir_path(pictures)
            .tooltip(NAME)
            .on_tray_icon_event(refresh_on_click(shell))
            .on_menu_event(move |_, event| {
                if let Some(tray) = lock(&listener).clone() {
                    tray.clicked(event.id().as_ref());
                }
            })
            .build(shell.app())?;
        let state = Mutex::new(State { icon, drawn, generation: 0, look, tooltip: NAME.to_owned() });
        let tray = Self(Arc::new(Inner { shell: shell.clone(), state }));
        *lock(&clicked) = Some(tray.clone());
        Ok(tray)
    }

    /// Shows this state. The menu is touched only where it differs from what is shown.
    pub(super) fn show(&self, seen: &Seen) {
        let (tray, seen) = (self.clone(), seen.clone());
        let drawn = self.0.shell.app().run_on_main_thread(move || {
            if let Err(error) = tray.draw(&seen) {
                tracing::warn!("the tray could not be changed: {error}");
            }
        });
        if let Err(error) = drawn {
            tracing::debug!("the tray is gone: {error}");
        }
    }

    fn draw(&self, seen: &Seen) -> tauri::Result<()> {
        let mut state = lock(&self.0.state);
        let items = items(self.0.shell.app(), seen);
        if !state.drawn.change(&items)? {
            state.generation += 1;
            state.drawn = Drawn::new(self.0.shell.app(), state.generation, items)?;
            state.icon.set_menu(Some(state.drawn.menu.clone()))?;
        }
        let look = look(seen);
        if look != state.look {
            let template = look.tint == icon::Tint::Template;
            state.icon.set_icon_with_as_template(Some(icon::picture(look)), template)?;
            state.look = look;
        }
        let tooltip = menu::tooltip(NAME, seen, words_for(seen));
        if tooltip != state.tooltip {
            // Linux has none: there the name of the application is the icon's title.
            state.icon.set_tooltip(Some(&tooltip))?;
            state.tooltip = tooltip;
        }
        Ok(())
    }

    fn clicked(&self, id: &str) {
        let state = lock(&self.0.state);
        let action = state.drawn.action(state.generation, id);
        drop(state);
        let Some(action) = action else { return };
        let tray = self.clone();
        self.0.shell.spawn(async move {
            act::act(&tray.0.shell, action).await;
            // At once, and even if nothing changed: the system has marked what was clicked.
            if let Some(seen) = tray.0.shell.look().await {
                tray.show(&seen);
            }
        });
    }

    /// Takes the icon away, so that nobody clicks on a program that is ending.
    pub(super) fn remove(&self) {
        let tray = self.clone();
        // On the main thread, which does the work in any case: waiting for it with the state locked would stop both for ever
        // where it is about to draw. A tray that cannot be hidden goes with the process.
        let _ = self.0.shell.app().run_on_main_thread(move || {
            let _ = lock(&tray.0.state).icon.set_visible(false);
        });
    }
}

/// A click opens the menu, whose quotas should not be of an hour ago. Linux tells of no click.
fn refresh_on_click(shell: &Shell) -> impl Fn(&TrayIcon<Wry>, TrayIconEvent) + Send + Sync + use<> {
    let shell = shell.clone();
    move |_, event| {
        if let TrayIconEvent::Click { button_state: MouseButtonState::Down, .. } = event {
            shell.refresh_accounts();
        }
    }
}

fn items(app: &AppHandle, seen: &Seen) -> Vec<Item> {
    menu::menu(seen, autostart::is_on(app), words_for(seen))
}

fn look(seen: &Seen) -> Look {
    Look { lamp: seen.state, demo: seen.demo, tint: icon::tint(seen.tray_icon) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
