//! Errors of settings, without the values.

use std::fmt;

/// Source of a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingSource {
    Flag,
    Environment,
    EnvFile,
    Settings,
    Default,
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "from the command line",
            Self::Environment => "from the environment",
            Self::EnvFile => "from the .env file",
            Self::Settings => "from settings.toml",
            Self::Default => "by default",
        })
    }
}

/// Error of a setting that cannot be used. The text names the setting and its source, and never contains the
/// value: a value in the wrong place may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{setting} ({given_by}) {problem}.")]
pub struct ConfigError {
    /// Name as in the documentation, such as `PORT` or `limits.idle_seconds`.
    pub setting: String,
    pub given_by: SettingSource,
    /// Problem, as the rest of a sentence.
    pub problem: String,
}

impl ConfigError {
    pub(super) fn new(setting: &str, given_by: SettingSource, problem: impl Into<String>) -> Self {
        Self { setting: setting.to_owned(), given_by, problem: problem.into() }
    }
}

/// A value with its source.
#[derive(Clone)]
pub(super) struct Sourced<T> {
    pub(super) setting: &'static str,
    pub(super) by: SettingSource,
    pub(super) value: T,
}

impl<T> Sourced<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Sourced<U> {
        Sourced { setting: self.setting, by: self.by, value: change(self.value) }
    }

    /// Converts the value by `check`; on a failure, `problem` ends the sentence of the error.
    pub(super) fn check<U>(
        self,
        problem: &str,
        check: impl FnOnce(T) -> Option<U>,
    ) -> Result<U, ConfigError> {
        let Self { setting, by, value } = self;
        check(value).ok_or_else(|| ConfigError::new(setting, by, problem))
    }

    pub(super) fn error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError::new(self.setting, self.by, problem)
    }
}
