//! Icons of the tray: an image per state, each in white, dark and colour. All have an outline in the
//! contrasting colour, because the colour of the panel is not known reliably.

use tauri::image::Image;

use super::super::status::ProxyState;
use storage::config::TrayIcon;

/// The inputs that determine the icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IconStyle {
    pub(super) state: ProxyState,
    pub(super) demo: bool,
    pub(super) tint: Tint,
}

/// The tint of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    all(target_os = "macos", not(test)),
    expect(dead_code, reason = "macOS has a colour image and a template")
)]
pub(super) enum Tint {
    /// White, for dark panels.
    White,
    /// Dark, for light panels.
    Ink,
    Colour,
    /// Image without an outline, which macOS tints.
    Template,
}

/// The image of a state in each tint, decoded at compile time.
macro_rules! state_image {
    ($tint:expr, $white:tt, $ink:tt, $colour:tt, $template:tt) => {
        match $tint {
            Tint::White => tauri::include_image!($white),
            Tint::Ink => tauri::include_image!($ink),
            Tint::Colour => tauri::include_image!($colour),
            Tint::Template => tauri::include_image!($template),
        }
    };
}

/// The image for the inputs. A demo keeps its own image unless there is an error.
#[rustfmt::skip]
pub(super) fn image_for(look: IconStyle) -> Image<'static> {
    let tint = look.tint;
    match look.state {
        ProxyState::Unknown | ProxyState::NoAccount => state_image!(
            tint, "icons/tray/idle-dark.png", "icons/tray/idle-light.png", "icons/tray/idle-colour.png", "icons/tray/idle-template.png"
        ),
        ProxyState::Stopped => state_image!(
            tint, "icons/tray/stopped-dark.png", "icons/tray/stopped-light.png", "icons/tray/stopped-colour.png", "icons/tray/stopped-template.png"
        ),
        ProxyState::Error => state_image!(
            tint, "icons/tray/error-dark.png", "icons/tray/error-light.png", "icons/tray/error-colour.png", "icons/tray/error-template.png"
        ),
        ProxyState::Limited => state_image!(
            tint, "icons/tray/limited-dark.png", "icons/tray/limited-light.png", "icons/tray/limited-colour.png", "icons/tray/limited-template.png"
        ),
        ProxyState::Busy => state_image!(
            tint, "icons/tray/busy-dark.png", "icons/tray/busy-light.png", "icons/tray/busy-colour.png", "icons/tray/busy-template.png"
        ),
        ProxyState::Serving if look.demo => state_image!(
            tint, "icons/tray/demo-dark.png", "icons/tray/demo-light.png", "icons/tray/demo-colour.png", "icons/tray/demo-template.png"
        ),
        ProxyState::Serving => state_image!(
            tint, "icons/tray/serving-dark.png", "icons/tray/serving-light.png", "icons/tray/serving-colour.png", "icons/tray/serving-template.png"
        ),
    }
}

/// The tint that the user chose, or the one that fits the panel. Call it on the main thread.
#[cfg(not(target_os = "macos"))]
pub(super) fn tint(wanted: TrayIcon) -> Tint {
    match wanted {
        TrayIcon::Light => Tint::White,
        TrayIcon::Dark => Tint::Ink,
        TrayIcon::Colour => Tint::Colour,
        TrayIcon::Auto if dark_panel() => Tint::White,
        TrayIcon::Auto => Tint::Ink,
    }
}

/// The tint that the user chose. macOS tints a template image and shows only a colour image as it is.
#[cfg(target_os = "macos")]
pub(super) fn tint(wanted: TrayIcon) -> Tint {
    if wanted == TrayIcon::Colour { Tint::Colour } else { Tint::Template }
}

/// Desktops whose panel is dark by default, whatever the theme of the windows. The strings are values of
/// `XDG_CURRENT_DESKTOP`, such as `X-Cinnamon`.
#[cfg(target_os = "linux")]
const DARK_PANELS: [&str; 5] = ["GNOME", "XFCE", "X-Cinnamon", "Budgie", "Unity"];

