//! Loading and saving of `settings.toml`: loading accepts a file in any state, and saving preserves unknown
//! content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Value};

use super::declaration::Rules;
use super::parse::{self, Damage, LoadError, ParsedSettings};
use super::raw_settings::{self, RawSettings};
use super::setting_value::SettingValue;
use super::toml_edit_ops;
use crate::secrets::{atomic_write, create_private_dir, set_aside, with_suffix};

pub(super) const SETTINGS_FILE_NAME: &str = "settings.toml";

/// Reason why a setting could not be changed or saved.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings.toml was written by a newer version of this program, which must be used to change it")]
    Newer,
    #[error(
        "settings.toml cannot be read, and is left alone so that nothing in it is lost; see the notice at start"
    )]
    Unreadable,
    /// The file was readable at the start and is not any more.
    #[error("settings.toml cannot be read ({0}), and is left alone so that nothing in it is lost")]
    OutOfReach(io::ErrorKind),
    /// The file was changed since it was read and is not valid any more.
    #[error("settings.toml {0}, so nothing was changed; correct it there and try again")]
    Damaged(Damage),
    #[error("settings.toml has no such setting, or not of this type")]
    WrongType,
    #[error("settings.toml could not be saved ({0}); the old one is still in place")]
    Io(#[from] io::Error),
}

/// Settings that the user saved. Comments and unknown keys in the file survive a save, and so do edits made
/// by hand while the program runs: [`update`](Self::update) reads the file again before it writes.
#[derive(Clone)]
pub struct SettingsFile {
    path: PathBuf,
    document: DocumentMut,
    pub(super) values: RawSettings,
    notice: Option<String>,
    state: FileState,
}

/// State of the file, which decides whether it may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileState {
    Writable,
    Newer,
    Unreadable,
}

impl SettingsFile {
    /// Creates empty settings; no file is read.
    pub fn empty(data_dir: &Path) -> Self {
        let (document, values) = (DocumentMut::new(), RawSettings::default());
        Self {
            path: data_dir.join(SETTINGS_FILE_NAME),
            document,
            values,
            notice: None,
            state: FileState::Writable,
        }
    }

    /// Loads the file in `data_dir`. Never fails: a damaged file is set aside as `settings.toml.bad-<now>`
    /// and replaced by the last good copy, else by the defaults; [`notice`](Self::notice) then reports it.
    ///
    /// `now` is the Unix time in seconds.
    pub fn load(data_dir: &Path, now: u64) -> Self {
        let mut settings = Self::empty(data_dir);
        match parse::read_settings(&settings.path) {
            Ok(parsed) => settings.use_parsed(parsed),
            Err(LoadError::Missing) => {}
            Err(LoadError::Unreadable(kind)) => settings.keep_unreadable(kind),
            Err(LoadError::Damaged(damage)) => settings.set_aside(&damage.with_line(), now),
        }
        settings
    }

    /// Returns one or two sentences for the user about the state of the file, if it is unusual.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Returns the file's value of a declared setting, unchecked.
    pub(super) fn value(&self, path: &str) -> Option<SettingValue> {
        self.values.declared.get(path).cloned()
    }

    /// Whether the notice about web sessions was accepted.
    pub fn terms_accepted(&self) -> bool {
        self.value("terms_accepted") == Some(SettingValue::Switch(true))
    }

    /// Returns the texts of a table by their keys, for data of other modules such as the digests of client
    /// keys. Values that are not texts are skipped.
    pub fn string_table(&self, table: &str) -> Vec<(String, String)> {
        toml_edit_ops::string_entries(&self.document, table)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file again and returns its settings. If the file is gone, returns the settings known so far.
    ///
    /// # Errors
    /// The file must not be written, or cannot be read.
    pub fn reread(&self) -> Result<Self, SettingsError> {
        self.check_writable()?;
        let mut settings = self.clone();
        match parse::read_settings(&self.path) {
            Ok(parsed) if parsed.newer => return Err(SettingsError::Newer),
            Ok(parsed) => (settings.document, settings.values) = (parsed.document, parsed.values),
            Err(LoadError::Missing) => {}
            Err(LoadError::Unreadable(kind)) => return Err(SettingsError::OutOfReach(kind)),
            Err(LoadError::Damaged(damage)) => return Err(SettingsError::Damaged(damage)),
        }
        Ok(settings)
    }

    /// Reads the file again, applies `change` and saves the settings.
    ///
    /// # Errors
    /// Any failure to read, change or save; the settings in memory and in the file are unchanged then.
    pub fn update(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<(), SettingsError>,
    ) -> Result<(), SettingsError> {
        let mut changed = self.reread()?;
        change(&mut changed)?;
        changed.save()?;
        *self = changed;
        Ok(())
    }

    /// Changes the port in memory; see [`update`](Self::update).
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    pub fn set_port(&mut self, port: u16) -> Result<(), SettingsError> {
        self.set(&["port"], i64::from(port))
    }

    /// Changes one setting in memory, named by its path: `["web", "chat_path"]`.
    ///
    /// # Errors
    /// [`SettingsError::WrongType`], with nothing changed.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) -> Result<(), SettingsError> {
        let mut document = self.document.clone();
        toml_edit_ops::set_value(&mut document, path, value.into()).ok_or(SettingsError::WrongType)?;
        self.replace_document(document)
    }

