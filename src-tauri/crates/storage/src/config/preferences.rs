//! Preferences of window and tray.

use serde::{Deserialize, Serialize};

use super::choice::choice;

/// The language of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Language {
    /// The system's.
    #[default]
    Auto,
    En,
    Zh,
    Fr,
}

choice!(Language { Auto = "auto", En = "en", Zh = "zh", Fr = "fr" });

/// The colours of the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Theme {
    /// The system's.
    #[default]
    Auto,
    Light,
    Dark,
}

choice!(Theme { Auto = "auto", Light = "light", Dark = "dark" });

/// The picture in the tray.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum TrayIcon {
    /// By what is known of the panel.
    #[default]
    Auto,
    /// A white one, for dark panels.
    Light,
    /// A dark one, for light panels.
    Dark,
    Colour,
}

choice!(TrayIcon { Auto = "auto", Light = "light", Dark = "dark", Colour = "colour" });
