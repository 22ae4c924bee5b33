//! Resolution of all sources into the checked configuration.

use std::net::IpAddr;

use url::Url;

use super::credentials::{api_keys, auth_token, cookies};
use super::data_dir::data_dir;
use super::declaration::{Rules, resolve_choice, resolve_port};
use super::error::{ConfigError, SettingSource};
use super::file_only::fixed_settings;
use super::file_settings::{aliases, key_limits, web};
use super::secret_store::secret_store;
use super::setting_value::SettingValue;
use super::settings::{Settings, rules};
use super::sources::{Flags, Sources};
use super::unnamed_env_file::UnnamedEnvFile;
use super::validated::{Config, KindPreference};
use super::validators;

pub(super) const WEB_URL: &str = "https://mammouth.ai";
pub(super) const API_URL: &str = "https://api.mammouth.ai";
/// Default host of web sessions.
pub const WEB_HOST: &str = "mammouth.ai";
/// Default host of API keys.
pub const API_HOST: &str = "api.mammouth.ai";

/// Resolves the configuration by the precedence and every rule. Reads the files that `COOKIES_FILE`,
/// `API_KEYS_FILE` and `AUTH_TOKEN_FILE` name; changes nothing.
///
/// # Errors
/// The first setting that cannot be used.
pub fn resolve(sources: &Sources) -> Result<Config, ConfigError> {
    let demo = sources.flags.demo;
    let web = web(sources)?;
    let auth_token = auth_token(sources)?;
    let settings = Settings::resolve(sources)?;
    check_reach(sources, &settings, auth_token.is_some())?;
    let tables = &sources.settings.values.tables;
    Ok(Config {
        demo,
        ui: settings.ui && !sources.flags.no_ui,
        data_dir: data_dir(sources)?,
        cookies: if demo { Vec::new() } else { cookies(sources, web.cookie_name.as_deref())? },
        api_keys: if demo { Vec::new() } else { api_keys(sources)? },
        auth_token,
        unnamed_env_file: sources.used_unnamed_env_file(),
        secret_store: secret_store(sources)?,
        proxy_given_by: rules("proxy").map_or(SettingSource::Default, |rules| rules.effective(sources).by),
        aliases: aliases(sources)?,
        account_order: tables.account_order.clone().unwrap_or_default(),
        only_account: tables.only_account.clone().filter(|id| !id.is_empty()),
        key_limits: key_limits(sources)?,
        fixed: fixed_settings(sources),
        web,
        notice: sources.settings.notice().map(str::to_owned),
        settings,
    })
}

pub(super) fn host(rules: &Rules, sources: &Sources) -> Result<IpAddr, ConfigError> {
    rules
        .effective_text(sources)
        .check("must be an IP address or localhost", |text| validators::parse_listen_host(&text))
}

/// Rejects access from other machines without a key that the user chose.
fn check_reach(sources: &Sources, settings: &Settings, has_token: bool) -> Result<(), ConfigError> {
    let is_local = validators::is_loopback(settings.host);
    if !is_local && !has_token {
        let by = rules("host").map_or(SettingSource::Default, |rules| rules.effective(sources).by);
        let problem =
            "lets other machines in, which needs an AUTH_TOKEN of your own; set one, or listen on 127.0.0.1";
        return Err(ConfigError::new("HOST", by, problem));
    }
    let is_wide = !(is_local && settings.allowed_hosts.is_empty() && settings.allowed_origins.is_empty());
    match sources.used_unnamed_env_file() {
        Some(file) if is_wide => reject_unnamed_env_key(&file),
        Some(_) | None => Ok(()),
    }
}

/// Rejects the key of a `.env` that was not named explicitly, unless only this machine can use it: its author knows the
/// key, and other machines and web pages must not get access with it.
fn reject_unnamed_env_key(file: &UnnamedEnvFile) -> Result<(), ConfigError> {
    if !file.settings.contains(&"AUTH_TOKEN") {
        return Ok(());
    }
    let problem = format!(
        "is not enough to let other machines, host names or web pages in, because nobody named {}: name it with --env-file \
         if it is yours, or set AUTH_TOKEN in the environment",
        file.path
    );
    Err(ConfigError::new("AUTH_TOKEN", SettingSource::EnvFile, problem))
}

/// Resolves the keyless port; 0 means none.
pub(super) fn keyless_port(rules: &Rules, sources: &Sources) -> Result<Option<u16>, ConfigError> {
    let port = resolve_port(rules, sources)?;
    Ok(Some(port).filter(|port| *port != 0))
}

pub(super) fn log_filter(rules: &Rules, sources: &Sources) -> Result<String, ConfigError> {
    rules.effective_text(sources).check(
        "is no log filter; write a level such as info, or pairs such as mammouth_proxy=debug",
        |text| tracing_subscriber::EnvFilter::try_new(&text).is_ok().then_some(text),
    )
}

