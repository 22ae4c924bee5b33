//! YAML with comments. The parser reports positions; changes are made to lines of text.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Node, NodeKind, Splice, TextError, line_end, line_start, newline, whole_lines};
use crate::path::Segment;
use crate::value::Value;

const INDENT: &str = "  ";

/// Maximum nesting depth. The tree is built recursively.
const MAX_DEPTH: usize = 256;

pub(super) fn parse(text: &str) -> Result<Option<Node>, TextError> {
    let mut reader = Reader { text, offsets: Offsets::new(text), events: Vec::new() };
    for event in Parser::new_from_str(text) {
        let event = event.map_err(|error| {
            TextError::at(text, reader.offsets.byte(error.marker().index()), error.info().to_owned())
        })?;
        reader.events.push(event);
    }
    reader.events.reverse();
    reader.document()
}

/// Byte offsets of characters. The parser counts in characters.
struct Offsets {
    bytes: Option<Vec<usize>>,
    len: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let bytes = (!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect());
        Self { bytes, len: text.len() }
    }

    fn byte(&self, index: usize) -> usize {
        match &self.bytes {
            Some(bytes) => bytes.get(index).copied().unwrap_or(self.len),
            None => index.min(self.len),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    offsets: Offsets,
    /// Remaining events in reverse order.
    events: Vec<(Event<'a>, Span)>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Node>, TextError> {
        let mut root = None;
        while let Some((event, span)) = self.events.pop() {
            let start = self.offsets.byte(span.start.index());
            match event {
                Event::StreamStart | Event::StreamEnd | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(self.error(start, "a second document begins here"));
                }
                Event::DocumentStart(_) => {}
                content @ (Event::Alias(_)
                | Event::Scalar(..)
                | Event::SequenceStart(..)
                | Event::SequenceEnd
                | Event::MappingStart(..)
                | Event::MappingEnd) => root = Some(self.node(content, span, None, 0)?),
            }
        }
        Ok(root.filter(|node| !(node.is_null() && node.span.is_empty())))
    }

    fn error(&self, offset: usize, reason: impl Into<String>) -> TextError {
        TextError::at(self.text, offset, reason)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), TextError> {
        self.events.pop().ok_or_else(|| self.error(self.text.len(), "the text ends too early"))
    }

    fn range(&self, span: Span) -> Range<usize> {
        let (start, end) = (self.offsets.byte(span.start.index()), self.offsets.byte(span.end.index()));
        let end = end.max(start);
        start..start + self.text[start..end].trim_end().len()
    }

    fn node(
        &mut self,
        event: Event<'a>,
        span: Span,
        key: Option<Range<usize>>,
        depth: usize,
    ) -> Result<Node, TextError> {
        let mut range = self.range(span);
        if depth > MAX_DEPTH {
            return Err(self.error(range.start, "nested too deeply"));
        }
        let kind = match event {
            Event::SequenceStart(..) => self.sequence(&mut range, depth)?,
            Event::MappingStart(..) => self.mapping(&mut range, depth)?,
            Event::Scalar(text, style, _, tag) => {
                let value = scalar(&text, style);
                if let (Value::Null, Some(key), true) = (&value, &key, text.is_empty()) {
                    range = self.after_colon(key);
                }
                NodeKind::Scalar(if tag.is_some() { Value::Other(text.into_owned()) } else { value })
            }
            Event::Alias(_)
            | Event::SequenceEnd
            | Event::MappingEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => NodeKind::Scalar(Value::Other(self.text[range.clone()].to_owned())),
        };
        Ok(Node { entry: key.map_or(range.start, |key| key.start), span: range, kind })
    }

    /// Empty range after the colon of a key, as the position of its empty value.
    fn after_colon(&self, key: &Range<usize>) -> Range<usize> {
        let at = self.text[key.end..].find(':').map_or(key.end, |colon| key.end + colon + 1);
        at..at
    }

    fn sequence(&mut self, range: &mut Range<usize>, depth: usize) -> Result<NodeKind, TextError> {
        let flow = self.text[range.start..].starts_with('[');
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                if let (false, Some(first)) = (flow, items.first()) {
                    range.start = self.dash_before(first.entry).unwrap_or(range.start);
                }
                self.close(range, flow, span, items.last());
                return Ok(NodeKind::Array { items, flow });
            }
            items.push(self.node(event, span, None, depth + 1)?);
        }
    }

    /// Offset of the dash before the first item. The parser reports a sequence at its key's column as
    /// starting after the dash.
    fn dash_before(&self, item: usize) -> Option<usize> {
        let start = line_start(self.text, item);
        let before = self.text[start..item].trim_end();
        before.ends_with('-').then(|| start + before.len() - 1)
    }

    fn mapping(&mut self, range: &mut Range<usize>, depth: usize) -> Result<NodeKind, TextError> {
        let flow = self.text[range.start..].starts_with('{');
        let mut members: Vec<(String, Node)> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                self.close(range, flow, span, members.last().map(|(_, node)| node));
                return Ok(NodeKind::Object { members, flow });
            }
            let key = self.node(event, span, None, depth + 1)?;
            let name = key_name(&key);
            if members.iter().any(|(known, _)| *known == name) {
                return Err(self.error(key.span.start, format!("the key `{name}` stands here a second time")));
            }
            let (event, span) = self.next()?;
            members.push((name, self.node(event, span, Some(key.span), depth + 1)?));
        }
    }

    fn close(&self, range: &mut Range<usize>, flow: bool, end: Span, last: Option<&Node>) {
        range.end = if flow {
            let bracket = self.offsets.byte(end.start.index());
            self.text[bracket..].find([']', '}']).map_or(bracket, |at| bracket + at + 1)
        } else {
            last.map_or(range.start, |node| node.span.end.max(range.start))
        };
    }
}

