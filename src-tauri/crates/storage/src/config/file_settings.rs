//! The settings that only the settings file has.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{ConfigError, SettingSource};
use super::precedence::from_file;
use super::sources::Sources;
use super::validated::{
    KeyLimitSettings, KindPreference, LayoutSetting, LimitSettings, SiteOverrides, Strategy,
};
use super::validators;
use protocol::is_model_name;

const SHAPES: [&str; 1] = ["llms-2025"];

pub(super) fn strategy(sources: &Sources) -> Result<Strategy, ConfigError> {
    from_file("strategy", sources.settings.values.strategy.as_deref()).map_or(
        Ok(Strategy::default()),
        |given| {
            given.check("must be balance, fill-first or reset-soonest", |text| match text {
                "balance" => Some(Strategy::Balance),
                "fill-first" => Some(Strategy::FillFirst),
                "reset-soonest" => Some(Strategy::ResetSoonest),
                _ => None,
            })
        },
    )
}

/// A demo asks its web accounts first, whose failover it is there to show.
pub(super) fn prefer(sources: &Sources, demo: bool) -> Result<KindPreference, ConfigError> {
    let default = if demo { KindPreference::Web } else { KindPreference::default() };
    from_file("prefer", sources.settings.values.prefer.as_deref()).map_or(Ok(default), |given| {
        given.check("must be api, web, only-api or only-web", |text| match text {
            "api" => Some(KindPreference::Api),
            "web" => Some(KindPreference::Web),
            "only-api" => Some(KindPreference::OnlyApi),
            "only-web" => Some(KindPreference::OnlyWeb),
            _ => None,
        })
    })
}

pub(super) fn layout(sources: &Sources) -> Result<LayoutSetting, ConfigError> {
    from_file("layout", sources.settings.values.layout.as_deref()).map_or(
        Ok(LayoutSetting::default()),
        |given| {
            given.check("must be turns or transcript", |text| match text {
                "turns" => Some(LayoutSetting::Turns),
                "transcript" => Some(LayoutSetting::Transcript),
                _ => None,
            })
        },
    )
}

pub(super) fn aliases(sources: &Sources) -> Result<Vec<(String, String)>, ConfigError> {
    let aliases = &sources.settings.values.aliases;
    if aliases.iter().any(|(name, model)| !is_model_name(name) || !is_model_name(model)) {
        let problem =
            "has a model name that is empty, longer than 200 characters or holds a control character";
        return Err(ConfigError::new("aliases", SettingSource::Settings, problem));
    }
    Ok(aliases.iter().map(|(name, model)| (name.clone(), model.clone())).collect())
}

pub(super) fn key_limits(sources: &Sources) -> Result<BTreeMap<String, KeyLimitSettings>, ConfigError> {
    let wrong = || {
        ConfigError::new("key_limits", SettingSource::Settings, "has a limit that is negative or no number")
    };
    let mut limits = BTreeMap::new();
    for (name, saved) in &sources.settings.values.key_limits {
        let daily_tokens = saved.daily_tokens.map(u64::try_from).transpose().map_err(|_| wrong())?;
        let daily_cost_usd = saved.daily_cost_usd;
        if daily_cost_usd.is_some_and(|usd| !usd.is_finite() || usd < 0.0) {
            return Err(wrong());
        }
        let models = saved.models.clone();
        limits.insert(name.clone(), KeyLimitSettings { models, daily_tokens, daily_cost_usd });
    }
    Ok(limits)
}

pub(super) fn limits(sources: &Sources) -> Result<LimitSettings, ConfigError> {
    let (saved, defaults) = (&sources.settings.values.limits, LimitSettings::default());
    let seconds = |setting, saved, most, default: Duration| {
        within(setting, saved, 1, most, default.as_secs()).map(Duration::from_secs)
    };
    Ok(LimitSettings {
        body_bytes: within("limits.body_bytes", saved.body_bytes, 1 << 10, 1 << 30, defaults.body_bytes)?,
        max_connections: within(
            "limits.max_connections",
            saved.max_connections,
            1,
            65_536,
            defaults.max_connections,
        )?,
        first_byte: seconds(
            "limits.first_byte_seconds",
            saved.first_byte_seconds,
            3600,
            defaults.first_byte,
        )?,
        idle: seconds("limits.idle_seconds", saved.idle_seconds, 3600, defaults.idle)?,
        connect: seconds("limits.connect_seconds", saved.connect_seconds, 300, defaults.connect)?,
        log_days: within("limits.log_days", saved.log_days, 1, 3650, defaults.log_days)?,
        log_max_bytes: within(
            "limits.log_max_bytes",
            saved.log_max_bytes,
            1_000_000,
            100_000_000_000,
            defaults.log_max_bytes,
        )?,
    })
}

fn within<T: TryFrom<i64>>(
    setting: &'static str,
    saved: Option<i64>,
    least: i64,
    most: i64,
    default: T,
) -> Result<T, ConfigError> {
    let Some(value) = saved else { return Ok(default) };
    let in_range = Some(value).filter(|value| (least..=most).contains(value));
    in_range.and_then(|value| T::try_from(value).ok()).ok_or_else(|| {
        ConfigError::new(setting, SettingSource::Settings, format!("must be from {least} to {most}"))
    })
}

