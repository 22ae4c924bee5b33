//! Applying of a changed setting to the running program.

use super::super::log::run_blocking;
use super::super::port;
use super::super::{Control, ControlError, ErrorCode};
use super::view::override_source;
use super::{SettingValue, changed, outbound};
use crate::auth::Policy;
use crate::server::SwitchError;
use storage::config::{Applies, Config, SETTINGS, Setting};
use storage::request_log::{self, LogLimits};

/// Checks, saves and applies one change.
pub(super) async fn change(
    control: &Control,
    setting: &Setting,
    value: Option<SettingValue>,
) -> Result<(), ControlError> {
    let config = changed(control, setting, value.clone())?;
    let save = || control.save(|settings| settings.put(&setting.rules, value));
    let applies = setting.rules.applies;
    match applies {
        // The port is bound before it is saved, so that a port that is taken changes nothing.
        Applies::Port if control.server().is_ok() => port::switch_to(control, config.port).await.map(drop),
        Applies::KeylessPort => switch_keyless_port(control, config.keyless_port, save).await,
        Applies::Port
        | Applies::Strategy
        | Applies::KindPreference
        | Applies::Models
        | Applies::WebSessions
        | Applies::LogFilter
        | Applies::LogLimits
        | Applies::Bodies
        | Applies::StoredResponses
        | Applies::Outbound
        | Applies::AllowLists
        | Applies::WhenRead
        | Applies::NextStart => save_and_apply(control, applies, save).await,
    }
}

async fn switch_keyless_port(
    control: &Control,
    port: Option<u16>,
    save: impl FnOnce() -> Result<(), ControlError> + Send,
) -> Result<(), ControlError> {
    let Ok(backend) = control.backend() else { return save() };
    let save = || save().map_err(|error| error.message);
    let served = backend.set_keyless_port(port, Box::new(save)).await;
    // The message about the port changes only after the save, which has sent its notification already.
    control.notify_changed();
    served.map_err(refused)
}

fn refused(error: SwitchError) -> ControlError {
    match error {
        SwitchError::Save(message) => ControlError::new(ErrorCode::NotSaved, message),
        SwitchError::Bind(_) | SwitchError::Stopping => {
            ControlError::new(ErrorCode::PortTaken, error.to_string())
        }
    }
}

/// Saves a change and applies it, together with changes that were made to the file by hand.
async fn save_and_apply(
    control: &Control,
    changed: Applies,
    save: impl FnOnce() -> Result<(), ControlError>,
) -> Result<(), ControlError> {
    let before = control.saved_config();
    save()?;
    let now = control.saved_config();
    apply(control, changed, &now).await?;
    for by_hand in differing(control, &before, &now).into_iter().filter(|applies| *applies != changed) {
        apply(control, by_hand, &now).await?;
    }
    Ok(())
}

/// The ways to apply the settings that differ, each once. Settings that a variable or flag decides are left out.
fn differing(control: &Control, before: &Config, now: &Config) -> Vec<Applies> {
    let differ = SETTINGS.iter().filter(|setting| {
        override_source(control, &setting.rules).is_none() && (setting.value)(before) != (setting.value)(now)
    });
    let mut ways: Vec<Applies> = Vec::new();
    for way in differ.map(|setting| setting.rules.applies) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways
}

async fn apply(control: &Control, applies: Applies, config: &Config) -> Result<(), ControlError> {
    match applies {
        Applies::Strategy => control.accounts.set_strategy(config.strategy),
        Applies::KindPreference => control.accounts.set_kind_preference(config.prefer),
        Applies::Models => control.models.update_settings(|wishes| {
            wishes.fill_max_tokens = config.fill_max_tokens;
            wishes.match_dated_names = config.nearest_models;
        }),
        Applies::WebSessions => control.upstreams.apply_settings(config),
        Applies::LogFilter => control.set_log(&config.log_filter),
        Applies::LogLimits => control.journal.set_limits(limits(config)),
        Applies::Bodies => {
            let (journal, keep) = (control.journal.clone(), config.keep_bodies);
            run_blocking(move || journal.set_keep_bodies(keep)).await?;
        }
        Applies::StoredResponses => {
            if let Ok(backend) = control.backend() {
                backend.set_stored_response_bytes(config.stored_response_bytes);
            }
        }
        Applies::Outbound => outbound::apply(control, config).await?,
        Applies::AllowLists => set_policy(control, config)?,
        // A port is moved before it is saved; one that was changed by hand counts from the next start.
        Applies::Port | Applies::KeylessPort | Applies::NextStart | Applies::WhenRead => {}
    }
    Ok(())
}

fn limits(config: &Config) -> LogLimits {
    LogLimits {
        max_age: std::time::Duration::from_secs(u64::from(config.log_days) * 24 * 60 * 60),
        max_bytes: config.log_max_bytes,
        ..request_log::LogLimits::default()
    }
}

/// Sets the allow lists. A list that a variable decides keeps its value of the start.
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