fn key_name(key: &Node) -> String {
    let value = key.value();
    match value {
        Value::String(text) | Value::Number(text) | Value::Other(text) => text,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => value.to_json(),
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if text.parse::<f64>().is_ok() => Value::Number(text.to_owned()),
        _ => Value::String(text.to_owned()),
    }
}

/// Text of a value on one line.
///
/// `former` is the text to be replaced; its quotes are kept.
pub(super) fn in_place(former: &str, value: &Value) -> String {
    if former.starts_with('"') { value.to_json() } else { inline(value) }
}

fn inline(value: &Value) -> String {
    value.as_str().filter(|text| is_plain(text)).map_or_else(|| value.to_json(), str::to_owned)
}

fn is_plain(text: &str) -> bool {
    let letter = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let safe =
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | ' '));
    let word = scalar(text, ScalarStyle::Plain) == Value::from(text)
        && !["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str());
    letter && safe && word && !text.contains(": ") && !text.ends_with([':', ' '])
}

/// Lines of an entry; the first has no indentation.
fn block(segment: &Segment, value: &Value, indent: &str, newline: &str) -> String {
    match segment {
        Segment::Key(name) => member(name, value, indent, newline),
        Segment::Item(_) => item(value, indent, newline),
    }
}

fn member(name: &str, value: &Value, indent: &str, newline: &str) -> String {
    let name = inline(&Value::from(name));
    let inner = format!("{indent}{INDENT}");
    if let Value::Object(members) = value
        && !members.is_empty()
    {
        return format!("{name}:{newline}{inner}{}", lines(members, &inner, newline));
    }
    if let Value::Array(items) = value
        && items.iter().any(Value::is_container)
    {
        let separator = format!("{newline}{inner}");
        let items: Vec<_> = items.iter().map(|value| item(value, &inner, newline)).collect();
        return format!("{name}:{separator}{}", items.join(&separator));
    }
    format!("{name}: {}", inline(value))
}

fn lines(members: &[(String, Value)], indent: &str, newline: &str) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| member(name, value, indent, newline)).collect();
    members.join(&format!("{newline}{indent}"))
}

fn item(value: &Value, indent: &str, newline: &str) -> String {
    if let Value::Object(members) = value
        && !members.is_empty()
    {
        return format!("- {}", lines(members, &format!("{indent}{INDENT}"), newline));
    }
    format!("- {}", inline(value))
}

pub(super) fn first_entry(text: &str, segment: &Segment, value: &Value) -> Splice {
    let newline = newline(text);
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    Splice { at: text.len(), text: format!("{lead}{}{newline}", block(segment, value, "", newline)) }
}

/// Splice for an entry after the last one of a block, at the same column.
pub(super) fn insertion(text: &str, parent: &Node, segment: &Segment, value: &Value) -> Splice {
    let newline = newline(text);
    let column = text[line_start(text, parent.span.start)..parent.span.start].chars().count();
    let indent = " ".repeat(column);
    let at = line_end(text, parent.span.end);
    Splice { at, text: format!("{newline}{indent}{}", block(segment, value, &indent, newline)) }
}

/// Splice for the first entry below a key without a value (`models:`).
pub(super) fn fill_null(text: &str, null: &Node, depth: usize, segment: &Segment, value: &Value) -> Splice {
    let newline = newline(text);
    let outer = null.entry - line_start(text, null.entry);
    let indent = if depth == 0 { String::new() } else { " ".repeat(outer + INDENT.len()) };
    let at = line_end(text, null.span.end);
    Splice { at, text: format!("{newline}{indent}{}", block(segment, value, &indent, newline)) }
}

/// Range of an entry's lines.
pub(super) fn removal(text: &str, node: &Node) -> Range<usize> {
    whole_lines(text, node.entry..node.span.end)
}
