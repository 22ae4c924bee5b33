//! The borders of the rooms, read from the sources: who uses whom, which outside crate lives where, how long files are.

use std::path::{Path, PathBuf};

/// Room, and the rooms it may use: the table in `lib.rs`.
const ALLOWED_MODULES: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("config", &["protocol", "secrets"]),
    ("secrets", &[]),
    ("request_log", &[]),
    ("dialects", &["protocol"]),
    ("upstreams", &["protocol", "secrets"]),
    ("accounts", &["config", "secrets", "upstreams", "request_log"]),
    ("auth", &["config", "secrets"]),
    ("server", &[]),
    ("proxy", &["protocol", "dialects", "upstreams", "accounts", "request_log", "auth"]),
    (
        "management",
        &["protocol", "accounts", "request_log", "config", "server", "secrets", "auth", "upstreams"],
    ),
    ("mock_upstream", &[]),
    (
        "app",
        &[
            "auth",
            "accounts",
            "protocol",
            "config",
            "management",
            "dialects",
            "request_log",
            "proxy",
            "secrets",
            "server",
            "mock_upstream",
            "upstreams",
        ],
    ),
    ("cli", &["app", "config", "management", "request_log", "secrets", "server", "accounts"]),
    ("desktop", &["app", "management", "config", "secrets"]),
];

/// Outside crate, and the rooms it keeps to.
const CRATE_MODULES: &[(&str, &[&str])] = &[
    ("tauri", &["desktop"]),
    ("gtk", &["desktop"]),
    ("webkit2gtk", &["desktop"]),
    ("zbus", &["desktop"]),
    ("reqwest", &["upstreams", "cli"]),
    ("keyring", &["secrets"]),
    ("keyring_core", &["secrets"]),
    ("secret_service", &["secrets"]),
    ("zbus_secret_service_keyring_store", &["secrets"]),
    ("chacha20poly1305", &["secrets"]),
    ("warp", &["auth", "proxy", "management", "server", "app"]),
    ("hyper", &["upstreams", "auth", "proxy", "management", "server", "mock_upstream", "app"]),
    ("hyper_util", &["server", "mock_upstream", "upstreams"]),
    ("rusqlite", &["request_log", "accounts"]),
    ("toml_edit", &["config"]),
    ("tiktoken", &["protocol"]),
    ("clap", &["cli"]),
    ("libc", &["cli"]),
];

const MAX_FILE_LINES: usize = 400;

#[test]
fn modules_use_only_allowed_modules() {
    let mut broken = Vec::new();
    for (room, allowed) in ALLOWED_MODULES {
        // A room's own tests may stand it on others: the retry loop is tested against the simulator.
        for (path, code) in sources(room).into_iter().filter(|(path, _)| !is_test_code(path)) {
            for other in named_after(&code, "crate::") {
                let known = ALLOWED_MODULES.iter().any(|(name, _)| *name == other);
                if known && other != *room && !allowed.contains(&other.as_str()) {
                    broken.push(format!("{}: {room} uses {other}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn external_crates_stay_in_their_modules() {
    let mut broken = Vec::new();
    for (room, _) in ALLOWED_MODULES {
        for (path, code) in sources(room) {
            for (name, homes) in CRATE_MODULES {
                let used = code.contains(&format!("use {name}::")) || uses_path(&code, name);
                if used && !homes.contains(room) {
                    broken.push(format!("{}: {name} is not at home in {room}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn files_are_short_and_modules_are_documented() {
    let mut broken = Vec::new();
    for (room, _) in ALLOWED_MODULES {
        for (path, _) in sources(room) {
            let text = std::fs::read_to_string(&path).unwrap();
            let lines = text.lines().count();
            if lines > MAX_FILE_LINES {
                broken.push(format!("{}: {lines} lines", path.display()));
            }
            if !text.starts_with("//!") && !is_test_code(&path) {
                broken.push(format!("{}: does not say what it is for", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn binaries_are_thin() {
    for (path, text) in files_under(&root().join("bin")) {
        assert!(text.lines().count() < 60, "{}", path.display());
    }
}

fn is_test_code(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    inside.components().any(|part| part.as_os_str() == "tests") || inside.ends_with("tests.rs")
}

/// The files of a room without comments.
fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let code = |text: String| {
        text.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |all, line| all + line + "\n")
    };
    files_under(&root().join(room)).into_iter().map(|(path, text)| (path, code(text))).collect()
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src-tauri")
}

pub fn files_under(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(dir) else { return found };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_under(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The names that follow a prefix, the members of `{…}` right behind it included.
fn named_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{').and_then(|group| group.split_once('}')) {
            Some((group, _)) => names.extend(group.split(',').map(|name| word(name.trim()))),
            None => names.push(word(rest)),
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// Whether a path begins with the crate's name: ` name::` or `(name::`, but not `other::name::`.
fn uses_path(code: &str, name: &str) -> bool {
    let pattern = format!("{name}::");
    code.match_indices(&pattern).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}
