//! Resolution of the settings of the file alone, for changes at run time.

use std::collections::BTreeMap;

use super::env_file::EnvFile;
use super::error::{ConfigError, SettingSource};
use super::file::SettingsFile;
use super::resolve::resolve;
use super::settings::SETTINGS;
use super::sources::{Flags, RuntimeEnvironment, Sources};
use super::validated::{Config, SecretStoreSetting};

/// Placeholder for a given `AUTH_TOKEN`, whose value is not needed.
const PLACEHOLDER_TOKEN: &str = "given-elsewhere-0123456789abcdef";

/// Resolves the settings without flags and variables. Secrets that were given at the `start` count as given,
/// and a demo has its own defaults.
///
/// # Errors
/// The first setting that cannot be used.
pub fn resolve_file_only(settings: &SettingsFile, start: Option<&Config>) -> Result<Config, ConfigError> {
    let dir = settings.path().parent().unwrap_or(settings.path()).to_owned();
    let mut env = BTreeMap::new();
    let unnamed = start.and_then(|start| start.unnamed_env_file.as_ref());
    let unnamed = unnamed.filter(|file| file.settings.contains(&"AUTH_TOKEN"));
    let env_file = unnamed.map(|_| EnvFile::parse(&format!("AUTH_TOKEN={PLACEHOLDER_TOKEN}")));
    if unnamed.is_none() && start.is_some_and(|start| start.auth_token.is_some()) {
        env.insert("AUTH_TOKEN".to_owned(), PLACEHOLDER_TOKEN.to_owned());
    }
    let sealed = settings.values.tables.secret_store.as_deref() == Some("file");
    if let Some(SecretStoreSetting::File { key_file }) =
        start.map(|start| &start.secret_store).filter(|_| sealed)
    {
        env.insert("SECRET_KEY_FILE".to_owned(), key_file.display().to_string());
    }
    let runtime_environment =
        RuntimeEnvironment { working_dir: dir.clone(), platform_dir: Some(dir), headless: false };
    let flags = Flags { demo: start.is_some_and(|start| start.demo), ..Flags::default() };
    let unnamed_env_file = unnamed.map(|file| file.path.clone().into());
    let settings = settings.clone();
    resolve(&Sources { flags, env, env_file, unnamed_env_file, settings, runtime: runtime_environment })
}

/// Returns the sources of the settings that a flag or a variable decides; the file's value has no effect on
/// them.
pub(super) fn fixed_settings(sources: &Sources) -> BTreeMap<&'static str, SettingSource> {
    let by_variable = SETTINGS.iter().filter_map(|setting| {
        let by = setting.rules.effective(sources).by;
        let is_fixed =
            matches!(by, SettingSource::Flag | SettingSource::Environment | SettingSource::EnvFile);
        setting.rules.variable.filter(|_| is_fixed).map(|name| (name, by))
    });
    by_variable.collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::sources::tests::{flags, saved, sources};
    use super::*;

    #[test]
    fn what_a_flag_or_a_variable_decides_is_known() {
        let mut given = sources(Path::new("/root-of-tests"), &[("LOG", "debug"), ("PORT", "1")]);
        given.flags = flags(|flags| flags.port = Some("2".into()));
        let config = resolve(&given).unwrap();
        assert_eq!(config.fixed.get("PORT"), Some(&SettingSource::Flag));
        assert_eq!(config.fixed.get("LOG"), Some(&SettingSource::Environment));
        assert_eq!(config.fixed.get("HOST"), None);
    }

    #[test]
    fn the_file_alone_is_checked_by_the_same_rules() {
        let settings = saved("port = 4000\ntheme = \"dark\"\n").settings;
        let config = resolve_file_only(&settings, None).unwrap();
        assert_eq!(config.port, 4000);
        assert_eq!(config.theme, crate::config::Theme::Dark);
        for (text, setting) in [
            ("theme = \"blue\"", "theme"),
            ("tray_icon = \"blue\"", "tray_icon"),
            ("language = \"de\"", "language"),
            ("host = \"0.0.0.0\"", "HOST"),
        ] {
            assert_eq!(resolve_file_only(&saved(text).settings, None).unwrap_err().setting, setting);
        }
        let given = sources(
            Path::new("/root-of-tests"),
            &[("AUTH_TOKEN", "sk-9f2c41d07ab84e6f"), ("SECRET_KEY_FILE", "k")],
        );
        let mut given = given;
        given.settings = saved("secret_store = \"file\"").settings;
        let start = resolve(&given).unwrap();
        assert!(resolve_file_only(&saved("host = \"0.0.0.0\"").settings, Some(&start)).is_ok());
        assert!(
            resolve_file_only(&given.settings, Some(&start)).is_ok()
                && resolve_file_only(&given.settings, None).is_err()
        );
        let demo = Config { demo: true, ..start };
        assert_eq!(
            resolve_file_only(&saved("port = 4000").settings, Some(&demo)).unwrap().prefer,
            crate::config::KindPreference::Web
        );
    }

    #[test]
    fn s11_a_key_that_a_stranger_may_know_does_not_become_the_user_s_own_later() {
        let mut given = sources(Path::new("/root-of-tests"), &[]);
        given.env_file = Some(EnvFile::parse("AUTH_TOKEN=sk-9f2c41d07ab84e6f"));
        given.unnamed_env_file = Some("/root-of-tests/.env".into());
        let start = resolve(&given).unwrap();
        assert!(resolve_file_only(&saved("port = 1").settings, Some(&start)).is_ok());
        for text in ["host = \"0.0.0.0\"", "allowed_hosts = [\"box.example\"]"] {
            assert_eq!(
                resolve_file_only(&saved(text).settings, Some(&start)).unwrap_err().setting,
                "AUTH_TOKEN"
            );
        }
    }
}