pub(super) fn allow_host_flag(flags: &Flags) -> Option<SettingValue> {
    (!flags.allow_host.is_empty()).then(|| SettingValue::List(flags.allow_host.clone()))
}

pub(super) fn allowed_hosts(rules: &Rules, sources: &Sources) -> Result<Vec<String>, ConfigError> {
    let given = rules.effective_list(sources);
    given.check_each("a host name without scheme, port or *", validators::parse_host_name)
}

pub(super) fn allowed_origins(rules: &Rules, sources: &Sources) -> Result<Vec<String>, ConfigError> {
    let given = rules.effective_list(sources);
    given.check_each("an origin such as https://app.example, never null or *", validators::parse_origin)
}

/// Resolves the preferred kind of account. A demo prefers web accounts, whose failover it demonstrates.
pub(super) fn prefer(rules: &Rules, sources: &Sources) -> Result<KindPreference, ConfigError> {
    match rules.effective(sources).by {
        SettingSource::Default if sources.flags.demo => Ok(KindPreference::Web),
        SettingSource::Default
        | SettingSource::Flag
        | SettingSource::Environment
        | SettingSource::EnvFile
        | SettingSource::Settings => resolve_choice(rules, sources),
    }
}

/// Resolves the unlimited models. An empty list counts as a list; without a list, the built-in one counts.
pub(super) fn unlimited_models(rules: &Rules, sources: &Sources) -> Result<Option<Vec<String>>, ConfigError> {
    Ok(sources.settings.value(rules.path).and_then(SettingValue::into_list))
}

pub(super) fn upstream_url(rules: &Rules, sources: &Sources) -> Result<Url, ConfigError> {
    rules.effective_text(sources).check(
        "must be an https URL (http only to this machine) without user name, query or fragment",
        |text| validators::parse_upstream_url(&text),
    )
}