    /// Changes one declared setting in memory; `None` restores its default.
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    pub fn put(&mut self, rules: &Rules, value: Option<SettingValue>) -> Result<(), SettingsError> {
        let path: Vec<&str> = rules.path.split('.').collect();
        match value {
            Some(value) => self.set(&path, value),
            None => self.unset(&path),
        }
    }

    /// Changes a list in memory; see [`set`](Self::set).
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    pub fn set_list(&mut self, path: &[&str], values: &[String]) -> Result<(), SettingsError> {
        self.set(path, values.iter().map(String::as_str).collect::<toml_edit::Array>())
    }

    /// Whether the file has this setting.
    pub fn contains(&self, rules: &Rules) -> bool {
        self.values.declared.contains_key(rules.path)
    }

    /// Moves an account's place in the settings to its new id, or removes it without a new id.
    ///
    /// # Errors
    /// The errors of [`set`](Self::set).
    pub fn move_account(&mut self, old: &str, new: Option<&str>) -> Result<(), SettingsError> {
        if let Some(order) = self.values.tables.account_order.clone() {
            let keep = |id: String| if id == old { new.map(str::to_owned) } else { Some(id) };
            let order: Vec<String> = order.into_iter().filter_map(keep).collect();
            self.set_list(&["account_order"], &order)?;
        }
        match (self.values.tables.only_account.as_deref() == Some(old), new) {
            (true, Some(new)) => self.set(&["only_account"], new),
            (true, None) => self.unset(&["only_account"]),
            (false, _) => Ok(()),
        }
    }

    /// Removes one setting in memory, which restores its default.
    ///
    /// # Errors
    /// [`SettingsError::WrongType`] if the path leads through a value that is not a table.
    pub fn unset(&mut self, path: &[&str]) -> Result<(), SettingsError> {
        let mut document = self.document.clone();
        toml_edit_ops::remove_value(&mut document, path).ok_or(SettingsError::WrongType)?;
        self.replace_document(document)
    }

    /// Writes the file and the last good copy. On an error, the old file is unchanged.
    fn save(&mut self) -> Result<(), SettingsError> {
        self.check_writable()?;
        if !self.document.contains_key("version") {
            self.document.insert("version", toml_edit::value(parse::FORMAT_VERSION));
        }
        if let Some(data_dir) = self.path.parent() {
            create_private_dir(data_dir)?;
        }
        let text = self.document.to_string();
        atomic_write(&self.path, text.as_bytes())?;
        self.save_last_good(&text);
        Ok(())
    }

    fn check_writable(&self) -> Result<(), SettingsError> {
        match self.state {
            FileState::Writable => Ok(()),
            FileState::Newer => Err(SettingsError::Newer),
            FileState::Unreadable => Err(SettingsError::Unreadable),
        }
    }

    fn replace_document(&mut self, document: DocumentMut) -> Result<(), SettingsError> {
        let declared = raw_settings::declared(document.as_table()).map_err(|_| SettingsError::WrongType)?;
        let tables = toml_edit::de::from_document(document.clone()).map_err(|_| SettingsError::WrongType)?;
        (self.document, self.values) = (document, RawSettings { declared, tables });
        Ok(())
    }

    fn use_parsed(&mut self, parsed: ParsedSettings) {
        if parsed.newer {
            self.state = FileState::Newer;
            self.notice = Some(format!(
                "{SETTINGS_FILE_NAME} was written by a newer version of this program. What is known of it is used; nothing is saved to it."
            ));
        } else {
            self.save_last_good(&parsed.text);
        }
        (self.document, self.values) = (parsed.document, parsed.values);
    }

    fn keep_unreadable(&mut self, kind: io::ErrorKind) {
        let used = fallback_text(self.use_last_good());
        self.state = FileState::Unreadable;
        self.notice =
            Some(format!("{SETTINGS_FILE_NAME} cannot be read ({kind}). It is left alone, and {used}."));
    }

    fn set_aside(&mut self, what: &str, now: u64) {
        let kept = set_aside(&self.path, now);
        let copy_found = self.use_last_good();
        let used = fallback_text(copy_found);
        let kept = match kept {
            Ok(ending) => format!("kept as {SETTINGS_FILE_NAME}{ending}"),
            Err(error) => {
                self.state = FileState::Unreadable;
                format!("left in place, because it could not be renamed ({})", error.kind())
            }
        };
        if copy_found && self.state == FileState::Writable {
            // Without the file, the next start would find no settings and not look for the copy. A
            // failure is ignored: the next save would meet it as well.
            let _ = atomic_write(&self.path, self.document.to_string().as_bytes());
        }
        self.notice = Some(format!("{SETTINGS_FILE_NAME} {what}. It was {kept}, and {used}."));
    }

    /// Loads the last good copy. Returns whether there is one.
    fn use_last_good(&mut self) -> bool {
        match parse::read_settings(&last_good_path(&self.path)) {
            Ok(parsed) if !parsed.newer => {
                (self.document, self.values) = (parsed.document, parsed.values);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Saves the last good copy. A failure is ignored, because the copy is only a fallback.
    fn save_last_good(&self, text: &str) {
        let copy = last_good_path(&self.path);
        if fs::read_to_string(&copy).is_ok_and(|kept| kept == text) {
            return;
        }
        let _ = atomic_write(&copy, text.as_bytes());
    }
}

fn fallback_text(copy_found: bool) -> &'static str {
    if copy_found { "the last good copy is used" } else { "the defaults are used" }
}

fn last_good_path(path: &Path) -> PathBuf {
    with_suffix(path, ".last-good")
}

#[cfg(test)]
mod tests;
