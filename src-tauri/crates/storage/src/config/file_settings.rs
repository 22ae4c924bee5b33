//! Resolution of the tables of the settings file.

use std::collections::BTreeMap;

use super::error::{ConfigError, SettingSource};
use super::precedence::from_file;
use super::sources::Sources;
use super::validated::{KeyLimitSettings, SiteOverrides};
use super::validators;
use protocol::is_model_name;

const SHAPES: [&str; 1] = ["llms-2025"];

pub(super) fn aliases(sources: &Sources) -> Result<Vec<(String, String)>, ConfigError> {
    let aliases = &sources.settings.values.tables.aliases;
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
    for (name, saved) in &sources.settings.values.tables.key_limits {
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

fn within(setting: &'static str, value: i64, least: u32, most: u32) -> Result<u32, ConfigError> {
    u32::try_from(value).ok().filter(|value| (least..=most).contains(value)).ok_or_else(|| {
        ConfigError::new(setting, SettingSource::Settings, format!("must be from {least} to {most}"))
    })
}

pub(super) fn web(sources: &Sources) -> Result<SiteOverrides, ConfigError> {
    let web = &sources.settings.values.tables.web;
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
        window_cents: web.window_cents.map(parse_cents).transpose()?,
        plan_factors: plan_factors(&web.plan_factors)?,
    })
}

fn parse_cents(cents: i64) -> Result<u32, ConfigError> {
    within("web.window_cents", cents, 1, 1_000_000)
}

fn plan_factors(saved: &BTreeMap<String, i64>) -> Result<BTreeMap<String, u32>, ConfigError> {
    let factor = |(plan, factor): (&String, &i64)| {
        let factor = within("web.plan_factors", *factor, 0, 10_000)?;
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
    use std::time::Duration;

    use super::super::resolve::resolve;
    use super::super::sources::tests::saved;
    use super::super::validated::{LayoutSetting, Strategy};
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
        assert_eq!((config.idle, config.body_bytes), (Duration::from_secs(5), 2048));
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
