use super::*;

const NOW: u64 = 1_700_000_000;

fn port(settings: &SettingsFile) -> Option<i64> {
    match settings.value("port") {
        Some(SettingValue::Number(port)) => Some(port),
        _ => None,
    }
}

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
        fs::write(self.path(SETTINGS_FILE_NAME), bytes).unwrap();
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
    assert_eq!(settings.values, RawSettings::default());
    assert_eq!(settings.notice(), None);
}

#[test]
fn f53_a_bad_file_is_kept_and_the_defaults_are_used() {
    for (what, bytes) in bad_files() {
        let dir = Dir::with(&bytes);
        let settings = dir.load();
        assert_eq!(settings.values, RawSettings::default(), "{what}");
        let notice = settings.notice().unwrap();
        assert!(notice.contains("the defaults are used"), "{what}: {notice}");
        assert!(!notice.contains("canary"), "{what}: {notice}");
        assert_eq!(fs::read(dir.path("settings.toml.bad-1700000000")).unwrap(), bytes, "{what}");
        assert!(!dir.path(SETTINGS_FILE_NAME).exists(), "{what}");
    }
}

#[test]
fn f53_the_last_good_copy_takes_the_place_of_a_bad_file_for_good() {
    for (what, bytes) in bad_files() {
        let dir = Dir::with("version = 1\nport = 4000\n");
        dir.load();
        dir.write(&bytes);
        let settings = dir.load();
        assert_eq!(port(&settings), Some(4000), "{what}");
        assert!(settings.notice().unwrap().contains("last good copy"), "{what}");
        let next_start = dir.load();
        assert_eq!((port(&next_start), next_start.notice()), (Some(4000), None), "{what}");
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
    fs::create_dir(dir.path(SETTINGS_FILE_NAME)).unwrap();
    assert!(dir.load().notice().is_some());
    assert!(dir.path("settings.toml.bad-1700000000").is_dir());
}

// Windows reports a path below a file as absent.
#[cfg(unix)]
#[test]
fn f53_a_file_out_of_reach_is_left_alone() {
    let dir = Dir::with("in the way of a directory");
    let mut settings = SettingsFile::load(&dir.path(SETTINGS_FILE_NAME), NOW);
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
    assert_eq!((port(&settings), settings.notice()), (Some(4000), None));
}

#[test]
fn f53_a_newer_file_is_read_and_never_written() {
    let newer = "version = 2\nport = 4000\n";
    let dir = Dir::with(newer);
    let mut settings = dir.load();
    assert_eq!(port(&settings), Some(4000));
    assert!(settings.notice().unwrap().contains("newer"));
    settings.set_port(5000).unwrap();
    assert!(matches!(settings.save(), Err(SettingsError::Newer)));
    assert_eq!(dir.text(SETTINGS_FILE_NAME), newer);
    dir.write("version = 2\nport = { first = 1 }\n");
    assert_eq!(dir.load().values, RawSettings::default());
    assert!(dir.path(SETTINGS_FILE_NAME).exists());
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
        dir.text(SETTINGS_FILE_NAME),
        "# mine\nversion = 1\nport = 5000 # chosen\nfuture = [1, 2]\n\n[web]\n# why\nchat_path = \"/y\"\nother = 1\n\n\
         [aliases]\n\"gpt-4.1\" = \"x\"\n"
    );
    assert_eq!(dir.text("settings.toml.last-good"), dir.text(SETTINGS_FILE_NAME));
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
    assert_eq!(port(&settings), Some(4000));
    settings.unset(&["port"]).unwrap();
    settings.unset(&["limits", "idle_seconds"]).unwrap();
    assert_eq!(port(&settings), None);
    assert_eq!(settings.document.to_string(), "version = 1\n");
}

