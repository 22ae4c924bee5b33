//! Resolution of the secret store: the keychain, or a file that the user chose.

use std::path::PathBuf;

use super::data_dir::data_dir;
use super::error::{ConfigError, SettingSource};
use super::precedence::from_file;
use super::sources::Sources;
use super::validated::SecretStoreSetting;

const STORE_SETTING: &str = "secret_store";
const KEY_FILE_SETTING: &str = "SECRET_KEY_FILE";

/// Resolves the store. A file is an explicit choice and so is the path of its key: both settings, or neither.
pub(super) fn secret_store(sources: &Sources) -> Result<SecretStoreSetting, ConfigError> {
    let in_file = from_file(STORE_SETTING, sources.settings.values.tables.secret_store.as_deref()).map_or(
        Ok(false),
        |given| {
            given.check("must be keychain or file", |text| match text {
                "keychain" => Some(false),
                "file" => Some(true),
                _ => None,
            })
        },
    )?;
    match (in_file, key_file(sources)?) {
        (false, None) => Ok(SecretStoreSetting::Keychain),
        (true, Some((_, key_file))) => Ok(SecretStoreSetting::File { key_file }),
        (true, None) => {
            let problem = "is file, which needs SECRET_KEY_FILE: the file that holds, or will hold, its key";
            Err(ConfigError::new(STORE_SETTING, SettingSource::Settings, problem))
        }
        (false, Some((by, _))) => {
            let problem = "is given, but secrets are kept in the keychain; add secret_store = \"file\" to settings.toml, or remove it";
            Err(ConfigError::new(KEY_FILE_SETTING, by, problem))
        }
    }
}

/// Returns the path of the key file. A relative path is resolved against the working directory for a
/// variable, and against the data directory for `settings.toml`.
fn key_file(sources: &Sources) -> Result<Option<(SettingSource, PathBuf)>, ConfigError> {
    if let Some(given) = sources.variable(KEY_FILE_SETTING) {
        return Ok(Some((given.by, sources.runtime.working_dir.join(given.value))));
    }
    let saved =
        sources.settings.values.tables.secret_key_file.as_deref().filter(|path| !path.trim().is_empty());
    saved.map(|path| Ok((SettingSource::Settings, data_dir(sources)?.join(path)))).transpose()
}

#[cfg(test)]
mod tests {
    use super::super::resolve::resolve;
    use super::super::sources::tests::saved;
    use super::*;

    fn place(settings: &str, variable: Option<&str>) -> Result<SecretStoreSetting, String> {
        let mut sources = saved(&format!("version = 1\n{settings}"));
        if let Some(value) = variable {
            sources.env.insert(KEY_FILE_SETTING.into(), value.into());
        }
        resolve(&sources).map(|config| config.secret_store).map_err(|error| error.to_string())
    }

    #[test]
    fn the_keychain_is_the_default_and_a_file_needs_its_key() {
        assert_eq!(place("", None), Ok(SecretStoreSetting::Keychain));
        assert_eq!(place("secret_store = \"keychain\"", None), Ok(SecretStoreSetting::Keychain));
        let file = "secret_store = \"file\"";
        assert!(place(file, None).unwrap_err().contains("SECRET_KEY_FILE"));
        let key_file = std::env::temp_dir().join("key");
        let place_of_file = place(file, key_file.to_str());
        assert_eq!(place_of_file, Ok(SecretStoreSetting::File { key_file }));
        assert!(place("secret_store = \"canary\"", None).unwrap_err().contains("keychain or file"));
    }

    #[test]
    fn a_key_file_alone_is_not_taken_for_a_choice() {
        let error = place("", Some("/run/canary")).unwrap_err();
        assert!(error.starts_with("SECRET_KEY_FILE (from the environment)"), "{error}");
        assert!(error.contains("secret_store") && !error.contains("canary"), "{error}");
        assert!(place("secret_key_file = \"key\"", None).is_err());
    }

    #[test]
    fn a_path_in_the_settings_starts_in_the_data_directory() {
        let mut sources = saved("secret_store = \"file\"\nsecret_key_file = \"key\"");
        let data_dir = std::env::temp_dir();
        let key_file = data_dir.join("key");
        sources.flags.data_dir = Some(data_dir);
        assert_eq!(resolve(&sources).unwrap().secret_store, SecretStoreSetting::File { key_file });
    }
}
