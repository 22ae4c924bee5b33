//! Checks of values with their sources. The precedence itself is at
//! [`Rules::given`](super::declaration::Rules).

use super::credential_list;
use super::error::{ConfigError, SettingSource, Sourced};

impl Sourced<Vec<String>> {
    /// Converts the entries by `check`, and removes empty and repeated ones.
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

/// Returns the value of a setting that only the settings file has.
pub(super) fn from_file<T>(setting: &'static str, value: Option<T>) -> Option<Sourced<T>> {
    value.map(|value| Sourced { setting, by: SettingSource::Settings, value })
}
