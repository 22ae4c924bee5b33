//! The one place where the precedence is applied.

use super::credential_list;
use super::error::{ConfigError, SettingSource, Sourced};
use super::sources::Sources;

/// The value of a setting from the highest place that has it.
pub(super) fn first_given(
    sources: &Sources,
    setting: &'static str,
    flag: Option<String>,
    saved: Option<String>,
    default: &str,
) -> Sourced<String> {
    let given = |by, value| Sourced { setting, by, value };
    if let Some(value) = flag {
        return given(SettingSource::Flag, value);
    }
    if let Some(variable) = sources.variable(setting) {
        return given(variable.by, variable.value.to_owned());
    }
    match saved {
        Some(value) => given(SettingSource::Settings, value),
        None => given(SettingSource::Default, default.to_owned()),
    }
}

/// As [`first_given`], for a list. A higher place replaces the list of a lower one; it does not add to it.
pub(super) fn first_given_list(
    sources: &Sources,
    setting: &'static str,
    flag: Option<Vec<String>>,
    saved: Option<Vec<String>>,
) -> Sourced<Vec<String>> {
    let given = |by, value| Sourced { setting, by, value };
    if let Some(value) = flag {
        return given(SettingSource::Flag, value);
    }
    if let Some(variable) = sources.variable(setting) {
        return given(variable.by, variable.value.split([',', '\n']).map(str::to_owned).collect());
    }
    match saved {
        Some(value) => given(SettingSource::Settings, value),
        None => given(SettingSource::Default, Vec::new()),
    }
}

impl Sourced<Vec<String>> {
    /// The entries as `check` understands them, without empty ones and repetitions.
    pub(super) fn check_each(
        self,
        what: &str,
        check: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<String>, ConfigError> {
        let mut good = Vec::new();
        let entries = self
            .value
            .iter()
            .map(|entry| credential_list::strip_quotes(entry))
            .filter(|entry| !entry.is_empty());
        for (at, entry) in entries.enumerate() {
            let Some(entry) = check(entry) else {
                return Err(self.error(format!("has an entry (number {}) that is not {what}", at + 1)));
            };
            if !good.contains(&entry) {
                good.push(entry);
            }
        }
        Ok(good)
    }
}

/// The value of a setting that only the settings file has.
pub(super) fn from_file<T>(setting: &'static str, value: Option<T>) -> Option<Sourced<T>> {
    value.map(|value| Sourced { setting, by: SettingSource::Settings, value })
}
