//! Edits of single values in a configuration file, and the record of each that undo needs.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::document::{Document, Format, TextError};
use crate::path::{Path, Segment};
use crate::tree::{lookup, put, without, wrap};
use crate::value::Value;

/// A value that a client's file must have.
#[derive(Clone, Debug)]
pub struct Edit {
    pub path: Path,
    pub value: Value,
    /// Whether the value is only written where the file has none, as for a time stamp.
    pub only_if_absent: bool,
}

impl Edit {
    pub fn set(path: Path, value: impl Into<Value>) -> Self {
        Self { path, value: value.into(), only_if_absent: false }
    }

    /// Splits an object into one edit per member, recursively; any other value is a single edit.
    pub(crate) fn leaves(&self) -> Vec<Self> {
        let Value::Object(members) = &self.value else { return vec![self.clone()] };
        let member = |(name, value): &(String, Value)| {
            Self {
                path: self.path.clone().key(name),
                value: value.clone(),
                only_if_absent: self.only_if_absent,
            }
            .leaves()
        };
        members.iter().flat_map(member).collect()
    }

    pub fn if_absent(path: Path, value: impl Into<Value>) -> Self {
        Self { path, value: value.into(), only_if_absent: true }
    }
}

/// Kind of a splice, with the text that undo needs.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Splicing {
    /// `text` was added, commas, indentation and new parents included.
    Inserted { text: String },
    /// The value was replaced; `former` is its former text.
    Replaced { former: String },
}

/// A value that was set, with its former value. `Debug` shows the path only, because both values may be keys.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Change {
    pub(crate) path: Path,
    /// Number of steps of `path` that existed before.
    existing: usize,
    /// The value before the first edit; `None` if there was none.
    pub(crate) before: Option<Value>,
    pub(crate) ours: Value,
    splicing: Splicing,
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Change").field("path", &self.path.to_string()).finish_non_exhaustive()
    }
}

/// Applies `edit` and records it in `changes`. A value that was set before keeps its first former value.
///
/// # Errors
/// A value of another kind is in the way, or the result would not be the old value with exactly this change.
pub(crate) fn apply(
    document: Document,
    edit: &Edit,
    changes: &mut Vec<Change>,
) -> Result<Document, TextError> {
    let (depth, node) = document.deepest(&edit.path);
    let Some(node) = node.filter(|_| depth == edit.path.0.len()) else {
        return insert(document, edit, depth, changes);
    };
    let current = node.value();
    if edit.only_if_absent || current == edit.value {
        return Ok(document);
    }
    if let (Value::Object(_), Value::Object(members)) = (&current, &edit.value) {
        let mut document = document;
        for (name, value) in members {
            document = apply(document, &Edit::set(edit.path.clone().key(name), value.clone()), changes)?;
        }
        return Ok(document);
    }
    replace(document, edit, current, changes)
}

fn insert(
    document: Document,
    edit: &Edit,
    depth: usize,
    changes: &mut Vec<Change>,
) -> Result<Document, TextError> {
    let (existing, missing) = edit.path.0.split_at(depth);
    let [segment, below @ ..] = missing else { return Ok(document) };
    let null_parent = document.find(existing).is_some_and(|node| node.value() == Value::Null);
    if null_parent && document.format != Format::Yaml {
        let parent = Edit::set(Path(existing.to_vec()), wrap(missing, &edit.value));
        return replace(document, &parent, Value::Null, changes);
    }
    let value = wrap(below, &edit.value);
    let splice = document.insertion(existing, segment, &value)?;
    let mut text = document.text.clone();
    text.insert_str(splice.at, &splice.text);
    let result = verified(&document, text, &edit.path, Some(&edit.value))?;
    changes.push(Change {
        path: edit.path.clone(),
        existing: depth,
        before: None,
        ours: edit.value.clone(),
        splicing: Splicing::Inserted { text: splice.text },
    });
    Ok(result)
}

