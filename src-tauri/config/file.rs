//! `settings.toml`: loading it whatever state it is in, and saving it without losing what we do not know.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Value};

use super::edit;
use super::parse::{self, Bad, Damage, Parsed};
use super::preferences::{Preferences, preferences};
use super::values::Values;
use crate::secrets::{atomic_write, create_private_dir, set_aside, with_suffix};

pub(super) const NAME: &str = "settings.toml";

/// Why a setting could not be changed or saved.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings.toml was written by a newer version of this program, which must be used to change it")]
    Newer,
    #[error(
        "settings.toml cannot be read, and is left alone so that nothing in it is lost; see the notice at start"
    )]
    Unreadable,
    /// The file was readable at the start, and is not now.
    #[error("settings.toml cannot be read ({0}), and is left alone so that nothing in it is lost")]
    OutOfReach(io::ErrorKind),
    /// Somebody changed the file since it was read, into something that is none.
    #[error("settings.toml {0}, so nothing was changed; correct it there and try again")]
    Damaged(Damage),
    #[error("settings.toml has no such setting, or not of this type")]
    WrongType,
    #[error("settings.toml could not be saved ({0}); the old one is still in place")]
    Io(#[from] io::Error),
}

/// The settings that the user saved. Comments and unknown keys in the file survive a save, and so do edits made by hand
/// while the program runs: [`update`](Self::update) reads the file again before it writes.
#[derive(Clone)]
pub struct SettingsFile {
    path: PathBuf,
    document: DocumentMut,
    pub(super) values: Values,
    notice: Option<String>,
    state: State,
}

/// What a save may do to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Writable,
    Newer,
    Unreadable,
}

impl SettingsFile {
    /// Settings with nothing in them; no file is read.
    pub fn empty(data_dir: &Path) -> Self {
        let (document, values) = (DocumentMut::new(), Values::default());
        Self { path: data_dir.join(NAME), document, values, notice: None, state: State::Writable }
    }

    /// Loads the file in `data_dir`. Never fails: a damaged file is set aside as `settings.toml.bad-<now>` and the last
    /// good copy, else the defaults, take its place; [`notice`](Self::notice) then says so.
    ///
    /// `now` is the Unix time in seconds.
    pub fn load(data_dir: &Path, now: u64) -> Self {
        let mut settings = Self::empty(data_dir);
        match parse::read(&settings.path) {
            Ok(parsed) => settings.accept(parsed),
            Err(Bad::Missing) => {}
            Err(Bad::Unreadable(kind)) => settings.leave_alone(kind),
            Err(Bad::Damaged(damage)) => settings.set_aside(&damage.with_line(), now),
        }
        settings
    }

    /// One or two sentences for the user about the state of the file, if there is something to say.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    /// Language, theme and what was asked of the user once; the defaults where they cannot be used.
    pub fn preferences(&self) -> Preferences {
        preferences(&self.values).or_else(|_| preferences(&Values::default())).unwrap_or_default()
    }

    /// The texts of a table, by their keys: for what other rooms keep here, such as the digests of client keys. What is
    /// no text is passed over.
    pub fn texts(&self, table: &str) -> Vec<(String, String)> {
        edit::texts(&self.document, table)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings as the file has them now, unsaved. Where the file is gone, those that were known last.
    ///
    /// # Errors
    /// The file must not be written, or cannot be read now.
    pub fn reread(&self) -> Result<Self, SettingsError> {
        self.check_writable()?;
        let mut settings = self.clone();
        match parse::read(&self.path) {
            Ok(parsed) if parsed.newer => return Err(SettingsError::Newer),
            Ok(parsed) => (settings.document, settings.values) = (parsed.document, parsed.values),
            Err(Bad::Missing) => {}
            Err(Bad::Unreadable(kind)) => return Err(SettingsError::OutOfReach(kind)),
            Err(Bad::Damaged(damage)) => return Err(SettingsError::Damaged(damage)),
        }
        Ok(settings)
    }

    /// Changes the settings as the file has them now, and saves them.
    ///
    /// # Errors
    /// Nothing is changed then, neither here nor in the file.
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
    /// As [`set`](Self::set).
    pub fn set_port(&mut self, port: u16) -> Result<(), SettingsError> {
        self.set(&["port"], i64::from(port))
    }

    /// Changes one setting in memory, named by its path: `["web", "chat_path"]`.
    ///
    /// # Errors
    /// [`SettingsError::WrongType`], with nothing changed.
    pub fn set(&mut self, path: &[&str], value: impl Into<Value>) -> Result<(), SettingsError> {
        let mut document = self.document.clone();
        edit::put(&mut document, path, value.into()).ok_or(SettingsError::WrongType)?;
        self.take(document)
    }

    /// Changes a list in memory; see [`set`](Self::set).
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_list(&mut self, path: &[&str], values: &[String]) -> Result<(), SettingsError> {
        self.set(path, values.iter().map(String::as_str).collect::<toml_edit::Array>())
    }

    /// Whether the file has this setting.
    pub fn has(&self, path: &[&str]) -> bool {
        let mut item = Some(self.document.as_item());
        for name in path {
            item = item.and_then(|item| item.get(name));
        }
        item.is_some()
    }

    /// Lets what is said about an account follow to its new id, or forgets it.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn follow_account(&mut self, old: &str, new: Option<&str>) -> Result<(), SettingsError> {
        if let Some(order) = self.values.account_order.clone() {
            let keep = |id: String| if id == old { new.map(str::to_owned) } else { Some(id) };
            let order: Vec<String> = order.into_iter().filter_map(keep).collect();
            self.set_list(&["account_order"], &order)?;
        }
        match (self.values.only_account.as_deref() == Some(old), new) {
            (true, Some(new)) => self.set(&["only_account"], new),
            (true, None) => self.unset(&["only_account"]),
            (false, _) => Ok(()),
        }
    }

