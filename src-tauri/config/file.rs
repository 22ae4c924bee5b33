//! `settings.toml`: loading it whatever state it is in, and saving it without losing what we do not know.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Value};

use super::edit;
use super::parse::{self, Bad, Parsed};
use super::replace::{beside, create_private_dir, replace, set_aside};
use super::values::Values;

const NAME: &str = "settings.toml";

/// Why a setting could not be changed or saved.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("settings.toml was written by a newer version of this program, which must be used to change it")]
    Newer,
    #[error(
        "settings.toml cannot be read, and is left alone so that nothing in it is lost; see the notice at start"
    )]
    Unreadable,
    #[error("settings.toml has no such setting, or not of this type")]
    WrongType,
    #[error("settings.toml could not be saved ({0}); the old one is still in place")]
    Io(#[from] io::Error),
}

/// The settings that the user saved. Comments and unknown keys in the file survive a save.
///
/// One owner at a time changes and saves it, after loading it anew: hand edits made meanwhile are then kept.
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
            Err(Bad::Damaged(what)) => settings.set_aside(&what, now),
        }
        settings
    }

    /// One or two sentences for the user about the state of the file, if there is something to say.
    pub fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes the port in memory; see [`save`](Self::save).
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

    /// Removes one setting in memory, so that its default counts again.
    ///
    /// # Errors
    /// [`SettingsError::WrongType`] if the path leads through something that is no table.
    pub fn unset(&mut self, path: &[&str]) -> Result<(), SettingsError> {
        let mut document = self.document.clone();
        edit::remove(&mut document, path).ok_or(SettingsError::WrongType)?;
        self.take(document)
    }

    /// Writes the file, and the last good copy beside it.
    ///
    /// # Errors
    /// The old file is then still in place, whole.
    pub fn save(&mut self) -> Result<(), SettingsError> {
        match self.state {
            State::Newer => return Err(SettingsError::Newer),
            State::Unreadable => return Err(SettingsError::Unreadable),
            State::Writable => {}
        }
        if !self.document.contains_key("version") {
            self.document.insert("version", toml_edit::value(parse::VERSION));
        }
        if let Some(data_dir) = self.path.parent() {
            create_private_dir(data_dir)?;
        }
        let text = self.document.to_string();
        replace(&self.path, &text)?;
        self.keep_as_last_good(&text);
        Ok(())
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
            let _ = replace(&self.path, &self.document.to_string());
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
        let _ = replace(&copy, text);
    }
}

fn used(copy_found: bool) -> &'static str {
    if copy_found { "the last good copy is used" } else { "the defaults are used" }
}