#[cfg(unix)]
#[test]
fn l05_the_saved_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::with("version = 1\n");
    dir.load().save().unwrap();
    for name in [SETTINGS_FILE_NAME, "settings.toml.last-good"] {
        assert_eq!(fs::metadata(dir.path(name)).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// Settings file that is edited by hand while the program runs.
const BY_HAND: &str = "# mine\nversion = 1\ntheme = \"dark\" # by hand\n\n[limits]\nidle_seconds = 7\n";

#[test]
fn an_edit_made_by_hand_meanwhile_is_kept() {
    let dir = Dir::with("version = 1\nport = 4000\n");
    let mut settings = dir.load();
    dir.write(BY_HAND);
    settings.update(|settings| settings.set(&["language"], "fr")).unwrap();
    assert_eq!(
        dir.text(SETTINGS_FILE_NAME),
        "# mine\nversion = 1\ntheme = \"dark\" # by hand\nlanguage = \"fr\"\n\n[limits]\nidle_seconds = 7\n"
    );
    assert_eq!(settings.values, dir.load().values);
}

#[test]
fn a_file_that_was_broken_meanwhile_is_left_alone_and_the_place_is_named() {
    for (broken, place) in [
        ("version = 1\n\nport = \"canary\"\n", "has a value of the wrong type (line 3, column 8)"),
        ("version = 1\ncanary = 1 2\n", "is not valid TOML (line 2, column 10)"),
        ("# éé\n\"é\" = 1 2\n", "is not valid TOML (line 2, column 7)"),
        (" \n", "is empty"),
    ] {
        let dir = Dir::with("version = 1\nport = 4000\n");
        let mut settings = dir.load();
        dir.write(broken);
        let error = settings.update(|settings| settings.set_port(5000)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("settings.toml {place}")), "{error}");
        assert!(!error.contains("canary"), "{error}");
        assert_eq!((dir.text(SETTINGS_FILE_NAME).as_str(), port(&settings)), (broken, Some(4000)));
        assert!(!dir.path("settings.toml.bad-1700000000").exists());
    }
}

#[test]
fn a_newer_version_that_wrote_the_file_meanwhile_is_obeyed() {
    let dir = Dir::with("version = 1\n");
    let mut settings = dir.load();
    dir.write("version = 2\n");
    assert!(matches!(settings.update(|settings| settings.set_port(1)), Err(SettingsError::Newer)));
    assert_eq!(dir.text(SETTINGS_FILE_NAME), "version = 2\n");
}

#[test]
fn a_file_that_was_deleted_meanwhile_is_written_again() {
    let dir = Dir::with("version = 1\n[client_keys]\nmain = \"digest\"\n");
    let mut settings = dir.load();
    fs::remove_file(dir.path(SETTINGS_FILE_NAME)).unwrap();
    settings.update(|settings| settings.set_port(1)).unwrap();
    assert!(
        dir.text(SETTINGS_FILE_NAME).contains("main = \"digest\"")
            && dir.text(SETTINGS_FILE_NAME).contains("port = 1")
    );
}

#[test]
fn a_change_that_could_not_be_saved_is_not_written_by_the_next_save() {
    let dir = Dir::with("version = 1\nport = 4000\n");
    let mut settings = dir.load();
    // A folder in place of the new file makes the write fail for every user, root included.
    fs::create_dir(dir.path("settings.toml.tmp")).unwrap();
    let failed = settings.update(|settings| settings.set_port(5000));
    assert!(matches!(failed, Err(SettingsError::Io(_))), "{failed:?}");
    assert_eq!(
        (dir.text(SETTINGS_FILE_NAME).as_str(), port(&settings)),
        ("version = 1\nport = 4000\n", Some(4000))
    );
    fs::remove_dir(dir.path("settings.toml.tmp")).unwrap();
    settings.update(|settings| settings.set(&["theme"], "dark")).unwrap();
    assert_eq!(dir.text(SETTINGS_FILE_NAME), "version = 1\nport = 4000\ntheme = \"dark\"\n");
}
