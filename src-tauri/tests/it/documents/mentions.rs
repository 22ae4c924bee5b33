//! Tests of names in backticks in the documentation: files and folders of the repository, and names of tests.

use std::path::Path;

use super::links::{documents, prose, root};

/// Folders whose paths are relative to the root of the repository.
const FOLDERS: [&str; 7] = ["src-tauri/", "ui/", "script/", "docs/", "fuzz/", "packaging/", ".github/"];

#[test]
fn files_and_folders_that_documents_mention_exist() {
    let is_path = |word: &str| FOLDERS.iter().any(|folder| word.starts_with(folder));
    let missing = mentions(|word| is_path(word) && !root().join(word).exists());
    assert!(missing.is_empty(), "there is no\n{}", missing.join("\n"));
}

#[test]
fn tests_that_documents_mention_exist() {
    let tests = super::names_of_tests();
    let is_test = |word: &str| word.contains('_') && !super::fault_ids(word).is_empty();
    let missing = mentions(|word| is_test(word) && !tests.contains(word));
    assert!(missing.is_empty(), "there is no test\n{}", missing.join("\n"));
}

/// Words in backticks without spaces that match `wanted`, with their documents.
fn mentions(wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        let words = prose(&text).flat_map(|line| line.split('`').skip(1).step_by(2));
        let words = words.filter(|word| !word.contains([' ', '*', '…', '<']) && wanted(word));
        found.extend(words.map(|word| format!("{word} ({})", shown(&document))));
    }
    found
}

fn shown(document: &Path) -> String {
    document.strip_prefix(root()).unwrap_or(document).display().to_string()
}
