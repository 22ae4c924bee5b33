//! Sources of settings, unchecked, and the look-up of a value in them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::data_dir::data_dir;
use super::env_file::EnvFile;
use super::error::{ConfigError, SettingSource, Sourced};
use super::file::SettingsFile;
use super::outbound::VARIABLE_SYNONYMS;
use super::text_file::{read_text, unreadable};
use super::unnamed_env_file::find_env_file;

/// Variables that this program reads.
pub(super) const VARIABLES: [&str; 18] = [
    "PORT",
    "HOST",
    "COOKIES",
    "COOKIES_FILE",
    "API_KEYS",
    "API_KEYS_FILE",
    "AUTH_TOKEN",
    "AUTH_TOKEN_FILE",
    "SECRET_KEY_FILE",
    "ALLOWED_HOSTS",
    "ALLOWED_ORIGINS",
    "HTTPS_PROXY",
    "NO_PROXY",
    "EXTRA_CA_FILE",
    "MAMMOUTH_WEB_URL",
    "MAMMOUTH_API_URL",
    "DATA_DIR",
    "LOG",
];

/// Variables whose values are secrets. Variables that name a file hold no secret.
pub const SECRET_VARIABLES: [&str; 3] = ["COOKIES", "API_KEYS", "AUTH_TOKEN"];

/// Sources of variables, the highest precedence first.
const VARIABLE_SOURCES: [SettingSource; 2] = [SettingSource::Environment, SettingSource::EnvFile];

/// Options of `serve`, as typed: the rules and their errors are the same for every source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    pub host: Option<String>,
    pub port: Option<String>,
    pub demo: bool,
    pub data_dir: Option<PathBuf>,
    pub env_file: Option<PathBuf>,
    /// Whether a `.env` that was not named explicitly is ignored, for commands run in the folders of other
    /// programs.
    pub only_named_env_file: bool,
    pub no_ui: bool,
    pub allow_host: Vec<String>,
}

/// Process environment that settings depend on: working directory, home, terminal, display.
#[derive(Debug, Clone)]
pub struct RuntimeEnvironment {
    /// Absolute path against which relative paths are resolved, and in which `.env` is looked for.
    pub working_dir: PathBuf,
    /// The platform's own directory; see [`platform_dir`](super::platform_dir).
    pub platform_dir: Option<PathBuf>,
    /// Whether there is no window that could inform the user of a problem later.
    pub headless: bool,
}

/// All input of [`resolve`](super::resolve). Without `Debug`, because it holds secrets in plain text.
pub struct Sources {
    pub flags: Flags,
    /// Variables of the environment; see [`known_variables`].
    pub env: BTreeMap<String, String>,
    pub env_file: Option<EnvFile>,
    /// Path of the `.env` in the working directory, if it was read without being named.
    pub unnamed_env_file: Option<PathBuf>,
    pub settings: SettingsFile,
    pub runtime: RuntimeEnvironment,
}

/// Selects the variables that this program reads from an environment such as `std::env::vars_os()`. The
/// variables of the proxy are accepted under other programs' names as well.
pub fn known_variables(all: impl Iterator<Item = (OsString, OsString)>) -> BTreeMap<String, String> {
    let all: BTreeMap<String, OsString> =
        all.filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
    // Lossy: a value that is not text must become an error of its setting instead of counting as missing.
    let written = |name: &str| all.get(name).map(|value| value.to_string_lossy().into_owned());
    let named = VARIABLES.into_iter().filter_map(|name| Some((name.to_owned(), written(name)?)));
    let mut picked: BTreeMap<String, String> = named.collect();
    for (name, others) in VARIABLE_SYNONYMS {
        let other = others.iter().filter_map(|other| written(other)).find(|value| !value.trim().is_empty());
        if let Some(value) = other.filter(|_| picked.get(name).is_none_or(|value| value.trim().is_empty())) {
            picked.insert(name.to_owned(), value);
        }
    }
    picked
}

impl Sources {
    /// Reads the `.env` file and the settings file. `now` is the Unix time in seconds, for the name of a bad file.
    ///
    /// # Errors
    /// The `.env` file cannot be read (a missing one is an error only if `--env-file` named it) or sets what only a named
    /// file may set, or there is no data directory.
    pub fn read(
        flags: Flags,
        env: BTreeMap<String, String>,
        runtime_environment: RuntimeEnvironment,
        now: u64,
    ) -> Result<Self, ConfigError> {
        let (env_file, unnamed_env_file) = if flags.only_named_env_file && flags.env_file.is_none() {
            (None, None)
        } else {
            find_env_file(flags.env_file.as_deref(), &runtime_environment.working_dir)?
        };
        let settings = SettingsFile::empty(Path::new(""));
        let mut sources =
            Self { flags, env, env_file, unnamed_env_file, settings, runtime: runtime_environment };
        sources.settings = SettingsFile::load(&data_dir(&sources)?, now);
        Ok(sources)
    }

    /// Returns the variable `name` of the environment or of `.env`, trimmed. An empty one counts as not set.
    pub(super) fn variable(&self, name: &'static str) -> Option<Sourced<&str>> {
        VARIABLE_SOURCES.into_iter().find_map(|by| {
            let value = self.non_blank(by, name)?;
            Some(Sourced { setting: name, by, value })
        })
    }