    /// Removes one setting in memory, so that its default counts again.
    ///
    /// # Errors
    /// [`SettingsError::WrongType`] if the path leads through something that is no table.
    pub fn unset(&mut self, path: &[&str]) -> Result<(), SettingsError> {
        let mut document = self.document.clone();
        edit::remove(&mut document, path).ok_or(SettingsError::WrongType)?;
        self.take(document)
    }

    /// Writes the file, and the last good copy beside it. Where it fails, the old file is still in place, whole.
    fn save(&mut self) -> Result<(), SettingsError> {
        self.check_writable()?;
        if !self.document.contains_key("version") {
            self.document.insert("version", toml_edit::value(parse::VERSION));
        }
        if let Some(data_dir) = self.path.parent() {
            create_private_dir(data_dir)?;
        }
        let text = self.document.to_string();
        atomic_write(&self.path, text.as_bytes())?;
        self.keep_as_last_good(&text);
        Ok(())
    }

    fn check_writable(&self) -> Result<(), SettingsError> {
        match self.state {
            State::Writable => Ok(()),
            State::Newer => Err(SettingsError::Newer),
            State::Unreadable => Err(SettingsError::Unreadable),
        }
    }

    fn take(&mut self, document: DocumentMut) -> Result<(), SettingsError> {
        let values = toml_edit::de::from_document(document.clone()).map_err(|_| SettingsError::WrongType)?;
        (self.document, self.values) = (document, values);
        Ok(())
    }

    fn accept(&mut self, parsed: Parsed) {
        if parsed.newer {
            self.state = State::Newer;
            self.notice = Some(format!(
                "{NAME} was written by a newer version of this program. What is known of it is used; nothing is saved to it."
            ));
        } else {
            self.keep_as_last_good(&parsed.text);
        }
        (self.document, self.values) = (parsed.document, parsed.values);
    }

    fn leave_alone(&mut self, kind: io::ErrorKind) {
        let used = used(self.use_last_good());
        self.state = State::Unreadable;
        self.notice = Some(format!("{NAME} cannot be read ({kind}). It is left alone, and {used}."));
    }

    fn set_aside(&mut self, what: &str, now: u64) {
        let kept = set_aside(&self.path, now);
        let copy_found = self.use_last_good();
        let used = used(copy_found);
        let kept = match kept {
            Ok(ending) => format!("kept as {NAME}{ending}"),
            Err(error) => {
                self.state = State::Unreadable;
                format!("left in place, because it could not be renamed ({})", error.kind())
            }
        };
        if copy_found && self.state == State::Writable {
            // With the file gone, the next start would find no settings and no reason to look for the copy. A failure
            // is met again there.
            let _ = atomic_write(&self.path, self.document.to_string().as_bytes());
        }
        self.notice = Some(format!("{NAME} {what}. It was {kept}, and {used}."));
    }

    /// Whether there is a last good copy; it is then in use.
    fn use_last_good(&mut self) -> bool {
        match parse::read(&last_good(&self.path)) {
            Ok(parsed) if !parsed.newer => {
                (self.document, self.values) = (parsed.document, parsed.values);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }

    /// Only a help for worse days: a failure is no reason to refuse the settings at hand.
    fn keep_as_last_good(&self, text: &str) {
        let copy = last_good(&self.path);
        if fs::read_to_string(&copy).is_ok_and(|kept| kept == text) {
            return;
        }
        let _ = atomic_write(&copy, text.as_bytes());
    }
}

fn used(copy_found: bool) -> &'static str {
    if copy_found { "the last good copy is used" } else { "the defaults are used" }
}

fn last_good(path: &Path) -> PathBuf {
    with_suffix(path, ".last-good")
}

#[cfg(test)]
mod tests;
