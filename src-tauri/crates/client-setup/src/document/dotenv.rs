//! `.env` files: `NAME=value`, also with `export` and quotes.

use super::{Node, NodeKind, Splice, TextError, newline};
use crate::path::Segment;
use crate::value::Value;

pub(super) fn parse(text: &str) -> Result<Node, TextError> {
    let mut members: Vec<(String, Node)> = Vec::new();
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if let Some((name, node)) = assignment(text, line, offset)? {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(TextError::at(text, offset, format!("`{name}` is set here a second time")));
            }
            members.push((name, node));
        }
        offset += line.len();
    }
    Ok(Node { span: 0..text.len(), entry: 0, kind: NodeKind::Object { members, flow: false } })
}

fn assignment(text: &str, line: &str, offset: usize) -> Result<Option<(String, Node)>, TextError> {
    let content = line.trim();
    if content.is_empty() || content.starts_with('#') {
        return Ok(None);
    }
    let Some((name, raw)) = content.split_once('=') else {
        return Err(TextError::at(text, offset, "neither a comment nor NAME=value"));
    };
    let name = name.trim().trim_start_matches("export ").trim().to_owned();
    let raw = raw.trim();
    let end = offset + line.trim_end().len();
    let value =
        unquote(raw).ok_or_else(|| TextError::at(text, offset, "a quote is not closed on its line"))?;
    let kind = NodeKind::Scalar(Value::String(value));
    Ok(Some((name, Node { span: end - raw.len()..end, entry: offset, kind })))
}

/// Removes quotes and comments; `None` if a quote is not closed.
fn unquote(raw: &str) -> Option<String> {
    let Some(quote) = raw.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        return Some(raw.split(" #").next().unwrap_or(raw).trim_end().to_owned());
    };
    let inner = &raw[1..];
    inner.find(quote).map(|end| inner[..end].to_owned())
}

pub(super) fn inline(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_json(), str::to_owned)
}

pub(super) fn insertion(text: &str, segment: &Segment, value: &Value) -> Splice {
    let newline = newline(text);
    let lead = if text.is_empty() || text.ends_with('\n') { "" } else { newline };
    let Segment::Key(name) = segment else { return Splice { at: text.len(), text: String::new() } };
    Splice { at: text.len(), text: format!("{lead}{name}={}{newline}", inline(value)) }
}