    /// Returns the source in which `name` is set but blank.
    pub(super) fn blank_source(&self, name: &str) -> Option<SettingSource> {
        let is_blank =
            |by: &SettingSource| self.raw_variable(*by, name).is_some_and(|value| value.trim().is_empty());
        VARIABLE_SOURCES.into_iter().find(is_blank)
    }

    /// Returns the text of `name`, or of the file that `name_FILE` names; the environment comes before `.env`
    /// for both.
    pub(super) fn variable_or_file(
        &self,
        name: &'static str,
        file_name: &'static str,
    ) -> Result<Option<Sourced<String>>, ConfigError> {
        for by in VARIABLE_SOURCES {
            match (self.non_blank(by, name), self.non_blank(by, file_name)) {
                (None, None) => {}
                (Some(_), Some(_)) => {
                    let problem = format!("is given together with {file_name}; give one of them");
                    return Err(ConfigError::new(name, by, problem));
                }
                (Some(value), None) => {
                    return Ok(Some(Sourced { setting: name, by, value: value.to_owned() }));
                }
                (None, Some(path)) => {
                    let value = self.read_named_file(&Sourced { setting: file_name, by, value: path })?;
                    return Ok(Some(Sourced { setting: file_name, by, value }));
                }
            }
        }
        Ok(None)
    }

    /// Returns the trimmed value; `None` if it is blank.
    fn non_blank(&self, by: SettingSource, name: &str) -> Option<&str> {
        self.raw_variable(by, name).map(str::trim).filter(|value| !value.is_empty())
    }

    fn raw_variable(&self, by: SettingSource, name: &str) -> Option<&str> {
        match by {
            SettingSource::Environment => self.env.get(name).map(String::as_str),
            SettingSource::EnvFile => self.env_file.as_ref().and_then(|file| file.get(name)),
            SettingSource::Flag | SettingSource::Settings | SettingSource::Default => None,
        }
    }

    /// Reads the file that a variable names. Errors omit the path, because it may be the secret itself by mistake.
    fn read_named_file(&self, path: &Sourced<&str>) -> Result<String, ConfigError> {
        let full = self.runtime.working_dir.join(path.value);
        let text = read_text(&full).map_err(|error| path.error(format!("names {}", unreadable(&error))))?;
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err(path.error("names a file that is not UTF-8 text"));
        }
        Ok(text.trim().to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Sources of a headless start in `root` with some variables in the environment.
    pub(in crate::config) fn sources(root: &Path, env: &[(&str, &str)]) -> Sources {
        Sources {
            flags: Flags::default(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            env_file: None,
            unnamed_env_file: None,
            settings: SettingsFile::empty(root),
            runtime: runtime_environment(root),
        }
    }

    /// Sources with this text as settings file, which must be a good one.
    pub(in crate::config) fn saved(text: &str) -> Sources {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), text).unwrap();
        let mut sources = sources(dir.path(), &[]);
        sources.settings = SettingsFile::load(dir.path(), 0);
        assert_eq!(sources.settings.notice(), None, "{text}");
        sources
    }

    pub(in crate::config) fn flags(change: impl FnOnce(&mut Flags)) -> Flags {
        let mut flags = Flags::default();
        change(&mut flags);
        flags
    }

    pub(in crate::config) fn runtime_environment(root: &Path) -> RuntimeEnvironment {
        RuntimeEnvironment {
            working_dir: root.to_owned(),
            platform_dir: Some(root.join("platform")),
            headless: true,
        }
    }

    #[test]
    fn the_environment_is_reduced_to_what_means_something() {
        let all = [("PORT", "1"), ("PATH", "/bin"), ("AUTH_TOKEN", "x")];
        let picked = known_variables(all.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        assert_eq!(picked.keys().collect::<Vec<_>>(), ["AUTH_TOKEN", "PORT"]);
    }

    #[test]
    fn an_env_file_is_read_if_there_is_one_and_must_be_there_if_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let read = |flags| Sources::read(flags, BTreeMap::new(), runtime_environment(root), 0);
        assert!(read(Flags::default()).unwrap().env_file.is_none());
        let named = || flags(|flags| flags.env_file = Some("other.env".into()));
        let error = read(named()).err().unwrap();
        assert_eq!((error.setting.as_str(), error.given_by), ("--env-file", SettingSource::Flag));
        std::fs::create_dir(root.join(".env")).unwrap();
        assert!(read(Flags::default()).unwrap().env_file.is_none());
        std::fs::remove_dir(root.join(".env")).unwrap();
        std::fs::write(root.join(".env"), "PORT=1").unwrap();
        std::fs::write(root.join("other.env"), "PORT=2").unwrap();
        assert_eq!(read(Flags::default()).unwrap().variable("PORT").unwrap().value, "1");
        assert_eq!(read(named()).unwrap().variable("PORT").unwrap().value, "2");
    }

    #[test]
    fn the_settings_file_is_read_from_the_data_dir() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("platform")).unwrap();
        std::fs::write(dir.path().join("platform/settings.toml"), "port = 4000").unwrap();
        let sources =
            Sources::read(Flags::default(), BTreeMap::new(), runtime_environment(dir.path()), 0).unwrap();
        assert_eq!(
            sources.settings.value("port"),
            Some(super::super::setting_value::SettingValue::Number(4000))
        );
    }
}