pub(super) fn web(sources: &Sources) -> Result<SiteOverrides, ConfigError> {
    let web = &sources.settings.values.web;
    Ok(SiteOverrides {
        request_shape: shape(web.request_shape.as_deref())?,
        cookie_name: token("web.cookie_name", web.cookie_name.as_deref())?,
        chat_path: path("web.chat_path", web.chat_path.as_deref())?,
        upload_path: path("web.upload_path", web.upload_path.as_deref())?,
        user_path: path("web.user_path", web.user_path.as_deref())?,
        recent_usage_path: path("web.recent_usage_path", web.recent_usage_path.as_deref())?,
        current_usage_path: path("web.current_usage_path", web.current_usage_path.as_deref())?,
        model_field: token("web.model_field", web.model_field.as_deref())?,
        preprompt_field: token("web.preprompt_field", web.preprompt_field.as_deref())?,
        messages_field: token("web.messages_field", web.messages_field.as_deref())?,
        window_cents: web.window_cents.map(|cents| cents_of(Some(cents))).transpose()?,
        plan_factors: plan_factors(&web.plan_factors)?,
    })
}

fn cents_of(cents: Option<i64>) -> Result<u32, ConfigError> {
    within("web.window_cents", cents, 1, 1_000_000, 0)
}

fn plan_factors(saved: &BTreeMap<String, i64>) -> Result<BTreeMap<String, u32>, ConfigError> {
    let factor = |(plan, factor): (&String, &i64)| {
        let factor = within("web.plan_factors", Some(*factor), 0, 10_000, 0)?;
        Ok((plan.to_lowercase(), factor))
    };
    saved.iter().map(factor).collect()
}

fn shape(value: Option<&str>) -> Result<Option<String>, ConfigError> {
    checked("web.request_shape", value, "must be llms-2025, the only shape so far", |text| {
        SHAPES.contains(&text)
    })
}

fn path(setting: &'static str, value: Option<&str>) -> Result<Option<String>, ConfigError> {
    let problem = "must begin with one / and hold no space, control character, ?, # or \\";
    checked(setting, value, problem, validators::is_path)
}

fn token(setting: &'static str, value: Option<&str>) -> Result<Option<String>, ConfigError> {
    let problem = "must be letters, digits, _ or - without spaces";
    checked(setting, value, problem, validators::is_token)
}

fn checked(
    setting: &'static str,
    value: Option<&str>,
    problem: &str,
    is_good: impl Fn(&str) -> bool,
) -> Result<Option<String>, ConfigError> {
    from_file(setting, value)
        .map(|given| given.check(problem, |text| is_good(text).then(|| text.to_owned())))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::super::resolve::resolve;
    use super::super::sources::tests::saved;
    use super::*;

    #[test]
    fn the_settings_file_has_the_rest() {
        let config = resolve(&saved(
            "ui = false\nlog = \"mammouth_proxy=debug\"\nstrategy = \"reset-soonest\"\nlayout = \"transcript\"\n\
             image_links = false\nunlimited_models = [\"m\"]\nunknown = 1\n[aliases]\n\"gpt-4.1\" = \"x\"\n\
             [limits]\nidle_seconds = 5\nbody_bytes = 2048\n[web]\nrequest_shape = \"llms-2025\"\n\
             cookie_name = \"session\"\nchat_path = \"/api/chat\"\n",
        ))
        .unwrap();
        assert!(!config.ui && !config.image_links);
        assert_eq!((config.strategy, config.layout), (Strategy::ResetSoonest, LayoutSetting::Transcript));
        assert_eq!(config.aliases, [("gpt-4.1".to_owned(), "x".to_owned())]);
        assert_eq!(config.unlimited_models, Some(vec!["m".to_owned()]));
        assert_eq!((config.limits.idle, config.limits.body_bytes), (Duration::from_secs(5), 2048));
        assert_eq!(config.web.cookie_name.as_deref(), Some("session"));
        assert_eq!(config.web.chat_path.as_deref(), Some("/api/chat"));
    }

    #[test]
    fn a_setting_out_of_its_range_is_an_error_that_names_it() {
        for (text, setting) in [
            ("strategy = \"canary\"", "strategy"),
            ("layout = \"canary\"", "layout"),
            ("log = \"=canary=,,[\"", "LOG"),
            ("[limits]\nmax_connections = 0", "limits.max_connections"),
            ("[limits]\nconnect_seconds = 301", "limits.connect_seconds"),
            ("[limits]\nbody_bytes = -1", "limits.body_bytes"),
            ("[limits]\nlog_days = 9223372036854775807", "limits.log_days"),
            ("[web]\nrequest_shape = \"canary\"", "web.request_shape"),
            ("[web]\ncookie_name = \"can ary\"", "web.cookie_name"),
            ("[web]\nuser_path = \"https://canary.example\"", "web.user_path"),
            ("[web]\nmodel_field = \"\"", "web.model_field"),
            ("[web]\nwindow_cents = 0", "web.window_cents"),
            ("[web.plan_factors]\ncanary = -1", "web.plan_factors"),
            ("[aliases]\ncanary = \"\"", "aliases"),
        ] {
            let error = resolve(&saved(text)).unwrap_err();
            assert_eq!(
                (error.setting.as_str(), error.given_by),
                (setting, SettingSource::Settings),
                "{text}"
            );
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
