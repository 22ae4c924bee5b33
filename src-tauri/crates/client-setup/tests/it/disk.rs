//! Tests of files that are links, protected, broken, large, or on a full disk.

use std::fs;
#[cfg(unix)]
use std::os::unix::fs::{PermissionsExt as _, symlink};

use mammouth_client_setup::Error;

use crate::support::{KEY, TestHome};
#[cfg(unix)]
use crate::support::{client, connection};

const SETTINGS: &str = ".claude/settings.json";

/// Plans a set-up that must fail and checks that nothing below the home folder has changed.
fn refused(home: &TestHome, id: &str) -> Error {
    let before = home.tree();
    let error = home.set_up(id).unwrap_err();
    assert!(home.tree() == before, "{error}");
    error
}

#[cfg(unix)]
#[test]
fn a_link_stays_a_link_and_its_file_is_written() {
    let home = TestHome::new();
    let real = home.write("dotfiles/claude.json", "{}\n");
    fs::create_dir(home.path(".claude")).unwrap();
    symlink(&real, home.path(SETTINGS)).unwrap();
    home.set_up("claude-code").unwrap();
    assert!(home.path(SETTINGS).is_symlink());
    assert!(home.read("dotfiles/claude.json").contains(KEY));
    home.undo("claude-code").unwrap();
    assert!(home.path(SETTINGS).is_symlink());
    assert_eq!(home.read("dotfiles/claude.json"), "{}\n");
}

#[cfg(unix)]
#[test]
fn the_plan_says_where_a_link_leads() {
    let home = TestHome::new();
    let real = home.write("dotfiles/claude.json", "{}\n");
    fs::create_dir(home.path(".claude")).unwrap();
    symlink(&real, home.path(SETTINGS)).unwrap();
    let view = home.plan("claude-code").unwrap().view();
    assert_eq!(view.files[0].real_path, Some(fs::canonicalize(real).unwrap()));
}

#[cfg(unix)]
#[test]
fn a_link_into_nothing_is_refused() {
    let home = TestHome::new();
    fs::create_dir(home.path(".claude")).unwrap();
    symlink(home.path("gone.json"), home.path(SETTINGS)).unwrap();
    let error = home.set_up("claude-code").unwrap_err();
    assert!(matches!(error, Error::DanglingLink { .. }), "{error}");
}

