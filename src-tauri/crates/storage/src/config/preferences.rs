//! Preferences of window and tray.

use serde::{Deserialize, Serialize};

use super::choice::choice;

/// Language of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Language {
    /// The language of the system.
    #[default]
    Auto,
    En,
    Zh,
    Fr,
}

choice!(Language { Auto = "auto", En = "en", Zh = "zh", Fr = "fr" });

/// Theme of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Theme {
    /// The theme of the system.
    #[default]
    Auto,
    Light,
    Dark,
}

choice!(Theme { Auto = "auto", Light = "light", Dark = "dark" });

/// Icon in the tray.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum TrayIcon {
    /// The icon that fits the panel, as far as the panel is known.
    #[default]
    Auto,
    /// A white icon, for dark panels.
    Light,
    /// A dark icon, for light panels.
    Dark,
    Colour,
}

choice!(TrayIcon { Auto = "auto", Light = "light", Dark = "dark", Colour = "colour" });