fn last_good(path: &Path) -> PathBuf {
    beside(path, ".last-good")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    struct Dir(tempfile::TempDir);

    impl Dir {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn with(bytes: impl AsRef<[u8]>) -> Self {
            let dir = Self::new();
            dir.write(bytes);
            dir
        }

        fn write(&self, bytes: impl AsRef<[u8]>) {
            fs::write(self.path(NAME), bytes).unwrap();
        }

        fn text(&self, name: &str) -> String {
            fs::read_to_string(self.path(name)).unwrap()
        }

        fn load(&self) -> SettingsFile {
            SettingsFile::load(self.0.path(), NOW)
        }
    }

    fn bad_files() -> Vec<(&'static str, Vec<u8>)> {
        vec![
            ("empty", Vec::new()),
            ("only spaces", b" \n".to_vec()),
            ("cut", b"version = 1\nport = ".to_vec()),
            ("wrong type", b"version = 1\nport = \"canary\"\n".to_vec()),
            ("wrong table", b"version = 1\nweb = 3\n".to_vec()),
            ("wrong version", b"version = \"one\"\n".to_vec()),
            ("zero version", b"version = 0\n".to_vec()),
            ("nulls", vec![0; 64]),
            ("UTF-16", b"\xff\xfep\0o\0r\0t\0".to_vec()),
            ("more than 1 MB", vec![b'#'; 1 << 21]),
        ]
    }

    #[test]
    fn a_missing_file_means_defaults_without_a_notice() {
        let dir = Dir::new();
        let settings = dir.load();
        assert_eq!(settings.values, Values::default());
        assert_eq!(settings.notice(), None);
    }

    #[test]
    fn f53_a_bad_file_is_kept_and_the_defaults_are_used() {
        for (what, bytes) in bad_files() {
            let dir = Dir::with(&bytes);
            let settings = dir.load();
            assert_eq!(settings.values, Values::default(), "{what}");
            let notice = settings.notice().unwrap();
            assert!(notice.contains("the defaults are used"), "{what}: {notice}");
            assert!(!notice.contains("canary"), "{what}: {notice}");
            assert_eq!(fs::read(dir.path("settings.toml.bad-1700000000")).unwrap(), bytes, "{what}");
            assert!(!dir.path(NAME).exists(), "{what}");
        }
    }

    #[test]
    fn f53_the_last_good_copy_takes_the_place_of_a_bad_file_for_good() {
        for (what, bytes) in bad_files() {
            let dir = Dir::with("version = 1\nport = 4000\n");
            dir.load();
            dir.write(&bytes);
            let settings = dir.load();
            assert_eq!(settings.values.port, Some(4000), "{what}");
            assert!(settings.notice().unwrap().contains("last good copy"), "{what}");
            let next_start = dir.load();
            assert_eq!((next_start.values.port, next_start.notice()), (Some(4000), None), "{what}");
        }
    }

    #[test]
    fn f53_two_bad_files_in_one_second_are_both_kept() {
        let dir = Dir::with("a");
        dir.load();
        dir.write("b");
        dir.load();
        assert_eq!(dir.text("settings.toml.bad-1700000000"), "a");
        assert_eq!(dir.text("settings.toml.bad-1700000001"), "b");
    }

    #[test]
    fn f53_a_folder_in_the_files_place_is_set_aside() {
        let dir = Dir::new();
        fs::create_dir(dir.path(NAME)).unwrap();
        assert!(dir.load().notice().is_some());
        assert!(dir.path("settings.toml.bad-1700000000").is_dir());
    }

    #[test]
    fn f53_a_file_out_of_reach_is_left_alone() {
        let dir = Dir::with("in the way of a directory");
        let mut settings = SettingsFile::load(&dir.path(NAME), NOW);
        let notice = settings.notice().unwrap();
        assert!(notice.contains("left alone") && notice.contains("the defaults are used"), "{notice}");
        assert!(matches!(settings.save(), Err(SettingsError::Unreadable)));
    }

    #[test]
    fn f53_the_notice_names_the_line() {
        let dir = Dir::with("version = 1\n\nport = [\n");
        assert!(dir.load().notice().unwrap().contains("(line "));
        let dir = Dir::with("version = 1\n\nport = true\n");
        assert!(dir.load().notice().unwrap().contains("wrong type (line 3)"));
    }

    #[test]
    fn f53_a_byte_order_mark_is_no_damage() {
        let dir = Dir::with("\u{feff}version = 1\nport = 4000\n");
        let settings = dir.load();
        assert_eq!((settings.values.port, settings.notice()), (Some(4000), None));
    }

    #[test]
    fn f53_a_newer_file_is_read_and_never_written() {
        let newer = "version = 2\nport = 4000\n";
        let dir = Dir::with(newer);
        let mut settings = dir.load();
        assert_eq!(settings.values.port, Some(4000));
        assert!(settings.notice().unwrap().contains("newer"));
        settings.set_port(5000).unwrap();
        assert!(matches!(settings.save(), Err(SettingsError::Newer)));
        assert_eq!(dir.text(NAME), newer);
        dir.write("version = 2\nport = { first = 1 }\n");
        assert_eq!(dir.load().values, Values::default());
        assert!(dir.path(NAME).exists());
    }

    #[test]
    fn f53_comments_and_unknown_fields_survive_a_save() {
        let dir = Dir::with(
            "# mine\nversion = 1\nport = 4000 # chosen\nfuture = [1, 2]\n\n[web]\n# why\nchat_path = \"/x\"\nother = 1\n",
        );
        let mut settings = dir.load();
        settings.set_port(5000).unwrap();
        settings.set(&["web", "chat_path"], "/y").unwrap();
        settings.set(&["aliases", "gpt-4.1"], "x").unwrap();
        settings.save().unwrap();
        assert_eq!(
            dir.text(NAME),
            "# mine\nversion = 1\nport = 5000 # chosen\nfuture = [1, 2]\n\n[web]\n# why\nchat_path = \"/y\"\nother = 1\n\n\
             [aliases]\n\"gpt-4.1\" = \"x\"\n"
        );
        assert_eq!(dir.text("settings.toml.last-good"), dir.text(NAME));
        assert_eq!(dir.load().values, settings.values);
    }

    #[test]
    fn a_first_save_makes_the_directory_and_writes_the_version() {
        let dir = Dir::new();
        let mut settings = SettingsFile::load(&dir.path("new/inner"), NOW);
        settings.set_port(4000).unwrap();
        settings.save().unwrap();
        assert_eq!(fs::read_to_string(settings.path()).unwrap(), "port = 4000\nversion = 1\n");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_and_changes_nothing() {
        let dir = Dir::with("version = 1\nport = 4000\n");
        let mut settings = dir.load();
        assert!(settings.set(&["port"], "text").is_err());
        assert!(settings.set(&["port", "inner"], 1).is_err());
        assert!(settings.set(&[], 1).is_err());
        assert_eq!(settings.values.port, Some(4000));
        settings.unset(&["port"]).unwrap();
        settings.unset(&["limits", "idle_seconds"]).unwrap();
        assert_eq!(settings.values.port, None);
        assert_eq!(settings.document.to_string(), "version = 1\n");
    }

    #[cfg(unix)]
    #[test]
    fn l05_the_saved_file_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = Dir::with("version = 1\n");
        dir.load().save().unwrap();
        for name in [NAME, "settings.toml.last-good"] {
            assert_eq!(fs::metadata(dir.path(name)).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