fn replace(
    document: Document,
    edit: &Edit,
    current: Value,
    changes: &mut Vec<Change>,
) -> Result<Document, TextError> {
    let Some(node) = document.find(&edit.path.0) else { return Ok(document) };
    if current.is_container() != edit.value.is_container() && current != Value::Null {
        let reason = format!("`{}` is of another kind than expected", edit.path);
        return Err(document.error_at(node, reason));
    }
    let (span, mut text) = (node.span.clone(), document.text.clone());
    let rendered = document.rendered_in_place(node, &edit.value);
    let former = text[span.clone()].to_owned();
    text.replace_range(span, &rendered);
    let result = verified(&document, text, &edit.path, Some(&edit.value))?;
    note_replaced(edit, current, &former, &rendered, changes);
    Ok(result)
}

/// Records the replacement of a value. If the value is inside an entry that an earlier change inserted, that
/// change is updated instead.
fn note_replaced(edit: &Edit, before: Value, former: &str, rendered: &str, changes: &mut Vec<Change>) {
    let around = changes.iter_mut().find(|change| edit.path.0.starts_with(&change.path.0));
    let Some(change) = around else {
        changes.push(Change {
            path: edit.path.clone(),
            existing: edit.path.0.len(),
            before: Some(before),
            ours: edit.value.clone(),
            splicing: Splicing::Replaced { former: former.to_owned() },
        });
        return;
    };
    let below = &edit.path.0[change.path.0.len()..];
    put(&mut change.ours, below, Some(&edit.value));
    if let Splicing::Inserted { text } = &mut change.splicing
        && text.matches(former).count() == 1
    {
        *text = text.replacen(former, rendered, 1);
    }
}

/// Parses the new text and checks that its value is the old one with exactly this change.
fn verified(old: &Document, text: String, path: &Path, new: Option<&Value>) -> Result<Document, TextError> {
    let result = Document::parse(old.format, text)?;
    let mut expected = old.value();
    put(&mut expected, &path.0, new);
    if same_but_for_order(&expected, &result.value(), path) {
        return Ok(result);
    }
    let (_, nearest) = old.deepest(path);
    let reason = format!("`{path}` cannot be changed here without changing more");
    Err(match nearest {
        Some(node) => old.error_at(node, reason),
        None => TextError { line: 1, column: 1, reason },
    })
}

/// Whether two values are equal apart from the position of an item in its array: an item is inserted before
/// the last one if a comment follows that one.
fn same_but_for_order(expected: &Value, result: &Value, path: &Path) -> bool {
    expected == result || {
        let (mut expected, mut result) = (expected.clone(), result.clone());
        let parent: Vec<_> = path
            .0
            .iter()
            .rposition(|segment| matches!(segment, Segment::Item(_)))
            .map_or(Vec::new(), |at| path.0[..=at].to_vec());
        let there = lookup(&expected, &parent) == lookup(&result, &parent);
        put(&mut expected, &parent, None);
        put(&mut result, &parent, None);
        !parent.is_empty() && there && expected == result
    }
}

/// Current state of a value that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Present {
    AsSet,
    /// The value is gone, or equals its former value.
    AsBefore,
    Changed,
}

impl Change {
    /// The value set at `path`, if `path` is the path of this change or inside it.
    pub(crate) fn ours_at(&self, path: &Path) -> Option<&Value> {
        lookup(&self.ours, path.0.strip_prefix(&self.path.0[..])?)
    }

    /// Whether one of the two paths is inside the other.
    pub(crate) fn overlaps(&self, path: &Path) -> bool {
        self.path.0.starts_with(&path.0) || path.0.starts_with(&self.path.0)
    }

    pub(crate) fn present(&self, document: &Document) -> Present {
        let now = document.find(&self.path.0).map(super::document::Node::value);
        match now {
            Some(value) if value == self.ours => Present::AsSet,
            now if now == self.before => Present::AsBefore,
            None => Present::AsBefore,
            Some(_) => Present::Changed,
        }
    }

