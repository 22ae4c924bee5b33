//! `settings.…`: what the user can change, with what it is now and where that comes from.

mod apply;
pub(super) mod outbound;
mod table;
mod view;

pub use apply::manner;
pub use outbound::outbound;
pub use view::{SettingFrom, SettingKind, SettingValue, SettingView};

use serde::Deserialize;

use self::table::{AUTOSTART, PROXY, SETTINGS, Setting};
use super::{Control, ControlError, ErrorCode, NoArgs, not_saved};
use storage::config::{self, Config, SettingSource, SettingsError, SettingsFile};

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct SetArgs {
    name: String,
    /// `null`: back to the default.
    value: Option<SettingValue>,
}

/// All settings. What only the desktop has is left out elsewhere.
pub(super) async fn get(control: &Control, _: NoArgs) -> Result<Vec<SettingView>, ControlError> {
    let saved = control.saved_config();
    let mut views: Vec<SettingView> = SETTINGS.iter().map(|setting| view(control, &saved, setting)).collect();
    views.extend(autostart(control)?);
    Ok(views)
}

/// Changes one setting; a live one counts at once.
pub(super) async fn set(control: &Control, args: SetArgs) -> Result<SettingView, ControlError> {
    if args.name == AUTOSTART {
        return set_autostart(control, args.value);
    }
    let setting = SETTINGS.iter().find(|setting| setting.name == args.name);
    let setting =
        setting.ok_or_else(|| ControlError::new(ErrorCode::NotFound, "there is no such setting"))?;
    if let Some(by) = setting.fixed(control) {
        let message = format!("{} is set {by}: change it there", setting.variable.unwrap_or(setting.name));
        return Err(ControlError::new(ErrorCode::FixedByEnvironment, message));
    }
    if setting.name == PROXY {
        outbound::change_proxy(control, setting, args.value).await?;
    } else {
        apply::change(control, setting, args.value).await?;
    }
    Ok(view(control, &control.saved_config(), setting))
}

/// The first steps were shown.
pub(super) async fn welcomed(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    control.save(|settings| settings.set(&["welcomed"], true))
}

/// The user accepts the notice about web sessions.
pub(super) async fn accept_terms(control: &Control, _: NoArgs) -> Result<(), ControlError> {
    control.save(|settings| settings.set(&["terms_accepted"], true))
}

/// The settings with one of them changed, if that is a good one.
fn changed(
    control: &Control,
    setting: &Setting,
    value: Option<SettingValue>,
) -> Result<(SettingsFile, Config), ControlError> {
    let mut candidate = control.settings().reread().map_err(not_saved)?;
    let put = match value {
        None => candidate.unset(setting.path),
        Some(SettingValue::Switch(on)) => candidate.set(setting.path, on),
        Some(SettingValue::Number(number)) => candidate.set(setting.path, number),
        Some(SettingValue::Text(text)) => candidate.set(setting.path, text),
        Some(SettingValue::List(list)) => candidate.set_list(setting.path, &list),
    };
    put.map_err(|error: SettingsError| ControlError::new(ErrorCode::BadArguments, error.to_string()))?;
    let config = config::resolve_file_only(&candidate, Some(&control.config))
        .map_err(|error| ControlError::new(ErrorCode::BadArguments, error.to_string()))?;
    Ok((candidate, config))
}

fn view(control: &Control, saved: &Config, setting: &Setting) -> SettingView {
    let fixed = setting.fixed(control);
    let from = match fixed {
        Some(SettingSource::Flag) => SettingFrom::Flag,
        Some(_) => SettingFrom::Environment,
        None if control.settings().contains(setting.path) => SettingFrom::File,
        None => SettingFrom::Default,
    };
    let config = if fixed.is_some() { &*control.config } else { saved };
    SettingView {
        name: setting.name.to_owned(),
        kind: setting.kind,
        value: (setting.value)(config),
        default: setting.default(),
        choices: setting.choices.iter().map(|choice| (*choice).to_owned()).collect(),
        from,
        live: setting.live,
    }
}

fn autostart(control: &Control) -> Result<Option<SettingView>, ControlError> {
    let Some(desktop) = control.desktop() else { return Ok(None) };
    let on = desktop.autostart()?;
    Ok(Some(SettingView {
        name: AUTOSTART.to_owned(),
        kind: SettingKind::Switch,
        value: SettingValue::Switch(on),
        default: SettingValue::Switch(false),
        choices: Vec::new(),
        from: if on { SettingFrom::File } else { SettingFrom::Default },
        live: true,
    }))
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
