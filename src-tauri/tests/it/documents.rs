//! Tests of the documentation: named tests exist, dependencies have reasons, links are valid.

mod links;
mod mentions;

use std::collections::BTreeSet;

use links::root;

/// Maximum number of lines of a README. More text belongs in `docs/`.
const MAX_README_LINES: usize = 150;

/// Prefix of a cell or sentence of SECURITY.md that names tests.
const PROOF_PREFIX: &str = "Shown by:";

#[test]
fn every_promise_names_tests_that_exist() {
    let promises = read("SECURITY.md");
    let tests = names_of_tests();
    let mut missing = Vec::new();
    let proofs: Vec<&str> =
        promises.split(PROOF_PREFIX).skip(1).map(|rest| rest.split("\n\n").next().unwrap_or(rest)).collect();
    assert!(proofs.len() > 5, "SECURITY.md has lost its proofs");
    for proof in proofs {
        let named: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "a promise without a test: {proof}");
        missing.extend(named.into_iter().filter(|name| !tests.contains(*name)).map(str::to_owned));
    }
    assert!(missing.is_empty(), "SECURITY.md names tests that do not exist:\n{}", missing.join("\n"));
}

#[test]
fn every_direct_dependency_has_a_reason() {
    let rows: BTreeSet<String> = read("docs/dependencies.md").lines().filter_map(first_cell).collect();
    let mut unexplained: Vec<String> = manifests().iter().flat_map(|text| dependencies(text)).collect();
    unexplained.retain(|name| !rows.contains(name));
    assert!(unexplained.is_empty(), "docs/dependencies.md says nothing of: {}", unexplained.join(", "));
}

#[test]
fn both_readmes_are_short() {
    for name in ["README.md", "README.zh-CN.md"] {
        let lines = read(name).lines().count();
        assert!(lines < MAX_README_LINES, "{name} has {lines} lines");
    }
}

#[test]
fn both_readmes_show_the_same_commands() {
    let (english, chinese) = (read("README.md"), read("README.zh-CN.md"));
    assert_eq!(code(&english), code(&chinese));
    let titles = |text: &str| text.lines().filter(|line| line.starts_with("## ")).count();
    assert_eq!(titles(&english), titles(&chinese));
}

#[test]
fn every_fault_that_a_test_is_named_after_is_in_the_catalogue() {
    let catalogue: BTreeSet<String> =
        read("docs/fault-catalogue.md").lines().filter_map(catalogue_id).collect();
    assert!(catalogue.len() > 150, "the catalogue has lost its entries");
    let unknown: Vec<String> = names_of_tests()
        .iter()
        .flat_map(|name| fault_ids(name))
        .filter(|id| !catalogue.contains(id))
        .collect();
    assert!(unknown.is_empty(), "not in docs/fault-catalogue.md: {}", unknown.join(", "));
}

/// Id of a row of the fault catalogue: `f01` for "| F01 |".
fn catalogue_id(line: &str) -> Option<String> {
    let id = line.strip_prefix("| ")?.split(' ').next()?.to_lowercase();
    is_fault_id(&id).then_some(id)
}

/// The ids that a test's name begins with: `f11_f17_to_f20_…` has three.
fn fault_ids(test_name: &str) -> Vec<String> {
    let words = test_name.split('_').take_while(|word| is_fault_id(word) || *word == "to");
    words.filter(|word| is_fault_id(word)).map(str::to_owned).collect()
}

fn is_fault_id(word: &str) -> bool {
    let [letter, number @ ..] = word.as_bytes() else { return false };
    letter.is_ascii_lowercase() && number.len() == 2 && number.iter().all(u8::is_ascii_digit)
}

/// Lines of all code blocks without comments, because comments are translated.
fn code(document: &str) -> Vec<String> {
    let blocks = document.split("```").skip(1).step_by(2);
    let bare = |line: &str| line.split('#').next().unwrap_or(line).trim_end().to_owned();
    blocks.flat_map(str::lines).map(bare).collect()
}

/// Manifests of the program and of all crates of the workspace.
fn manifests() -> Vec<String> {
    let crates = root().join("src-tauri/crates");
    let folders = std::fs::read_dir(crates).into_iter().flatten().flatten();
    let members = folders.filter_map(|folder| std::fs::read_to_string(folder.path().join("Cargo.toml")).ok());
    std::iter::once(read("Cargo.toml")).chain(members).collect()
}

/// Names in all `[…dependencies]` tables of a manifest, without crates of the workspace.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut counts = false;
    for line in manifest.lines() {
        if let Some(table) = line.strip_prefix('[') {
            counts = table.trim_end_matches(']').ends_with("dependencies");
        } else if let Some((name, _)) = line.split_once('=').filter(|_| counts) {
            names.insert(name.trim().trim_end_matches(".workspace").to_owned());
        }
    }
    names.retain(|name| !root().join("src-tauri/crates").join(name.replace('_', "-")).is_dir());
    names
}

/// Name in the first cell of a table row that begins with "| `name` |".
fn first_cell(line: &str) -> Option<String> {
    Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned())
}

/// Names of the functions that follow a test attribute or are inside a `proptest!`.
fn names_of_tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (_, code) in crate::tidy::files_under(&root().join("src-tauri")) {
        let mut marked = false;
        for line in code.lines().map(str::trim) {
            if line.starts_with("#[") {
                marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            } else if let Some(name) = function(line) {
                if marked {
                    names.insert(name);
                }
                marked = false;
            }
        }
    }
    names
}

fn function(line: &str) -> Option<String> {
    let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    Some(rest.split_once('(')?.0.to_owned())
}

fn read(name: &str) -> String {
    let path = root().join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}