pub(super) fn show_url(url: &Url) -> SettingValue {
    SettingValue::text(url.as_str().trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::super::env_file::EnvFile;
    use super::super::sources::tests::{flags, saved, sources};
    use super::super::validated::{LayoutSetting, Strategy};
    use super::*;

    const TOKEN: &str = "sk-9f2c41d07ab84e6f";

    /// Resolves with these variables in the environment.
    fn with(env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        resolve(&sources(Path::new("/root-of-tests"), env))
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let config = with(&[]).unwrap();
        assert_eq!(config.listen().to_string(), "127.0.0.1:3000");
        assert_eq!(config.web_url.as_str(), "https://mammouth.ai/");
        assert_eq!(validators::authority(&config.web_url), WEB_HOST);
        assert_eq!(validators::authority(&config.api_url), API_HOST);
        assert_eq!(config.api_url.as_str(), "https://api.mammouth.ai/");
        assert_eq!((config.demo, config.ui, config.image_links), (false, true, true));
        assert_eq!(config.log_filter, "info");
        assert!(config.cookies.is_empty() && config.api_keys.is_empty() && config.auth_token.is_none());
        assert!(config.allowed_hosts.is_empty() && config.allowed_origins.is_empty());
        assert_eq!((config.strategy, config.layout), (Strategy::Balance, LayoutSetting::Turns));
        assert_eq!(config.body_bytes, 32 << 20);
        assert_eq!(config.notice, None);
    }

    #[test]
    fn the_highest_place_that_has_a_value_counts() {
        let dir = tempfile::tempdir().unwrap();
        let mut sources = sources(dir.path(), &[]);
        sources.settings.set_port(4).unwrap();
        assert_eq!(resolve(&sources).unwrap().port, 4);
        sources.env_file = Some(EnvFile::parse("PORT=3"));
        assert_eq!(resolve(&sources).unwrap().port, 3);
        sources.env.insert("PORT".into(), "2".into());
        assert_eq!(resolve(&sources).unwrap().port, 2);
        sources.flags = flags(|flags| flags.port = Some("1".into()));
        assert_eq!(resolve(&sources).unwrap().port, 1);
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let mut sources = sources(Path::new("/root-of-tests"), &[("PORT", " "), ("COOKIES", "")]);
        sources.env_file = Some(EnvFile::parse("PORT=4000\nCOOKIES=a"));
        let config = resolve(&sources).unwrap();
        assert_eq!((config.port, config.cookies.len()), (4000, 1));
    }

    #[test]
    fn d05_a_bad_port_is_an_error_that_does_not_repeat_it() {
        assert_eq!(with(&[("PORT", "0")]).unwrap().port, 0);
        for bad in ["-1", "70000", "abc"] {
            let error = with(&[("PORT", bad)]).unwrap_err();
            assert_eq!(
                error.to_string(),
                "PORT (from the environment) must be a whole number from 0 to 65535."
            );
        }
        assert_eq!(resolve(&saved("port = 70000")).unwrap_err().given_by, SettingSource::Settings);
    }

    #[test]
    fn d01_listening_wide_needs_a_token_of_ones_own() {
        for wide in ["0.0.0.0", "::", "192.168.1.2"] {
            let error = with(&[("HOST", wide)]).unwrap_err();
            assert!(error.setting == "HOST" && error.to_string().contains("AUTH_TOKEN"), "{error}");
            assert!(with(&[("HOST", wide), ("AUTH_TOKEN", TOKEN)]).is_ok());
        }
        for narrow in ["localhost", "127.0.0.2", "::1", "[::1]"] {
            assert!(with(&[("HOST", narrow)]).is_ok());
        }
        assert!(with(&[("HOST", "canary-box")]).unwrap_err().to_string().contains("must be an IP address"));
    }

    #[test]
    fn d01_host_names_and_origins_are_checked_one_by_one() {
        let config =
            with(&[("ALLOWED_HOSTS", "MyBox, fe80::1,,mybox"), ("ALLOWED_ORIGINS", "https://a.example")]);
        let config = config.unwrap();
        assert_eq!(config.allowed_hosts, ["mybox", "[fe80::1]"]);
        assert_eq!(config.allowed_origins, ["https://a.example"]);
        for (name, bad) in [("ALLOWED_HOSTS", "good,*"), ("ALLOWED_ORIGINS", "https://good,null")] {
            let error = with(&[(name, bad)]).unwrap_err().to_string();
            assert!(error.starts_with(name) && error.contains("(number 2)"), "{error}");
        }
        let mut sources = sources(Path::new("/root-of-tests"), &[("ALLOWED_HOSTS", "below")]);
        sources.flags = flags(|flags| flags.allow_host = vec!["above".into()]);
        assert_eq!(resolve(&sources).unwrap().allowed_hosts, ["above"]);
    }

    #[test]
    fn s10_an_upstream_that_could_leak_is_refused_by_the_name_of_its_setting() {
        let error = with(&[("MAMMOUTH_WEB_URL", "https://canary:pass@mammouth.ai")]).unwrap_err();
        assert_eq!(error.setting, "MAMMOUTH_WEB_URL");
        assert!(!error.to_string().contains("canary"));
        let error = resolve(&saved("mammouth_api_url = \"http://api.mammouth.ai\"")).unwrap_err();
        assert_eq!((error.setting.as_str(), error.given_by), ("MAMMOUTH_API_URL", SettingSource::Settings));
        assert!(with(&[("MAMMOUTH_WEB_URL", "http://127.0.0.1:9")]).is_ok());
    }

    #[test]
    fn a_demo_reads_no_real_account_and_has_a_directory_of_its_own() {
        let root = Path::new("/root-of-tests");
        let mut sources = sources(root, &[("COOKIES", "a"), ("API_KEYS", "b")]);
        sources.flags = flags(|flags| {
            flags.demo = true;
            flags.no_ui = true;
        });
        let config = resolve(&sources).unwrap();
        assert!(config.demo && !config.ui && config.cookies.is_empty() && config.api_keys.is_empty());
        assert_eq!(config.data_dir, root.join("platform/demo"));
    }

    proptest! {
        #[test]
        fn no_error_and_no_config_prints_a_secret(
            setting in 0_usize..10,
            before in "(\\PC|[\n\t;= ,\"]){0,12}",
            after in "(\\PC|[\n\t;= ,\"]){0,12}",
            in_env_file: bool,
        ) {
            const CANARY: &str = "KxCanaryQ7zV";
            const NAMES: [&str; 10] = [
                "COOKIES", "API_KEYS", "AUTH_TOKEN", "PORT", "COOKIES_FILE", "AUTH_TOKEN_FILE", "HOST",
                "ALLOWED_HOSTS", "ALLOWED_ORIGINS", "MAMMOUTH_WEB_URL",
            ];
            let value = format!("{before}{CANARY}{after}");
            let mut sources = sources(Path::new("/root-of-tests"), &[]);
            if in_env_file {
                sources.env_file = Some(EnvFile::parse(&format!("{}='{value}'", NAMES[setting])));
            } else {
                sources.env.insert(NAMES[setting].to_owned(), value);
            }
            let printed = match resolve(&sources) {
                Err(error) => format!("{error} {error:?}"),
                Ok(config) if setting < 3 => format!("{config:?}"),
                Ok(_) => String::new(),
            };
            prop_assert!(!printed.contains(CANARY));
        }
    }
}