    /// Undoes the change whatever the present value is. Returns `true` if the text is exactly as if the
    /// change had never been made.
    ///
    /// # Errors
    /// The result would not be the present value without exactly this change.
    pub(crate) fn undo(&self, document: Document) -> Result<(Document, bool), TextError> {
        match &self.splicing {
            Splicing::Replaced { former } => self.put_back(document, former),
            Splicing::Inserted { text } => match self.inserted_at(&document, text) {
                Some(at) => self.cut(document, at..at + text.len()).map(|document| (document, true)),
                None => self.take_out(document).map(|document| (document, false)),
            },
        }
    }

    fn put_back(&self, document: Document, former: &str) -> Result<(Document, bool), TextError> {
        let Some(node) = document.find(&self.path.0) else { return Ok((document, true)) };
        let mut text = document.text.clone();
        text.replace_range(node.span.clone(), former);
        let result = verified(&document, text, &self.path, self.before.as_ref())?;
        Ok((result, true))
    }

    /// Offset of the inserted text around its entry, if the text and the value are unchanged.
    fn inserted_at(&self, document: &Document, inserted: &str) -> Option<usize> {
        if document.find(&self.path.0)?.value() != self.ours {
            return None;
        }
        let entry = document.find(&self.path.0[..=self.existing])?.entry;
        let leaf = document.find(&self.path.0)?;
        let around = |at: usize| at <= entry && leaf.span.end <= at + inserted.len();
        let mut found = document
            .text
            .match_indices(inserted)
            .map(|(at, _)| at)
            .filter(|at| around(*at) || table_around(document, *at, inserted, entry));
        found.next().filter(|at| self.cut(document.clone(), *at..*at + inserted.len()).is_ok())
    }

    /// Cuts a range that must contain exactly this value and the parents that were created for it.
    fn cut(&self, document: Document, range: std::ops::Range<usize>) -> Result<Document, TextError> {
        let mut text = document.text.clone();
        text.replace_range(range, "");
        let top = Path(self.path.0[..=self.existing].to_vec());
        verified(&document, text.clone(), &top, None).or_else(|error| {
            // The insertion created the root of an empty file, or the container of an empty YAML value.
            let emptied = Document::parse(document.format, text)?;
            let parent = &self.path.0[..self.existing];
            let gone = emptied.find(parent).is_none_or(|node| node.value() == Value::Null);
            if gone && without(&document.value(), parent) == without(&emptied.value(), parent) {
                Ok(emptied)
            } else {
                Err(error)
            }
        })
    }

    /// Removes the value, and then the parents that were created for it and are empty now.
    fn take_out(&self, document: Document) -> Result<Document, TextError> {
        let mut document = document;
        for depth in (self.existing..self.path.0.len()).rev() {
            let path = Path(self.path.0[..=depth].to_vec());
            let Some(node) = document.find(&path.0) else { continue };
            let value = node.value();
            if depth + 1 < self.path.0.len() && !(value.is_empty_container() || value == Value::Null) {
                break;
            }
            let Some(range) = document.removal(&path) else { break };
            document = self.remove_one(document, &path, range)?;
        }
        Ok(document)
    }

    fn remove_one(
        &self,
        document: Document,
        path: &Path,
        range: std::ops::Range<usize>,
    ) -> Result<Document, TextError> {
        let mut text = document.text.clone();
        text.replace_range(range, "");
        verified(&document, text.clone(), path, None).or_else(|error| {
            let emptied = Document::parse(document.format, text)?;
            let (_, parent) = path.0.split_last().ok_or_else(|| error.clone())?;
            let gone = emptied.find(parent).is_none_or(|node| node.value() == Value::Null);
            if gone && without(&document.value(), parent) == without(&emptied.value(), parent) {
                Ok(emptied)
            } else {
                Err(error)
            }
        })
    }
}

/// Whether the inserted text is a TOML table that contains the entry: the entry of a table begins at the key
/// inside its header.
fn table_around(document: &Document, at: usize, inserted: &str, entry: usize) -> bool {
    document.format == Format::Toml && (at..at + inserted.len()).contains(&entry)
}
