//! Making a changed setting count.

use super::super::log::run_blocking;
use super::super::port;
use super::super::{Control, ControlError, ErrorCode};
use super::table::Setting;
use super::{SettingValue, changed, outbound};
use crate::auth::Policy;
use crate::server::SwitchError;
use storage::config::{self, Config};
use storage::request_log::{self, LogLimits};
use upstreams::web::{LayoutMode, WebOptions};

/// Checks, saves and applies one change.
pub(super) async fn change(
    control: &Control,
    setting: &Setting,
    value: Option<SettingValue>,
) -> Result<(), ControlError> {
    let (_, config) = changed(control, setting, value.clone())?;
    if setting.name == "port" && control.server().is_ok() {
        // Bound first, then saved: a port that is taken changes nothing.
        return port::switch_to(control, config.port).await.map(drop);
    }
    if setting.name == "keyless_port"
        && let Ok(engine) = control.backend()
    {
        let save = || save(control, setting, value).map_err(|error| error.message);
        let served = engine.set_keyless_port(config.keyless_port, Box::new(save)).await;
        // Its notice changes only after the save, which has said already that something changed.
        control.notify_changed();
        return served.map_err(refused);
    }
    save(control, setting, value)?;
    apply(control, setting.name, &config).await
}

fn refused(error: SwitchError) -> ControlError {
    match error {
        SwitchError::Save(message) => ControlError::new(ErrorCode::NotSaved, message),
        SwitchError::Bind(_) | SwitchError::Stopping => {
            ControlError::new(ErrorCode::PortTaken, error.to_string())
        }
    }
}

fn save(control: &Control, setting: &Setting, value: Option<SettingValue>) -> Result<(), ControlError> {
    control.save(|settings| match value {
        None => settings.unset(setting.path),
        Some(SettingValue::Switch(on)) => settings.set(setting.path, on),
        Some(SettingValue::Number(number)) => settings.set(setting.path, number),
        Some(SettingValue::Text(text)) => settings.set(setting.path, text),
        Some(SettingValue::List(list)) => settings.set_list(setting.path, &list),
    })
}

/// What is not named here is looked up when it is needed, or counts from the next start on.
async fn apply(control: &Control, name: &str, config: &Config) -> Result<(), ControlError> {
    match name {
        "strategy" => control.accounts.set_strategy(config.strategy),
        "prefer" => control.accounts.set_kind_preference(config.prefer),
        "fill_max_tokens" => {
            control.models.update_settings(|wishes| wishes.fill_max_tokens = config.fill_max_tokens)
        }
        "nearest_models" => {
            control.models.update_settings(|wishes| wishes.match_dated_names = config.nearest_models)
        }
        "layout" | "image_links" => control.web.set_options(manner(config)),
        "log" => control.set_log(&config.log_filter),
        "log_days" | "log_max_bytes" => control.journal.set_limits(limits(config)),
        "keep_bodies" => {
            let (journal, keep) = (control.journal.clone(), config.preferences.keep_bodies);
            run_blocking(move || journal.set_keep_bodies(keep)).await?;
        }
        "proxy" | "no_proxy" | "extra_ca_file" => outbound::apply(control, config).await?,
        "allowed_hosts" | "allowed_origins" => set_policy(control, config)?,
        _ => {}
    }
    Ok(())
}

/// How web sessions are asked, in that room's own terms.
pub fn manner(config: &Config) -> WebOptions {
    let layout = match config.layout {
        config::LayoutSetting::Turns => LayoutMode::Turns,
        config::LayoutSetting::Transcript => LayoutMode::Transcript,
    };
    WebOptions { layout, image_links: config.image_links }
}

fn limits(config: &Config) -> LogLimits {
    LogLimits {
        max_age: std::time::Duration::from_secs(u64::from(config.limits.log_days) * 24 * 60 * 60),
        max_bytes: config.limits.log_max_bytes,
        ..request_log::LogLimits::default()
    }
}

/// The one of the two lists that a variable decides stays as it was at the start.
fn set_policy(control: &Control, config: &Config) -> Result<(), ControlError> {
    let fixed = |name| control.config.fixed.contains_key(name);
    let start = &control.config;
    let hosts = if fixed("ALLOWED_HOSTS") { &start.allowed_hosts } else { &config.allowed_hosts };
    let origins = if fixed("ALLOWED_ORIGINS") { &start.allowed_origins } else { &config.allowed_origins };
    let policy = Policy::new(&start.host_names(hosts), origins)
        .map_err(|error| ControlError::new(ErrorCode::BadArguments, error.to_string()))?;
    control.set_policy(policy);
    Ok(())
}
