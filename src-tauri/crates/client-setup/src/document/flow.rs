//! Entries between brackets: JSON, and the flow style of YAML and TOML.

use std::ops::Range;

use super::{Node, Splice, indent_unit, indentation, line_end, newline};
use crate::path::Segment;
use crate::value::{Value, quote};

/// Layout of a value over several lines.
struct Layout<'a> {
    newline: &'a str,
    unit: &'a str,
}

impl Layout<'_> {
    fn render(&self, value: &Value, indent: &str) -> String {
        let inner = format!("{indent}{}", self.unit);
        match value {
            Value::Object(members) if !members.is_empty() => {
                let entries = members.iter().map(|(key, value)| self.member(key, value, &inner)).collect();
                self.enclosed(['{', '}'], entries, indent)
            }
            Value::Array(items) if items.iter().any(Value::is_container) => {
                let entries = items.iter().map(|item| self.render(item, &inner)).collect();
                self.enclosed(['[', ']'], entries, indent)
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Other(_)
            | Value::Array(_)
            | Value::Object(_) => value.to_json(),
        }
    }

    fn enclosed(&self, [open, close]: [char; 2], entries: Vec<String>, indent: &str) -> String {
        let line = format!("{}{indent}{}", self.newline, self.unit);
        let entries = entries.join(&format!(",{line}"));
        format!("{open}{line}{entries}{}{indent}{close}", self.newline)
    }

    fn member(&self, key: &str, value: &Value, indent: &str) -> String {
        format!("{}: {}", quote(key), self.render(value, indent))
    }

    fn entry(&self, segment: &Segment, value: &Value, indent: &str) -> String {
        match segment {
            Segment::Key(name) => self.member(name, value, indent),
            Segment::Item(_) => self.render(value, indent),
        }
    }
}

fn compact(segment: &Segment, value: &Value) -> String {
    match segment {
        Segment::Key(name) => format!("{}: {}", quote(name), value.to_json()),
        Segment::Item(_) => value.to_json(),
    }
}

/// Splice for the first value of a file without one: `{…}` or `[…]` after the comments.
pub(super) fn first_entry(text: &str, segment: &Segment, value: &Value) -> Splice {
    let (newline, unit) = (newline(text), indent_unit(text));
    let layout = Layout { newline, unit: &unit };
    let (open, close) = if matches!(segment, Segment::Key(_)) { ('{', '}') } else { ('[', ']') };
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    let entry = layout.entry(segment, value, &unit);
    Splice { at: text.len(), text: format!("{lead}{open}{newline}{unit}{entry}{newline}{close}{newline}") }
}

/// Splice for an entry at the end of a container. `lines` permits several lines.
pub(super) fn insertion(text: &str, parent: &Node, segment: &Segment, value: &Value, lines: bool) -> Splice {
    let unit = indent_unit(text);
    let layout = Layout { newline: newline(text), unit: &unit };
    match parent.entries().last() {
        None => into_empty(text, parent, segment, value, lines.then_some(&layout)),
        Some(last) => behind(text, parent, last, segment, value, &layout, lines),
    }
}

fn into_empty(
    text: &str,
    parent: &Node,
    segment: &Segment,
    value: &Value,
    layout: Option<&Layout<'_>>,
) -> Splice {
    let close = parent.span.end - 1;
    let inside = &text[parent.span.start + 1..close];
    let Some(layout) = layout else { return Splice { at: close, text: compact(segment, value) } };
    let outer = indentation(text, parent.span.start);
    let indent = format!("{outer}{}", layout.unit);
    let at = parent.span.start + 1 + inside.trim_end().len();
    let tail =
        if text[at..close].contains('\n') { String::new() } else { format!("{}{outer}", layout.newline) };
    let entry = layout.entry(segment, value, &indent);
    Splice { at, text: format!("{}{indent}{entry}{tail}", layout.newline) }
}

fn behind(
    text: &str,
    parent: &Node,
    last: &Node,
    segment: &Segment,
    value: &Value,
    layout: &Layout<'_>,
    lines: bool,
) -> Splice {
    let first = parent.entries()[0].entry;
    let on_lines = lines && text[parent.span.start..first].contains('\n');
    let indent = if on_lines { indentation(text, last.entry) } else { "" };
    let entry = if on_lines { layout.entry(segment, value, indent) } else { compact(segment, value) };
    let gap = if on_lines { format!("{}{indent}", layout.newline) } else { " ".to_owned() };
    let tail = &text[last.span.end..parent.span.end - 1];
    if let Some(comma) = tail_comma(tail) {
        return Splice { at: last.span.end + comma + 1, text: format!("{gap}{entry},") };
    }
    if tail.trim().is_empty() {
        return Splice { at: last.span.end, text: format!(",{gap}{entry}") };
    }
    // A comma would separate the last entry from its comment, so the new entry precedes both.
    Splice { at: last.entry, text: format!("{entry},{gap}") }
}

/// Offset of a trailing comma before or after comments; commas inside comments are ignored.
fn tail_comma(tail: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = &tail[at..];
        let skipped = rest.len() - rest.trim_start().len();
        at += skipped;
        let rest = &tail[at..];
        match rest {
            _ if rest.starts_with(',') => return Some(at),
            _ if rest.starts_with("//") || rest.starts_with('#') => at = line_end(tail, at),
            _ if rest.starts_with("/*") => at += rest.find("*/")? + 2,
            _ => return None,
        }
        if at >= tail.len() {
            return None;
        }
    }
}

/// Text of a value in place of `former`, on one line if `former` was.
pub(super) fn in_place(text: &str, former: Range<usize>, value: &Value) -> String {
    let was_empty = text[former.clone()].len() <= 2;
    if !was_empty && !text[former.clone()].contains('\n') {
        return value.to_json();
    }
    let unit = indent_unit(text);
    Layout { newline: newline(text), unit: &unit }.render(value, indentation(text, former.start))
}

/// Range of an entry with one comma, and with its line if it has one of its own.
pub(super) fn removal(text: &str, parent: &Node, node: &Node) -> Range<usize> {
    let entries = parent.entries();
    let index = entries.iter().position(|entry| entry.span == node.span).unwrap_or(0);
    let close = parent.span.end - 1;
    let next = entries.get(index + 1).map_or(close, |entry| entry.entry);
    if let Some(comma) = tail_comma(&text[node.span.end..next]) {
        let end = node.span.end + comma + 1;
        let start = before_entry(text, node.entry, parent.span.start + 1);
        return start..end;
    }
    let start = match index.checked_sub(1).map(|before| entries[before]) {
        Some(previous) => {
            let between = &text[previous.span.end..node.entry];
            // The comma is removed. A comment in between can only stay if it is after the removed range.
            previous.span.end + tail_comma(between).filter(|_| !has_comment(between)).unwrap_or(0)
        }
        None => before_entry(text, node.entry, parent.span.start + 1),
    };
    start..node.span.end
}

fn has_comment(text: &str) -> bool {
    text.contains("//") || text.contains("/*")
}

/// Start of the white space before an entry, not before `floor`.
fn before_entry(text: &str, entry: usize, floor: usize) -> usize {
    let space = &text[floor..entry];
    floor + space.trim_end_matches([' ', '\t', '\r', '\n']).len()
}
