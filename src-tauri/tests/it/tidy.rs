//! Rules for the sources that no tool checks: dependencies between modules of a crate, sizes, names.

use std::path::{Path, PathBuf};

/// Modules of a crate, each with the modules of the same crate that it may use. Between crates, the manifests
/// define this.
const ALLOWED_MODULES: &[(&str, &[&str])] = &[
    ("storage/src/config", &["secrets"]),
    ("storage/src/secrets", &[]),
    ("storage/src/request_log", &[]),
    ("gateway/src/accounts", &[]),
    ("gateway/src/auth", &[]),
    ("gateway/src/server", &[]),
    ("gateway/src/proxy", &["accounts", "auth"]),
    ("gateway/src/updates", &[]),
    ("gateway/src/management", &["accounts", "server", "auth", "updates"]),
    ("gateway/src/app", &["accounts", "auth", "management", "proxy", "server"]),
];

/// Names without a subject: the name of a type or constant must contain its subject.
const BARE_NAMES: &[&str] = &[
    "Ask", "Beside", "CALM", "Door", "EVERY", "Entry", "Found", "Inner", "Item", "KEPT", "Kept", "LARGEST",
    "LONGEST", "LOOK", "Limits", "Listed", "MOST", "Memory", "Names", "Nobody", "Nothing", "Offer",
    "PATIENCE", "PAUSE", "Parts", "Place", "Record", "Refusal", "SOON", "Said", "Seen", "Serving", "Shape",
    "Stage", "State",
];

const MAX_FILE_LINES: usize = 400;

#[test]
fn modules_use_only_allowed_modules() {
    let mut broken = Vec::new();
    for (module, allowed) in ALLOWED_MODULES {
        let (folder, name) = module.rsplit_once('/').unwrap();
        let neighbours =
            ALLOWED_MODULES.iter().filter_map(|(module, _)| module.strip_prefix(folder)?.strip_prefix('/'));
        let neighbours: Vec<&str> = neighbours.collect();
        for (path, code) in sources(&crates().join(module)) {
            for other in named_after(&code, "crate::") {
                let known = neighbours.contains(&other.as_str());
                if known && other != name && !allowed.contains(&other.as_str()) {
                    broken.push(format!("{}: {name} uses {other}", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn names_say_their_subject() {
    let mut broken = Vec::new();
    for (path, code) in sources(&root()) {
        for name in BARE_NAMES {
            let definitions =
                ["struct", "enum", "const", "static"].map(|keyword| format!("{keyword} {name}"));
            let follows = |at: usize, len: usize| code[at + len..].chars().next();
            let is_defined = definitions.iter().any(|definition| {
                code.match_indices(definition.as_str()).any(|(at, text)| {
                    !follows(at, text.len()).is_some_and(|c| c.is_alphanumeric() || c == '_')
                })
            });
            if is_defined {
                broken.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn files_are_short_and_modules_are_documented() {
    let mut broken = Vec::new();
    for (path, text) in files_under(&root()) {
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES && !is_test_code(&path) {
            broken.push(format!("{}: {lines} lines", path.display()));
        }
        if !text.starts_with("//!") && !is_test_code(&path) {
            broken.push(format!("{}: does not say what it is for", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn binaries_are_thin() {
    for path in [root().join("main.rs"), crates().join("cli/src/main.rs")] {
        assert!(std::fs::read_to_string(&path).unwrap().lines().count() < 60, "{}", path.display());
    }
}

fn is_test_code(path: &Path) -> bool {
    let inside = path.strip_prefix(root()).unwrap_or(path);
    inside.components().any(|part| part.as_os_str() == "tests") || inside.ends_with("tests.rs")
}

/// Files of a folder without comment lines.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let code = |text: String| {
        text.lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .fold(String::new(), |all, line| all + line + "\n")
    };
    files_under(folder).into_iter().map(|(path, text)| (path, code(text))).collect()
}

/// Path of `src-tauri`, two folders above the crate of these tests.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn crates() -> PathBuf {
    root().join("crates")
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

/// Names that follow a prefix, including the members of a directly following `{…}`.
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