/// Whether the panel is likely to be dark. No desktop reports it. Except on [`DARK_PANELS`] it follows the theme.
#[cfg(target_os = "linux")]
fn dark_panel() -> bool {
    use gtk::prelude::GtkSettingsExt;
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    has_dark_panel(&desktop)
        || gtk::Settings::default().is_none_or(|settings| {
            let theme = settings.gtk_theme_name().unwrap_or_default().to_lowercase();
            settings.is_gtk_application_prefer_dark_theme() || theme.contains("dark")
        })
}

#[cfg(target_os = "linux")]
fn has_dark_panel(desktop: &str) -> bool {
    let named = |name: &str| DARK_PANELS.iter().any(|dark| dark.eq_ignore_ascii_case(name));
    desktop.split(':').any(named)
}

/// The taskbar theme of the Windows settings. Dark if the settings have no value.
#[cfg(windows)]
fn dark_panel() -> bool {
    const COLOURS: &str = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
    let key = windows_registry::CURRENT_USER.open(COLOURS);
    key.and_then(|key| key.get_u32("SystemUsesLightTheme")).map_or(true, |light| light == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAMPS: [ProxyState; 7] = [
        ProxyState::Unknown,
        ProxyState::Serving,
        ProxyState::Busy,
        ProxyState::Limited,
        ProxyState::Stopped,
        ProxyState::Error,
        ProxyState::NoAccount,
    ];

    #[test]
    fn states_can_be_told_apart_on_all_panels() {
        let mut pictures: Vec<Vec<u8>> = Vec::new();
        for tint in [Tint::White, Tint::Ink, Tint::Colour] {
            for lamp in LAMPS {
                for demo in [false, true] {
                    let image = image_for(IconStyle { state: lamp, demo, tint });
                    assert_eq!((image.width(), image.height()), (48, 48));
                    pictures.push(image.rgba().to_vec());
                }
            }
        }
        pictures.sort();
        pictures.dedup();
        // Serving, demo, idle, busy, limited, stopped, error, each in three tints.
        assert_eq!(pictures.len(), 21);
    }

    /// Whether an image has an opaque pixel of this kind.
    fn has_pixel(image: &Image<'_>, fits: impl Fn(&[u8]) -> bool) -> bool {
        image.rgba().chunks(4).any(|pixel| pixel[3] > 200 && fits(pixel))
    }

    #[test]
    fn each_icon_is_visible_on_light_and_dark_panels() {
        for tint in [Tint::White, Tint::Ink] {
            let image = image_for(IconStyle { state: ProxyState::Serving, demo: false, tint });
            assert!(
                has_pixel(&image, |pixel| pixel[..3].iter().all(|part| *part > 220)),
                "{tint:?} lacks white"
            );
            assert!(
                has_pixel(&image, |pixel| pixel[..3].iter().all(|part| *part < 70)),
                "{tint:?} lacks ink"
            );
        }
    }

    #[test]
    fn no_account_yet_is_not_shown_in_red() {
        let red = |lamp| {
            let image = image_for(IconStyle { state: lamp, demo: false, tint: Tint::White });
            has_pixel(&image, |pixel| pixel[0] > 150 && pixel[1] < 90 && pixel[2] < 90)
        };
        assert!(red(ProxyState::Error) && !red(ProxyState::NoAccount));
    }

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn the_users_choice_goes_before_the_guess() {
        let wanted = [TrayIcon::Light, TrayIcon::Dark, TrayIcon::Colour].map(tint);
        assert_eq!(wanted, [Tint::White, Tint::Ink, Tint::Colour]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn desktops_with_dark_panels_are_known_by_their_names() {
        for desktop in ["XFCE", "ubuntu:GNOME", "X-Cinnamon", "Budgie:GNOME", "Unity", "xfce"] {
            assert!(has_dark_panel(desktop), "{desktop}");
        }
        assert!(!has_dark_panel("KDE") && !has_dark_panel("MATE") && !has_dark_panel(""));
    }
}
