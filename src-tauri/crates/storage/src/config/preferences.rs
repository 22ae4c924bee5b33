//! What the user likes, as far as no other room's work depends on it.

use serde::{Deserialize, Serialize};

use super::error::{ConfigError, SettingSource};
use super::raw_settings::RawSettings;

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

/// Settings of the window, and what is asked of the user once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// `language`: `auto`.
    pub language: Language,
    /// `theme`: `auto`.
    pub theme: Theme,
    /// `tray_icon`: `auto`.
    pub tray_icon: TrayIcon,
    /// `set_keep_bodies`: off. Whether prompts and replies are kept in the request log. Turned on to look for a fault;
    /// whoever can read the data directory can then read them.
    pub keep_bodies: bool,
    /// `notify_…`: on. Which events become system notifications.
    pub notify: Notify,
    /// `welcomed`: the first steps were shown.
    pub welcomed: bool,
    /// `terms_accepted`: the notice about web sessions was accepted.
    pub terms_accepted: bool,
}

/// `notify_limited`, `notify_back`, `notify_login`, `notify_all_limited`, `notify_port`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Notify {
    pub limited: bool,
    pub back: bool,
    pub login: bool,
    pub all_limited: bool,
    pub port: bool,
}

pub(super) fn preferences(values: &RawSettings) -> Result<Preferences, ConfigError> {
    let on = |value: Option<bool>| value.unwrap_or(true);
    Ok(Preferences {
        language: language(values.language.as_deref())?,
        theme: theme(values.theme.as_deref())?,
        tray_icon: tray_icon(values.tray_icon.as_deref())?,
        keep_bodies: values.keep_bodies.unwrap_or(false),
        notify: Notify {
            limited: on(values.notify_limited),
            back: on(values.notify_back),
            login: on(values.notify_login),
            all_limited: on(values.notify_all_limited),
            port: on(values.notify_port),
        },
        welcomed: values.welcomed.unwrap_or(false),
        terms_accepted: values.terms_accepted.unwrap_or(false),
    })
}

fn language(saved: Option<&str>) -> Result<Language, ConfigError> {
    match saved {
        None | Some("auto") => Ok(Language::Auto),
        Some("en") => Ok(Language::En),
        Some("zh") => Ok(Language::Zh),
        Some("fr") => Ok(Language::Fr),
        Some(_) => Err(ConfigError::new("language", SettingSource::Settings, "must be auto, en, zh or fr")),
    }
}

fn theme(saved: Option<&str>) -> Result<Theme, ConfigError> {
    match saved {
        None | Some("auto") => Ok(Theme::Auto),
        Some("light") => Ok(Theme::Light),
        Some("dark") => Ok(Theme::Dark),
        Some(_) => Err(ConfigError::new("theme", SettingSource::Settings, "must be auto, light or dark")),
    }
}

fn tray_icon(saved: Option<&str>) -> Result<TrayIcon, ConfigError> {
    match saved {
        None | Some("auto") => Ok(TrayIcon::Auto),
        Some("light") => Ok(TrayIcon::Light),
        Some("dark") => Ok(TrayIcon::Dark),
        Some("colour") => Ok(TrayIcon::Colour),
        Some(_) => {
            Err(ConfigError::new("tray_icon", SettingSource::Settings, "must be auto, light, dark or colour"))
        }
    }
}
