//! The text of a configuration file and the positions of its values in it.
//!
//! Every format is read into the same tree of [`Node`]s, each with its span. Changes are splices of the text, so that
//! comments, order and indentation of everything else stay byte for byte.

mod dotenv;
mod flow;
mod json;
mod toml;
mod yaml;

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::path::{Path, Segment};
use crate::value::Value;

/// Format of a configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Strict JSON: the client rejects comments and trailing commas.
    Json,
    /// JSON with comments and trailing commas.
    Jsonc,
    Json5,
    Toml,
    Yaml,
    /// `NAME=value` lines.
    Dotenv,
}

/// Error at a position of the text: it cannot be parsed, or not be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct TextError {
    /// Line, counted from 1.
    pub line: usize,
    /// Column in characters, counted from 1.
    pub column: usize,
    pub reason: String,
}

impl TextError {
    fn at(text: &str, offset: usize, reason: impl Into<String>) -> Self {
        let (line, column) = position(text, offset);
        Self { line, column, reason: reason.into() }
    }
}

/// Line and column of a byte offset, both from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// A value with its position in the text.
#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) span: Range<usize>,
    /// Offset of the entry: the key of a member, otherwise the value itself.
    pub(crate) entry: usize,
    pub(crate) kind: NodeKind,
}

#[derive(Clone)]
pub(crate) enum NodeKind {
    Scalar(Value),
    Array { items: Vec<Node>, flow: bool },
    Object { members: Vec<(String, Node)>, flow: bool },
}

impl Node {
    pub(crate) fn value(&self) -> Value {
        match &self.kind {
            NodeKind::Scalar(value) => value.clone(),
            NodeKind::Array { items, .. } => Value::Array(items.iter().map(Self::value).collect()),
            NodeKind::Object { members, .. } => {
                Value::Object(members.iter().map(|(key, node)| (key.clone(), node.value())).collect())
            }
        }
    }

    fn child(&self, segment: &Segment) -> Option<&Self> {
        match (segment, &self.kind) {
            (Segment::Key(name), NodeKind::Object { members, .. }) => {
                members.iter().find(|(key, _)| key == name).map(|(_, node)| node)
            }
            (Segment::Item(_), NodeKind::Array { items, .. }) => {
                items.iter().find(|item| segment.matches(&item.value()))
            }
            _ => None,
        }
    }

    fn is_flow(&self) -> bool {
        match &self.kind {
            NodeKind::Array { flow, .. } | NodeKind::Object { flow, .. } => *flow,
            NodeKind::Scalar(_) => true,
        }
    }

    /// Entries of the container in the order of the text.
    fn entries(&self) -> Vec<&Self> {
        match &self.kind {
            NodeKind::Scalar(_) => Vec::new(),
            NodeKind::Array { items, .. } => items.iter().collect(),
            NodeKind::Object { members, .. } => members.iter().map(|(_, node)| node).collect(),
        }
    }

    fn accepts(&self, segment: &Segment) -> bool {
        matches!(
            (segment, &self.kind),
            (Segment::Key(_), NodeKind::Object { .. }) | (Segment::Item(_), NodeKind::Array { .. })
        )
    }

    fn is_null(&self) -> bool {
        matches!(self.kind, NodeKind::Scalar(Value::Null))
    }
}

/// A parsed configuration file. `text` excludes a byte order mark.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) format: Format,
    pub(crate) text: String,
    /// The root value; `None` if the file has only white space and comments.
    pub(crate) root: Option<Node>,
}

impl Document {
    pub(crate) fn parse(format: Format, text: String) -> Result<Self, TextError> {
        let root = match format {
            Format::Json | Format::Jsonc | Format::Json5 => json::parse(format, &text)?,
            Format::Toml => Some(toml::parse(&text)?),
            Format::Yaml => yaml::parse(&text)?,
            Format::Dotenv => Some(dotenv::parse(&text)?),
        };
        Ok(Self { format, text, root })
    }

    /// The whole value; an empty object if there is none.
    pub(crate) fn value(&self) -> Value {
        self.root.as_ref().map_or(Value::Object(Vec::new()), Node::value)
    }

    pub(crate) fn find(&self, path: &[Segment]) -> Option<&Node> {
        path.iter().try_fold(self.root.as_ref()?, |node, segment| node.child(segment))
    }

