//! Commands `settings.…`: settings with their values and sources.

mod apply;
pub(super) mod outbound;
mod view;

pub use outbound::WindowProxy;
pub use view::{SettingFrom, SettingView};

use serde::Deserialize;

use self::view::{override_source, view};
use super::{Control, ControlError, ErrorCode, NoArgs, not_saved};
use storage::config::{self, AUTOSTART, Config, ConfigError, SETTINGS, Setting, SettingValue};

/// The setting whose password is in the keychain.
const PROXY: &str = "proxy";

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct SetArgs {
    name: String,
    /// New value; `null` restores the default.
    value: Option<SettingValue>,
}

/// The settings with a row in the window.
fn shown() -> impl Iterator<Item = &'static Setting> {
    SETTINGS.iter().filter(|setting| setting.rules.section.is_some())
}

/// Returns all settings. The headless program omits those of the desktop program.
pub(super) async fn get(control: &Control, _: NoArgs) -> Result<Vec<SettingView>, ControlError> {
    let saved = control.saved_config();
    let mut views: Vec<SettingView> = shown().map(|setting| view(control, &saved, setting)).collect();
    views.extend(autostart(control)?);
    Ok(views)
}

/// Changes one setting. A live one is applied at once.
pub(super) async fn set(control: &Control, args: SetArgs) -> Result<SettingView, ControlError> {
    if args.name == AUTOSTART.name() {
        return set_autostart(control, args.value);
    }
    let setting = shown().find(|setting| setting.rules.name() == args.name);
    let setting =
        setting.ok_or_else(|| ControlError::new(ErrorCode::NotFound, "there is no such setting"))?;
    if let Some(by) = override_source(control, &setting.rules) {
        let name = setting.rules.variable.unwrap_or(setting.rules.path);
        let message = format!("{name} is set {by}: change it there");
        return Err(ControlError::new(ErrorCode::FixedByEnvironment, message));
    }
    change(control, setting, args.value).await?;
    Ok(view(control, &control.saved_config(), setting))
}

/// Checks, saves and applies one change.
async fn change(
    control: &Control,
    setting: &Setting,
    value: Option<SettingValue>,
) -> Result<(), ControlError> {
    if setting.rules.path == PROXY {
        return outbound::change_proxy(control, setting, value).await;
    }
    apply::change(control, setting, value).await
}

/// Records that the first steps were shown.
pub(super) async fn welcomed(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    control.save(|settings| settings.set(&["welcomed"], true))
}

/// Records that the user accepts the notice about web sessions.
pub(super) async fn accept_terms(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    control.save(|settings| settings.set(&["terms_accepted"], true))
}

/// The configuration with one setting changed, if the value is valid.
fn changed(
    control: &Control,
    setting: &Setting,
    value: Option<SettingValue>,
) -> Result<Config, ControlError> {
    let mut candidate = control.settings().reread().map_err(not_saved)?;
    candidate
        .put(&setting.rules, value)
        .map_err(|error| ControlError::new(ErrorCode::BadArguments, error.to_string()))?;
    config::resolve_file_only(&candidate, Some(&control.config)).map_err(|error| bad_value(setting, error))
}

/// Returns the error for a rejected value. It names the setting only if that is another one than the caller
/// set.
fn bad_value(setting: &Setting, error: ConfigError) -> ControlError {
    let message = if error.setting == setting.rules.path { error.problem } else { error.to_string() };
    ControlError::new(ErrorCode::BadArguments, message)
}

fn autostart(control: &Control) -> Result<Option<SettingView>, ControlError> {
    let Some(desktop) = control.desktop() else { return Ok(None) };
    let on = desktop.autostart()?;
    let from = if on { SettingFrom::File } else { SettingFrom::Default };
    Ok(Some(SettingView::new(&AUTOSTART, SettingValue::Switch(on), from)))
}

fn set_autostart(control: &Control, value: Option<SettingValue>) -> Result<SettingView, ControlError> {
    let on = match value {
        Some(SettingValue::Switch(on)) => on,
        None => false,
        Some(SettingValue::Number(_) | SettingValue::Text(_) | SettingValue::List(_)) => {
            return Err(ControlError::new(ErrorCode::BadArguments, "autostart is on or off"));
        }
    };
    let only =
        || ControlError::new(ErrorCode::DesktopOnly, "only the program with the window starts at login");
    control.desktop().ok_or_else(only)?.set_autostart(on)?;
    autostart(control)?.ok_or_else(only)
}
