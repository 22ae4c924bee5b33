//! The tray's icons: a picture for each state, in ink for light panels and in white for dark ones.

use tauri::image::Image;

use super::super::seen::Lamp;

/// What an icon depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) lamp: Lamp,
    pub(super) demo: bool,
    /// Whether the panel behind it is dark.
    pub(super) dark: bool,
}

/// The picture for dark panels and the one for light ones, decoded when the program is built.
macro_rules! of_state {
    ($dark:expr, $for_dark:tt, $for_light:tt) => {
        if $dark { tauri::include_image!($for_dark) } else { tauri::include_image!($for_light) }
    };
}

/// The picture. A demo keeps its own as long as nothing is wrong.
#[rustfmt::skip]
pub(super) fn picture(look: Look) -> Image<'static> {
    let dark = look.dark;
    match look.lamp {
        Lamp::Stopped | Lamp::Unknown => of_state!(dark, "icons/tray/stopped-dark.png", "icons/tray/stopped-light.png"),
        Lamp::Error | Lamp::NoAccount => of_state!(dark, "icons/tray/error-dark.png", "icons/tray/error-light.png"),
        Lamp::Limited => of_state!(dark, "icons/tray/limited-dark.png", "icons/tray/limited-light.png"),
        Lamp::Busy => of_state!(dark, "icons/tray/busy-dark.png", "icons/tray/busy-light.png"),
        Lamp::Serving if look.demo => of_state!(dark, "icons/tray/demo-dark.png", "icons/tray/demo-light.png"),
        Lamp::Serving => of_state!(dark, "icons/tray/serving-dark.png", "icons/tray/serving-light.png"),
    }
}

/// Whether the panel is likely to be dark. No desktop says so: GNOME's is dark always, elsewhere it goes with the theme.
/// Belongs on the main thread.
#[cfg(target_os = "linux")]
pub(super) fn dark_panel() -> bool {
    use gtk::prelude::GtkSettingsExt;
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    if desktop.split(':').any(|name| name.eq_ignore_ascii_case("GNOME")) {
        return true;
    }
    gtk::Settings::default().is_none_or(|settings| {
        let theme = settings.gtk_theme_name().unwrap_or_default().to_lowercase();
        settings.is_gtk_application_prefer_dark_theme() || theme.contains("dark")
    })
}

/// The taskbar of Windows is dark unless it was changed, and macOS tints the picture itself.
#[cfg(not(target_os = "linux"))]
pub(super) fn dark_panel() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMPS: [Lamp; 7] = [
        Lamp::Unknown,
        Lamp::Serving,
        Lamp::Busy,
        Lamp::Limited,
        Lamp::Stopped,
        Lamp::Error,
        Lamp::NoAccount,
    ];

    #[test]
    fn states_can_be_told_apart_on_both_panels() {
        let mut pictures: Vec<Vec<u8>> = Vec::new();
        for dark in [false, true] {
            for lamp in LAMPS {
                for demo in [false, true] {
                    let image = picture(Look { lamp, demo, dark });
                    assert_eq!((image.width(), image.height()), (48, 48));
                    pictures.push(image.rgba().to_vec());
                }
            }
        }
        pictures.sort();
        pictures.dedup();
        // Serving, demo, busy, limited, stopped, error, each for light and for dark.
        assert_eq!(pictures.len(), 12);
    }
}
