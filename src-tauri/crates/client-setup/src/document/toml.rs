//! TOML.

use std::ops::Range;

use toml_edit::{Document, Item, Table, TableLike};

use super::{Node, NodeKind, Splice, TextError, line_end, newline, whole_lines};
use crate::path::{Path, Segment};
use crate::value::{Value, quote};

pub(super) fn parse(text: &str) -> Result<Node, TextError> {
    let document = Document::parse(text).map_err(|error| {
        TextError::at(text, error.span().map_or(0, |span| span.start), error.message().to_owned())
    })?;
    Ok(table(text, document.as_table(), 0..text.len(), 0))
}

fn table(text: &str, table: &Table, span: Range<usize>, entry: usize) -> Node {
    Node { span, entry, kind: NodeKind::Object { members: members(text, table), flow: false } }
}

fn members(text: &str, table: &dyn TableLike) -> Vec<(String, Node)> {
    let mut members: Vec<_> = table
        .iter()
        .map(|(name, item)| {
            let key = table.key(name).and_then(toml_edit::Key::span);
            (name.to_owned(), node(text, item, key.map_or(0, |span| span.start)))
        })
        .collect();
    members.sort_by_key(|(_, node)| node.entry);
    members
}

fn node(text: &str, item: &Item, key: usize) -> Node {
    let span = item.span().unwrap_or(key..key);
    match item {
        Item::Table(inner) => table(text, inner, span, key),
        Item::ArrayOfTables(tables) => {
            let items = tables.iter().map(|inner| {
                let span = inner.span().unwrap_or(key..key);
                table(text, inner, span.clone(), span.start)
            });
            Node { span, entry: key, kind: NodeKind::Array { items: items.collect(), flow: false } }
        }
        Item::Value(value) => Node { kind: value_kind(text, value, &span), span, entry: key },
        Item::None => Node { span, entry: key, kind: NodeKind::Scalar(Value::Null) },
    }
}

fn value_kind(text: &str, value: &toml_edit::Value, span: &Range<usize>) -> NodeKind {
    let raw = || text.get(span.clone()).unwrap_or_default().to_owned();
    match value {
        toml_edit::Value::String(string) => NodeKind::Scalar(Value::String(string.value().clone())),
        toml_edit::Value::Boolean(flag) => NodeKind::Scalar(Value::Bool(*flag.value())),
        toml_edit::Value::Integer(_) | toml_edit::Value::Float(_) => NodeKind::Scalar(Value::Number(raw())),
        toml_edit::Value::Datetime(_) => NodeKind::Scalar(Value::Other(raw())),
        toml_edit::Value::Array(array) => NodeKind::Array {
            items: array
                .iter()
                .map(|item| {
                    let span = item.span().unwrap_or_default();
                    Node { kind: value_kind(text, item, &span), entry: span.start, span }
                })
                .collect(),
            flow: true,
        },
        toml_edit::Value::InlineTable(inner) => {
            NodeKind::Object { members: members(text, inner), flow: !inner.is_dotted() }
        }
    }
}

/// Text of a value after `key = `.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            format!("{{ {} }}", members.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Other(_) => {
            value.to_json()
        }
    }
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if bare { name.to_owned() } else { quote(name) }
}

/// Splice for a key in its table, or for a new table at the end of the file.
pub(super) fn insertion(
    text: &str,
    parent: &Node,
    existing: &[Segment],
    segment: &Segment,
    value: &Value,
) -> Result<Splice, TextError> {
    let Segment::Key(name) = segment else {
        return Err(TextError::at(text, parent.entry, "entries of an array of tables are not written"));
    };
    if parent.is_flow() {
        return Ok(inline_insertion(text, parent, name, value));
    }
    if let Value::Object(members) = value {
        let mut path: Vec<String> = existing.iter().filter_map(key_of).collect();
        path.push(key(name));
        return Ok(appended(text, &path, members));
    }
    Ok(into_table(text, parent, existing, &format!("{} = {}", key(name), inline(value))))
}

fn inline_insertion(text: &str, parent: &Node, name: &str, value: &Value) -> Splice {
    let entry = format!("{} = {}", key(name), inline(value));
    match parent.entries().last() {
        Some(last) => Splice { at: last.span.end, text: format!(", {entry}") },
        None => {
            let close = parent.span.end - 1;
            let at = parent.span.start + 1 + text[parent.span.start + 1..close].trim_end().len();
            Splice { at, text: format!(" {entry} ") }
        }
    }
}

fn key_of(segment: &Segment) -> Option<String> {
    if let Segment::Key(name) = segment { Some(key(name)) } else { None }
}

fn appended(text: &str, path: &[String], members: &[(String, Value)]) -> Splice {
    let newline = newline(text);
    let lead = match text {
        "" => "",
        _ if text.ends_with('\n') => newline,
        _ => &newline.repeat(2),
    };
    let mut lines = Vec::new();
    write_table(path, members, &mut lines);
    Splice { at: text.len(), text: format!("{lead}{}{newline}", lines.join(newline)) }
}

fn write_table(path: &[String], members: &[(String, Value)], lines: &mut Vec<String>) {
    let (tables, values): (Vec<_>, Vec<_>) =
        members.iter().partition(|(_, value)| matches!(value, Value::Object(_)));
    if !values.is_empty() || tables.is_empty() {
        lines.push(format!("[{}]", path.join(".")));
    }
    lines.extend(values.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))));
    for (name, value) in tables {
        let Value::Object(members) = value else { continue };
        if !lines.is_empty() {
            lines.push(String::new());
        }
        write_table(&[path, &[key(name)]].concat(), members, lines);
    }
}

/// Splice after the last value of the table itself, or at the table's beginning.
fn into_table(text: &str, parent: &Node, existing: &[Segment], entry: &str) -> Splice {
    let newline = newline(text);
    let last = parent.entries().into_iter().filter(|node| is_value(node)).map(|node| node.span.end).max();
    match last {
        Some(end) => {
            let at = line_end(text, end);
            Splice { at, text: format!("{newline}{entry}") }
        }
        None if existing.is_empty() => Splice { at: 0, text: format!("{entry}{newline}") },
        None => Splice { at: line_end(text, parent.span.end), text: format!("{newline}{entry}") },
    }
}

/// Whether the node is a value or a dotted key, not a table with a header.
fn is_value(node: &Node) -> bool {
    match &node.kind {
        NodeKind::Scalar(_) => true,
        NodeKind::Array { flow, .. } | NodeKind::Object { flow, .. } => *flow,
    }
}

/// Range of a value's lines, or of a table up to the next header outside it.
pub(super) fn removal(text: &str, path: &Path, node: &Node) -> Range<usize> {
    if is_value(node) {
        return whole_lines(text, node.entry..node.span.end);
    }
    let header: Vec<String> = path.0.iter().filter_map(key_of).collect();
    let below = format!("[{}", header.join("."));
    let start = super::line_start(text, node.span.start);
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        let line_text = line.trim_start();
        let ours = line_text.strip_prefix(&below).is_some_and(|rest| rest.starts_with(['.', ']']));
        if line_text.starts_with('[') && !ours {
            break;
        }
        end += line.len();
    }
    start..end
}