#[test]
fn a_read_only_file_is_refused() {
    let home = TestHome::new();
    let path = home.write(SETTINGS, "{}\n");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    assert!(matches!(refused(&home, "claude-code"), Error::ReadOnly { .. }));
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_refused() {
    let home = TestHome::new();
    home.write(SETTINGS, "{}\n");
    fs::set_permissions(home.path(".claude"), fs::Permissions::from_mode(0o555)).unwrap();
    assert!(matches!(refused(&home, "claude-code"), Error::ReadOnly { .. }));
    fs::set_permissions(home.path(".claude"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_file_of_another_user_is_refused() {
    let mut home = TestHome::new();
    home.write(SETTINGS, "{}\n");
    home.environment.user_id = Some(u32::MAX - 1);
    assert!(matches!(refused(&home, "claude-code"), Error::ForeignOwner { .. }));
}

#[cfg(unix)]
#[test]
fn a_file_with_a_key_is_for_its_owner_only_until_undo() {
    let home = TestHome::new();
    let path = home.write(SETTINGS, "{}\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert!(home.plan("claude-code").unwrap().view().files[0].narrows_mode);
    home.set_up("claude-code").unwrap();
    assert_eq!(mode(), 0o600);
    home.undo("claude-code").unwrap();
    assert_eq!(mode(), 0o644);
}

#[cfg(unix)]
#[test]
fn a_file_without_a_key_keeps_its_mode() {
    let home = TestHome::new();
    let path = home.write(".codex/config.toml", "");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    home.set_up("codex-app").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn a_folder_in_place_of_a_file_is_refused() {
    let home = TestHome::new();
    fs::create_dir_all(home.path(SETTINGS)).unwrap();
    assert!(matches!(refused(&home, "claude-code"), Error::NotAFile { .. }));
}

#[test]
fn text_in_another_encoding_is_refused_with_its_place() {
    let home = TestHome::new();
    home.write(SETTINGS, b"{\n  \"a\": \"\xe9\"\n}\n");
    let error = refused(&home, "claude-code");
    assert!(matches!(error, Error::NotUtf8 { line: 2, column: 9, .. }), "{error:?}");
    home.write(SETTINGS, b"\xff\xfe{\0}\0");
    assert!(matches!(refused(&home, "claude-code"), Error::NotUtf8 { line: 1, column: 1, .. }));
}

#[test]
fn a_file_that_does_not_parse_is_refused_with_its_place() {
    let broken = [
        ("claude-code", SETTINGS, "{\n  \"a\": 1,,\n}\n", "line 2, column 10"),
        ("claude-code", SETTINGS, "{\n  // strict JSON\n}\n", "line 2, column 3"),
        ("claude-code", SETTINGS, "{\n  \"a\": 1,\n  \"a\": 2\n}\n", "line 3, column 3"),
        ("claude-code", SETTINGS, "{\n  \"env\": []\n}\n", "line 2, column 3"),
        ("claude-code", SETTINGS, "{\n  \"env\": {\"ANTHROPIC_BASE_URL\": []}\n}\n", "line 2, column 11"),
        ("claude-code", SETTINGS, "[]\n", "line 1, column 1"),
        ("claude-code", SETTINGS, "{\"a\": \"never closed", "line 1, column 7"),
        ("codex-app", ".codex/config.toml", "a = 1\na = 2\n", "line 2, column 1"),
        ("codex-app", ".codex/config.toml", "model_providers = 1\n", "line 1, column 1"),
        ("continue", ".continue/config.yaml", "a: 1\na: 2\n", "line 2, column 1"),
        ("continue", ".continue/config.yaml", "models: text\n", "line 1, column 1"),
        ("continue", ".continue/config.yaml", "a: 1\n---\nb: 2\n", "line 2, column 1"),
        ("continue", ".continue/config.yaml", "a: [1\n", "line"),
    ];
    for (id, path, text, place) in broken {
        let home = TestHome::new();
        home.write(path, text);
        let error = refused(&home, id).to_string();
        assert!(error.contains(place) && error.contains(path), "{text}: {error}");
    }
}

#[test]
fn ten_megabytes_are_changed_in_place() {
    let home = TestHome::new();
    let text = format!("{{\n  \"history\": \"{}\",\n  \"env\": {{}}\n}}\n", "x".repeat(10 << 20));
    home.write(SETTINGS, &text);
    home.set_up("claude-code").unwrap();
    assert!(home.read(SETTINGS).contains(KEY));
    home.undo("claude-code").unwrap();
    assert!(home.read(SETTINGS) == text);
}

#[test]
fn a_file_of_no_sane_size_is_refused() {
    let home = TestHome::new();
    let path = home.write(SETTINGS, "{}");
    fs::File::options().write(true).open(path).unwrap().set_len(64 << 20).unwrap();
    assert!(matches!(home.set_up("claude-code"), Err(Error::TooLarge { .. })));
}

#[test]
fn a_nesting_without_end_is_refused() {
    let home = TestHome::new();
    home.write(SETTINGS, "[".repeat(100_000));
    assert!(matches!(refused(&home, "claude-code"), Error::Text { .. }));
    home.write(".continue/config.yaml", "[".repeat(5_000));
    assert!(matches!(refused(&home, "continue"), Error::Text { .. }));
}

#[test]
fn a_file_changed_after_the_plan_is_refused() {
    let home = TestHome::new();
    home.write(SETTINGS, "{}\n");
    let plan = home.plan("claude-code").unwrap();
    home.write(SETTINGS, "{\"theirs\": 1}\n");
    let error = home.setup().apply(plan).unwrap_err();
    assert!(matches!(error, Error::ChangedMeanwhile { .. }), "{error}");
    assert_eq!(home.read(SETTINGS), "{\"theirs\": 1}\n");
    assert!(matches!(home.undo("claude-code"), Err(Error::NotSetUp { .. })));
}

/// Claude Desktop has four files: the last one is changed by another program after the plan.
#[test]
fn files_already_written_are_put_back_if_a_later_one_fails() {
    let home = TestHome::new();
    let (first, last) =
        (".config/Claude-3p/claude_desktop_config.json", ".config/Claude/claude_desktop_config.json");
    home.write(first, "{ \"deploymentMode\": \"1p\" }");
    home.write(last, "{}");
    let plan = home.plan("claude-desktop").unwrap();
    home.write(last, "{\"theirs\": 1}");
    let before = home.tree();
    let error = home.setup().apply(plan).unwrap_err();
    assert!(matches!(error, Error::ChangedMeanwhile { .. }), "{error}");
    assert!(home.tree() == before, "{:?}", home.tree().keys());
    assert!(home.setup().set_up_clients().unwrap().is_empty());
}

/// Runs this test again in a child process with a limit on file sizes, which fails writes as a full disk
/// does.
#[cfg(unix)]
#[test]
fn a_full_disk_changes_nothing() {
    const HOME: &str = "CLIENT_SETUP_TEST_HOME";
    if let Some(home) = std::env::var_os(HOME) {
        return on_a_full_disk(home.into());
    }
    let home = TestHome::new();
    home.write(SETTINGS, "{}\n");
    let before = home.tree();
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "sh"])
        .arg(program)
        .args(["--exact", "disk::a_full_disk_changes_nothing"])
        .env(HOME, &home.environment.home)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(home.tree() == before);
}

#[cfg(unix)]
fn on_a_full_disk(home: std::path::PathBuf) {
    let mut environment = TestHome::new().environment;
    environment.home = home.clone();
    let setup = mammouth_client_setup::ClientSetup::new(environment, &home.join("../data"));
    let plan = setup.plan(client("claude-code"), &connection()).unwrap();
    assert!(matches!(setup.apply(plan), Err(Error::Io { action: "written", .. })));
}
