//! From what the user wrote to the checked form: flag, environment, `.env`, settings file, default, in this order.

use std::net::IpAddr;

use url::Url;

use super::credentials::{api_keys, auth_token, cookies};
use super::data_dir::data_dir;
use super::error::{ConfigError, SettingSource, Sourced};
use super::file_only::fixed_settings;
use super::file_settings::{aliases, key_limits, layout, limits, prefer, strategy, web};
use super::outbound::outbound;
use super::precedence::{first_given, first_given_list};
use super::preferences::preferences;
use super::secret_store::secret_store;
use super::sources::Sources;
use super::unnamed_env_file::UnnamedEnvFile;
use super::validated::Config;
use super::validators;

const WEB_URL: &str = "https://mammouth.ai";
const API_URL: &str = "https://api.mammouth.ai";
/// The host of web sessions where no other is set.
pub const WEB_HOST: &str = "mammouth.ai";
/// The host of API keys where no other is set.
pub const API_HOST: &str = "api.mammouth.ai";

/// Applies the precedence and every rule. Reads the files that `COOKIES_FILE`, `API_KEYS_FILE` and `AUTH_TOKEN_FILE`
/// name; changes nothing.
///
/// # Errors
/// The first setting that cannot be used.
pub fn resolve(sources: &Sources) -> Result<Config, ConfigError> {
    let demo = sources.flags.demo;
    let web = web(sources)?;
    let auth_token = auth_token(sources)?;
    let host = host(sources)?;
    let host = guarded(host, auth_token.is_some())?;
    let (allowed_hosts, allowed_origins) = (allowed_hosts(sources)?, allowed_origins(sources)?);
    let unnamed_env_file = sources.used_unnamed_env_file();
    if let Some(file) = &unnamed_env_file
        && !(validators::is_loopback(host) && allowed_hosts.is_empty() && allowed_origins.is_empty())
    {
        refuse_strangers_key(file)?;
    }
    Ok(Config {
        host,
        port: port(sources)?,
        demo,
        ui: !sources.flags.no_ui && sources.settings.values.ui.unwrap_or(true),
        data_dir: data_dir(sources)?,
        log_filter: log_filter(sources)?,
        cookies: if demo { Vec::new() } else { cookies(sources, web.cookie_name.as_deref())? },
        api_keys: if demo { Vec::new() } else { api_keys(sources)? },
        auth_token,
        unnamed_env_file,
        secret_store: secret_store(sources)?,
        allowed_hosts,
        allowed_origins,
        web_url: web_url(sources)?,
        api_url: api_url(sources)?,
        outbound: outbound(sources)?,
        strategy: strategy(sources)?,
        prefer: prefer(sources, demo)?,
        layout: layout(sources)?,
        aliases: aliases(sources)?,
        unlimited_models: sources.settings.values.unlimited_models.clone(),
        image_links: sources.settings.values.image_links.unwrap_or(true),
        fill_max_tokens: sources.settings.values.fill_max_tokens.unwrap_or(true),
        nearest_models: sources.settings.values.nearest_models.unwrap_or(false),
        keyless_port: keyless_port(sources)?,
        account_order: sources.settings.values.account_order.clone().unwrap_or_default(),
        only_account: sources.settings.values.only_account.clone().filter(|id| !id.is_empty()),
        key_limits: key_limits(sources)?,
        preferences: preferences(&sources.settings.values)?,
        fixed: fixed_settings(sources),
        limits: limits(sources)?,
        web,
        notice: sources.settings.notice().map(str::to_owned),
    })
}

fn host(sources: &Sources) -> Result<Sourced<IpAddr>, ConfigError> {
    let saved = sources.settings.values.host.clone();
    let given = first_given(sources, "HOST", sources.flags.host.clone(), saved, "127.0.0.1");
    let by = given.by;
    let value =
        given.check("must be an IP address or localhost", |text| validators::parse_listen_host(&text))?;
    Ok(Sourced { setting: "HOST", by, value })
}

/// Going wider than this machine is an explicit act, with a key that the user chose.
fn guarded(host: Sourced<IpAddr>, has_token: bool) -> Result<IpAddr, ConfigError> {
    if validators::is_loopback(host.value) || has_token {
        return Ok(host.value);
    }
    Err(host.error(
        "lets other machines in, which needs an AUTH_TOKEN of your own; set one, or listen on 127.0.0.1",
    ))
}

/// Whoever wrote a `.env` that nobody named knows the key in it. On this machine alone that helps only programs that run
/// here; other machines and web pages must not come in with it.
fn refuse_strangers_key(file: &UnnamedEnvFile) -> Result<(), ConfigError> {
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

fn port(sources: &Sources) -> Result<u16, ConfigError> {
    let saved = sources.settings.values.port.map(|port| port.to_string());
    first_given(sources, "PORT", sources.flags.port.clone(), saved, "3000")
        .check("must be a whole number from 0 to 65535", |text| validators::parse_port(&text))
}

/// 0 means none.
fn keyless_port(sources: &Sources) -> Result<Option<u16>, ConfigError> {
    let Some(port) = sources.settings.values.keyless_port else { return Ok(None) };
    match u16::try_from(port) {
        Ok(port) => Ok(Some(port).filter(|port| *port != 0)),
        Err(_) => Err(ConfigError::new(
            "keyless_port",
            SettingSource::Settings,
            "must be a whole number from 0 to 65535",
        )),
    }
}

fn log_filter(sources: &Sources) -> Result<String, ConfigError> {
    first_given(sources, "LOG", None, sources.settings.values.log.clone(), "info").check(
        "is no log filter; write a level such as info, or pairs such as mammouth_proxy=debug",
        |text| tracing_subscriber::EnvFilter::try_new(&text).is_ok().then_some(text),
    )
}

fn allowed_hosts(sources: &Sources) -> Result<Vec<String>, ConfigError> {
    let flags = Some(sources.flags.allow_host.clone()).filter(|hosts| !hosts.is_empty());
    first_given_list(sources, "ALLOWED_HOSTS", flags, sources.settings.values.allowed_hosts.clone())
        .check_each("a host name without scheme, port or *", validators::parse_host_name)
}

fn allowed_origins(sources: &Sources) -> Result<Vec<String>, ConfigError> {
    first_given_list(sources, "ALLOWED_ORIGINS", None, sources.settings.values.allowed_origins.clone())
        .check_each("an origin such as https://app.example, never null or *", validators::parse_origin)
}

fn web_url(sources: &Sources) -> Result<Url, ConfigError> {
    upstream(first_given(
        sources,
        "MAMMOUTH_WEB_URL",
        None,
        sources.settings.values.mammouth_web_url.clone(),
        WEB_URL,
    ))
}

fn api_url(sources: &Sources) -> Result<Url, ConfigError> {
    upstream(first_given(
        sources,
        "MAMMOUTH_API_URL",
        None,
        sources.settings.values.mammouth_api_url.clone(),
        API_URL,
    ))
}

fn upstream(given: Sourced<String>) -> Result<Url, ConfigError> {
    given.check(
        "must be an https URL (http only to this machine) without user name, query or fragment",
        |text| validators::parse_upstream_url(&text),
    )
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
        assert_eq!(config.limits.body_bytes, 32 << 20);
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
