//! The `.env` of the working directory, which may not be the user's own.
//!
//! A program is often started in a folder with other people's content, such as a cloned repository. Its
//! `.env` must not decide where secrets are sent, who may call, or which files are read.

use std::path::{Path, PathBuf};

use super::env_file::EnvFile;
use super::error::{ConfigError, SettingSource};
use super::sources::{Sources, VARIABLES};
use super::text_file::unreadable;

/// Variables that are read from a `.env` that was not named explicitly: those of the Node project, and `API_KEYS`.
const ACCEPTED_VARIABLES: [&str; 4] = ["COOKIES", "API_KEYS", "AUTH_TOKEN", "PORT"];

/// A `.env` file that was read without being named explicitly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnnamedEnvFile {
    /// Path for display, without control characters, because the folder's name is not trusted.
    pub path: String,
    /// Settings that come from the file.
    pub settings: Vec<&'static str>,
}

/// Returns the file that `--env-file` names, else the `.env` of the working directory, with its path in the
/// latter case.
///
/// # Errors
/// The file cannot be read (a missing one is an error only if it was named), or it sets what only a named file may set.
pub(super) fn find_env_file(
    named: Option<&Path>,
    working_dir: &Path,
) -> Result<(Option<EnvFile>, Option<PathBuf>), ConfigError> {
    if let Some(path) = named {
        let wrong = |error| {
            ConfigError::new("--env-file", SettingSource::Flag, format!("names {}", unreadable(&error)))
        };
        return Ok((Some(EnvFile::read(&working_dir.join(path)).map_err(wrong)?), None));
    }
    let path = working_dir.join(".env");
    // A folder named .env is a Python environment.
    if !path.exists() || path.is_dir() {
        return Ok((None, None));
    }
    let wrong = |error| {
        ConfigError::new(&printable(&path), SettingSource::Default, format!("is {}", unreadable(&error)))
    };
    let file = EnvFile::read(&path).map_err(wrong)?;
    refuse_other_settings(&file, &path)?;
    Ok((Some(file), Some(path)))
}

/// Rejects variables that only a named file may set. Ignoring them would let the user believe that they apply.
fn refuse_other_settings(file: &EnvFile, path: &Path) -> Result<(), ConfigError> {
    let is_refused = |name: &&str| VARIABLES.contains(name) && !ACCEPTED_VARIABLES.contains(name);
    let Some(name) = file.names().find(is_refused) else { return Ok(()) };
    let problem = format!(
        "is not taken from {}, which nobody named: remove it there, or name that file with --env-file if it is yours",
        printable(path)
    );
    Err(ConfigError::new(name, SettingSource::EnvFile, problem))
}

fn printable(path: &Path) -> String {
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    path.display().to_string().chars().map(shown).collect()
}

impl Sources {
    /// Returns the `.env` file that was read without being named, if a setting comes from it.
    pub(super) fn used_unnamed_env_file(&self) -> Option<UnnamedEnvFile> {
        let path = self.unnamed_env_file.as_deref()?;
        let counts =
            |name: &&'static str| self.variable(name).is_some_and(|given| given.by == SettingSource::EnvFile);
        let settings: Vec<_> = ACCEPTED_VARIABLES.into_iter().filter(counts).collect();
        (!settings.is_empty()).then(|| UnnamedEnvFile { path: printable(path), settings })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::resolve::resolve;
    use super::super::sources::tests::{flags, runtime_environment, sources};
    use super::*;

    fn read(root: &Path, is_named: bool) -> Result<Sources, ConfigError> {
        let flags = flags(|flags| flags.env_file = is_named.then(|| ".env".into()));
        Sources::read(flags, BTreeMap::new(), runtime_environment(root), 0)
    }

    #[test]
    fn s11_an_env_file_that_nobody_named_sets_four_variables_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        for name in VARIABLES {
            std::fs::write(&path, format!("OTHER=1\nexport {name}='canary'\n")).unwrap();
            // A data directory that the file chooses is a relative one.
            assert_eq!(read(dir.path(), true).err(), None, "{name}");
            if ACCEPTED_VARIABLES.contains(&name) {
                let found = read(dir.path(), false).unwrap().used_unnamed_env_file().unwrap();
                assert_eq!(found.path, path.display().to_string());
                assert_eq!(found.settings, [name]);
                continue;
            }
            let error = read(dir.path(), false).err().unwrap();
            assert_eq!((error.setting.as_str(), error.given_by), (name, SettingSource::EnvFile));
            let error = error.to_string();
            assert!(error.contains(&path.display().to_string()) && error.contains("--env-file"), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn s11_what_the_environment_decides_does_not_count_from_the_file() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".env"), "PORT=1\nCOOKIES=a").unwrap();
        let mut sources = read(dir.path(), false).unwrap();
        assert_eq!(sources.used_unnamed_env_file().unwrap().settings, ["COOKIES", "PORT"]);
        sources.env = BTreeMap::from([("COOKIES".into(), "b".into()), ("PORT".into(), "2".into())]);
        assert_eq!(sources.used_unnamed_env_file(), None);
    }

    #[test]
    fn s11_a_key_that_a_stranger_may_know_lets_nobody_in_from_outside() {
        let token = "AUTH_TOKEN=sk-9f2c41d07ab84e6f";
        for (name, value) in [
            ("HOST", "0.0.0.0"),
            ("HOST", "::"),
            ("ALLOWED_HOSTS", "box.example"),
            ("ALLOWED_ORIGINS", "https://app.example"),
        ] {
            let mut sources = sources(Path::new("/root-of-tests"), &[(name, value)]);
            sources.env_file = Some(EnvFile::parse(token));
            assert!(resolve(&sources).is_ok(), "{name}");
            sources.unnamed_env_file = Some("/root-of-tests/.env".into());
            let error = resolve(&sources).unwrap_err();
            assert_eq!((error.setting.as_str(), error.given_by), ("AUTH_TOKEN", SettingSource::EnvFile));
            assert!(error.to_string().contains("/root-of-tests/.env"), "{error}");
            sources.env = BTreeMap::from([("HOST".to_owned(), "127.0.0.1".to_owned())]);
            assert!(resolve(&sources).is_ok(), "{name}");
        }
    }

    #[test]
    fn s11_a_folder_s_name_cannot_speak_to_the_terminal() {
        assert_eq!(printable(Path::new("/a\u{1b}[2J/.env")), "/a\u{fffd}[2J/.env");
    }

    #[test]
    fn an_env_file_that_is_no_text_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let unmarked: Vec<u8> = "PORT=1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        std::fs::write(dir.path().join(".env"), unmarked).unwrap();
        let error = read(dir.path(), false).err().unwrap().to_string();
        assert!(error.contains(".env (by default) is a file that is not text in UTF-8"), "{error}");
    }
}
