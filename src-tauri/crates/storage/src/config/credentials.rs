//! Accounts and client key from variables, or from the files that variables name.

use super::credential_list;
use super::error::{ConfigError, Sourced};
use super::sources::Sources;
use super::weak_key::weak_key;
use crate::secrets::Secret;

const DEFAULT_COOKIE_NAME: &str = "auth_session";

pub(super) fn cookies(sources: &Sources, cookie_name: Option<&str>) -> Result<Vec<Secret>, ConfigError> {
    let given = sources.variable_or_file("COOKIES", "COOKIES_FILE")?;
    read_secrets(given, |text| {
        credential_list::parse_cookies(text, cookie_name.unwrap_or(DEFAULT_COOKIE_NAME))
    })
}

pub(super) fn api_keys(sources: &Sources) -> Result<Vec<Secret>, ConfigError> {
    read_secrets(sources.variable_or_file("API_KEYS", "API_KEYS_FILE")?, credential_list::parse_api_keys)
}

fn read_secrets(
    given: Option<Sourced<String>>,
    read: impl FnOnce(&str) -> Result<Vec<Secret>, String>,
) -> Result<Vec<Secret>, ConfigError> {
    given.map_or(Ok(Vec::new()), |given| read(&given.value).map_err(|problem| given.error(problem)))
}

pub(super) fn auth_token(sources: &Sources) -> Result<Option<Secret>, ConfigError> {
    let Some(given) = sources.variable_or_file("AUTH_TOKEN", "AUTH_TOKEN_FILE")? else {
        return no_auth_token(sources);
    };
    let token = credential_list::strip_quotes(&given.value);
    match (weak_key(token), credential_list::find_unusable(token)) {
        (Some(weak), _) => Err(given.error(weak)),
        (None, Some(unusable)) => Err(given.error(unusable.to_string())),
        (None, None) => Ok(Some(Secret::from(token))),
    }
}

/// Rejects an empty token on a headless start: the intention may be a token or none, and the effect is
/// neither.
fn no_auth_token(sources: &Sources) -> Result<Option<Secret>, ConfigError> {
    match sources.blank_source("AUTH_TOKEN").filter(|_| sources.runtime.headless) {
        Some(by) => {
            let problem =
                "is empty; set a random one of at least 16 characters, or remove it to have one made";
            Err(ConfigError::new("AUTH_TOKEN", by, problem))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::env_file::EnvFile;
    use super::super::error::SettingSource;
    use super::super::resolve::resolve;
    use super::super::sources::tests::sources;
    use super::super::validated::Config;
    use super::*;
    use crate::secrets::ExposeSecret;

    const TOKEN: &str = "sk-9f2c41d07ab84e6f";

    /// Resolves with these variables in the environment.
    fn with(env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        resolve(&sources(Path::new("/root-of-tests"), env))
    }

    fn exposed(secrets: &[Secret]) -> Vec<&str> {
        secrets.iter().map(ExposeSecret::expose_secret).collect()
    }

    #[test]
    fn d05_cookies_and_keys_are_lists() {
        let config = with(&[("COOKIES", "\"a, b\",\n,a"), ("API_KEYS", "k1\nk2")]).unwrap();
        assert_eq!(exposed(&config.cookies), ["a", "b"]);
        assert_eq!(exposed(&config.api_keys), ["k1", "k2"]);
    }

    #[test]
    fn secrets_are_read_from_files() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("cookies"), "\u{feff}a\nb\n").unwrap();
        std::fs::write(dir.path().join("token"), format!("{TOKEN}\n")).unwrap();
        let env = [("COOKIES_FILE", "cookies"), ("AUTH_TOKEN_FILE", "token")];
        let config = resolve(&sources(dir.path(), &env)).unwrap();
        assert_eq!(exposed(&config.cookies), ["a", "b"]);
        assert_eq!(config.auth_token.unwrap().expose_secret(), TOKEN);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_that_does_not_tell_its_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("large"), vec![b'a'; (1 << 20) + 1]).unwrap();
        std::fs::write(dir.path().join("binary"), [0xff]).unwrap();
        std::fs::write(dir.path().join("empty"), "\n").unwrap();
        for (name, file) in [
            ("COOKIES_FILE", "canary-missing"),
            ("API_KEYS_FILE", "large"),
            ("COOKIES_FILE", "binary"),
            ("AUTH_TOKEN_FILE", "empty"),
        ] {
            let error = resolve(&sources(dir.path(), &[(name, file)])).unwrap_err();
            assert_eq!((error.setting.as_str(), error.given_by), (name, SettingSource::Environment));
            assert!(!error.to_string().contains("canary"));
        }
    }

    #[test]
    fn a_value_and_its_file_together_are_refused_and_a_higher_place_wins() {
        let error = with(&[("COOKIES", "a"), ("COOKIES_FILE", "b")]).unwrap_err();
        assert!(error.to_string().contains("together with COOKIES_FILE"), "{error}");
        let mut sources = sources(Path::new("/root-of-tests"), &[("COOKIES", "a")]);
        sources.env_file = Some(EnvFile::parse("COOKIES_FILE=b"));
        assert_eq!(exposed(&resolve(&sources).unwrap().cookies), ["a"]);
    }

    #[test]
    fn u11_an_empty_token_is_refused_where_nobody_would_see_it() {
        let mut sources = sources(Path::new("/root-of-tests"), &[("AUTH_TOKEN", "")]);
        let error = resolve(&sources).unwrap_err().to_string();
        assert!(error.starts_with("AUTH_TOKEN (from the environment) is empty"), "{error}");
        sources.runtime.headless = false;
        assert!(resolve(&sources).unwrap().auth_token.is_none());
        sources.runtime.headless = true;
        sources.env_file = Some(EnvFile::parse(&format!("AUTH_TOKEN={TOKEN}")));
        assert!(resolve(&sources).unwrap().auth_token.is_some());
    }

    #[test]
    fn u11_weak_or_unusable_tokens_are_refused_without_repeating_them() {
        for bad in [
            "sk-123456",
            "changeme",
            "fifteen-chars-x",
            "canary token with spaces",
            "cänary-token-long-enough",
        ] {
            let error = with(&[("AUTH_TOKEN", bad)]).unwrap_err().to_string();
            assert!(error.starts_with("AUTH_TOKEN (from the environment) "), "{error}");
            assert!(!error.contains(bad) && !error.contains("nary"), "{error}");
        }
        let quoted = format!("\"{TOKEN}\"");
        let config = with(&[("AUTH_TOKEN", quoted.as_str())]).unwrap();
        assert_eq!(config.auth_token.unwrap().expose_secret(), TOKEN);
    }

    #[test]
    fn an_overridden_cookie_name_is_the_one_looked_for() {
        let mut sources =
            sources(Path::new("/root-of-tests"), &[("COOKIES", "Cookie: auth_session=a; session=b")]);
        sources.settings.set(&["web", "cookie_name"], "session").unwrap();
        assert_eq!(exposed(&resolve(&sources).unwrap().cookies), ["b"]);
    }
}
