//! Tests of relative links: the target file and heading exist, and each document in `docs/` is linked from
//! another.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders without documents of this project, in addition to hidden ones.
const SKIPPED_FOLDERS: [&str; 3] = ["node_modules", "target", "dist"];

/// A relative link: its document, the path (empty for the document itself), and the anchor.
struct Link {
    from: PathBuf,
    path: String,
    anchor: Option<String>,
}

impl Link {
    fn target(&self) -> PathBuf {
        if self.path.is_empty() {
            self.from.clone()
        } else {
            normalize(&folder_of(&self.from).join(&self.path))
        }
    }

    /// Description of the link's error; `None` if it is valid.
    fn problem(&self) -> Option<String> {
        let target = self.target();
        let shown = |what: &str| Some(format!("{}: {}: {what}", self.from.display(), self.path));
        if !target.exists() {
            return shown("there is no such file");
        }
        let anchor = self.anchor.as_ref()?;
        let text = std::fs::read_to_string(&target).ok()?;
        if anchors(&text).contains(anchor) { None } else { shown(&format!("there is no heading #{anchor}")) }
    }
}

#[test]
fn relative_links_lead_to_files_and_headings() {
    let links: Vec<Link> = documents().iter().flat_map(|path| links_of(path)).collect();
    assert!(links.len() > 50, "the documents have lost their links");
    let problems: Vec<String> = links.iter().filter_map(Link::problem).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn every_document_of_docs_is_linked() {
    let docs = root().join("docs");
    let indexes = [root().join("README.md"), docs.join("README.md"), docs.join("adr/README.md")];
    let linked: BTreeSet<PathBuf> =
        indexes.iter().flat_map(|path| links_of(path)).map(|link| link.target()).collect();
    let lost: Vec<String> = documents()
        .into_iter()
        .filter(|path| path.starts_with(&docs) && !linked.contains(path))
        .map(|path| path.display().to_string())
        .collect();
    assert!(lost.is_empty(), "no index links to: {}", lost.join(", "));
}

#[test]
fn headings_become_anchors_as_on_github() {
    let text =
        "# One, two: *three*\n```sh\n# no heading\n```\n## `settings.toml`\n## 使用 A\n## `settings.toml`\n";
    let expected = ["one-two-three", "settingstoml", "settingstoml-1", "使用-a"];
    assert_eq!(anchors(text), expected.map(str::to_owned).into());
}

pub(super) fn root() -> PathBuf {
    crate::tidy::root().parent().unwrap().to_owned()
}

/// All Markdown files of the repository.
pub(super) fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() && holds_documents(&name) {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

fn holds_documents(folder: &str) -> bool {
    let is_hidden = folder.starts_with('.') && folder != ".github";
    !is_hidden && !SKIPPED_FOLDERS.contains(&folder)
}

fn links_of(document: &Path) -> Vec<Link> {
    let text = std::fs::read_to_string(document).unwrap();
    let prose: Vec<&str> = prose(&text).collect();
    let targets =
        prose.iter().flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split_once(')'));
    targets.filter_map(|(target, _)| relative(document, target)).collect()
}

/// The link to `target`; `None` if that is outside the repository.
fn relative(document: &Path, target: &str) -> Option<Link> {
    if target.contains(':') {
        return None;
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor.to_owned())),
        None => (target, None),
    };
    Some(Link { from: document.to_owned(), path: path.to_owned(), anchor })
}

/// Anchors of a document's headings. The second of two equal ones has the suffix `-1`.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let base = slug(heading.trim_start_matches('#').trim());
        let mut anchor = base.clone();
        let mut count = 0;
        while !found.insert(anchor) {
            count += 1;
            anchor = format!("{base}-{count}");
        }
    }
    found
}

/// Anchor of a heading: lower case, hyphens for spaces, no punctuation.
fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>().to_lowercase()
}

/// The lines outside of code blocks.
pub(super) fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

fn folder_of(document: &Path) -> &Path {
    document.parent().unwrap_or(document)
}

/// The path without `.` and `..`.
fn normalize(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(plain.pop()),
            std::path::Component::CurDir => {}
            std::path::Component::Prefix(_)
            | std::path::Component::RootDir
            | std::path::Component::Normal(_) => plain.push(part),
        }
    }
    plain
}