    /// Length and node of the longest part of `path` that exists.
    pub(crate) fn deepest(&self, path: &Path) -> (usize, Option<&Node>) {
        let Some(mut node) = self.root.as_ref() else { return (0, None) };
        for (depth, segment) in path.0.iter().enumerate() {
            match node.child(segment) {
                Some(child) => node = child,
                None => return (depth, Some(node)),
            }
        }
        (path.0.len(), Some(node))
    }

    pub(crate) fn line_of(&self, node: &Node) -> usize {
        position(&self.text, node.entry).0
    }

    pub(crate) fn error_at(&self, node: &Node, reason: impl Into<String>) -> TextError {
        TextError::at(&self.text, node.entry, reason)
    }

    /// Splice for a new entry.
    ///
    /// # Errors
    /// The container is not of the kind that `segment` requires.
    pub(crate) fn insertion(
        &self,
        existing: &[Segment],
        segment: &Segment,
        value: &Value,
    ) -> Result<Splice, TextError> {
        let Some(parent) = self.find(existing) else { return Ok(self.first_entry(segment, value)) };
        if parent.is_null() && self.format == Format::Yaml {
            return Ok(yaml::fill_null(&self.text, parent, existing.len(), segment, value));
        }
        if !parent.accepts(segment) {
            return Err(self.error_at(
                parent,
                format!("`{}` is of another kind than expected", Path(existing.to_vec())),
            ));
        }
        match self.format {
            Format::Toml => toml::insertion(&self.text, parent, existing, segment, value),
            Format::Yaml if !parent.is_flow() => Ok(yaml::insertion(&self.text, parent, segment, value)),
            Format::Dotenv => Ok(dotenv::insertion(&self.text, segment, value)),
            Format::Json | Format::Jsonc | Format::Json5 => {
                Ok(flow::insertion(&self.text, parent, segment, value, true))
            }
            Format::Yaml => Ok(flow::insertion(&self.text, parent, segment, value, false)),
        }
    }

    fn first_entry(&self, segment: &Segment, value: &Value) -> Splice {
        match self.format {
            Format::Yaml => yaml::first_entry(&self.text, segment, value),
            Format::Json | Format::Jsonc | Format::Json5 | Format::Toml | Format::Dotenv => {
                flow::first_entry(&self.text, segment, value)
            }
        }
    }

    /// Text of a value in place of `node`.
    pub(crate) fn rendered_in_place(&self, node: &Node, value: &Value) -> String {
        match self.format {
            Format::Toml => toml::inline(value),
            Format::Yaml => yaml::in_place(&self.text[node.span.clone()], value),
            Format::Dotenv => dotenv::inline(value),
            Format::Json | Format::Jsonc | Format::Json5 => {
                flow::in_place(&self.text, node.span.clone(), value)
            }
        }
    }

    /// Range to remove for the entry at `path`.
    pub(crate) fn removal(&self, path: &Path) -> Option<Range<usize>> {
        let (_, parent) = path.0.split_last()?;
        let (node, parent) = (self.find(&path.0)?, self.find(parent)?);
        match self.format {
            Format::Toml if !parent.is_flow() => Some(toml::removal(&self.text, path, node)),
            Format::Yaml if !parent.is_flow() => Some(yaml::removal(&self.text, node)),
            Format::Dotenv => Some(whole_lines(&self.text, node.entry..node.span.end)),
            Format::Json | Format::Jsonc | Format::Json5 | Format::Toml | Format::Yaml => {
                Some(flow::removal(&self.text, parent, node))
            }
        }
    }
}

/// Text to insert at an offset.
#[derive(Clone)]
pub(crate) struct Splice {
    pub(crate) at: usize,
    pub(crate) text: String,
}

/// Line ending of the file, taken from its first line.
fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |newline| newline + 1)
}

/// End of the line at `offset`, before its line ending.
fn line_end(text: &str, offset: usize) -> usize {
    let end = text[offset..].find('\n').map_or(text.len(), |newline| offset + newline);
    if end > offset && text[..end].ends_with('\r') { end - 1 } else { end }
}

fn whole_lines(text: &str, span: Range<usize>) -> Range<usize> {
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline + 1);
    line_start(text, span.start)..end
}

/// White space before the first character of the line at `offset`.
fn indentation(text: &str, offset: usize) -> &str {
    let line = &text[line_start(text, offset)..];
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// Unit of indentation: that of the first indented line, otherwise two spaces.
fn indent_unit(text: &str) -> String {
    text.lines()
        .map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()])
        .find(|space| !space.is_empty() && space.len() <= 8)
        .unwrap_or("  ")
        .to_owned()
}
