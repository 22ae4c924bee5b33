//! Tests of the parser with outputs of models, split into chunks in every way.

mod chunking;
mod corpus;
mod hostile;

use std::sync::Arc;

use serde_json::{Value, json};

use super::parser::{CallParser, Segment};
use super::tool_set::ToolSet;
use protocol::{Request, Tool};

/// The tools that every output of the corpus was written for.
fn tool_set() -> Arc<ToolSet> {
    let text = || json!({"type": "string"});
    let object = |required: Value, properties: Value| json!({"type": "object", "required": required, "properties": properties});
    let edit = object(json!(["old", "new"]), json!({"old": text(), "new": text()}));
    let todo = object(
        json!(["content", "status"]),
        json!({"content": text(), "status": {"type": "string", "enum": ["open", "done"]}}),
    );
    let whole = json!({"type": "integer"});
    let list = |items: Value| json!({"type": "array", "items": items});
    let tools = [
        ("read_file", json!(["path"]), json!({"path": text(), "offset": whole, "limit": whole})),
        ("write_file", json!(["path", "content"]), json!({"path": text(), "content": text()})),
        ("edit", json!(["path", "edits"]), json!({"path": text(), "edits": list(edit)})),
        ("bash", json!(["command"]), json!({"command": text(), "timeout": {"type": "number"}})),
        (
            "search",
            json!(["query"]),
            json!({"query": text(), "tags": list(text()), "deep": {"type": "boolean"}}),
        ),
        ("tool_call", json!(["name", "input"]), json!({"name": text(), "input": {"type": "object"}})),
        ("get_time", json!([]), json!({})),
        ("todo", json!(["todos"]), json!({"todos": list(todo)})),
    ];
    let tools = tools.into_iter().map(|(name, required, properties)| Tool {
        name: name.to_owned(),
        description: None,
        parameters: object(required, properties),
        strict: false,
    });
    Arc::new(ToolSet::from_request(&Request { tools: tools.collect(), ..Request::default() }))
}

/// Parses a reply that arrives in these chunks.
fn parse<'a>(offer: &Arc<ToolSet>, slices: impl IntoIterator<Item = &'a str>) -> Vec<Segment> {
    let mut parser = CallParser::new(Arc::clone(offer));
    let mut pieces = Vec::new();
    slices.into_iter().for_each(|slice| parser.push(slice, &mut pieces));
    parser.finish(&mut pieces);
    join_texts(pieces)
}

/// Joins adjacent texts.
fn join_texts(pieces: Vec<Segment>) -> Vec<Segment> {
    let mut all: Vec<Segment> = Vec::new();
    for piece in pieces {
        match (all.last_mut(), piece) {
            (Some(Segment::Text(last)), Segment::Text(text)) => last.push_str(&text),
            (_, piece) => all.push(piece),
        }
    }
    all
}

/// The slices between all characters.
fn characters(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, c)| &text[at..at + c.len_utf8()])
}
