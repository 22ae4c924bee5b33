//! Normalised form of upstream calls: two calls with the same meaning for a model are equal.

use mock_upstream::RecordedCall;
use serde_json::{Map, Value, json};

use crate::support::Upstream;

pub fn normalize(upstream: Upstream, call: &RecordedCall) -> Value {
    match upstream {
        Upstream::Api => {
            json!({ "model": call.model, "talk": normalize_messages(&call.messages), "wishes": normalize_options(call.fields.clone()) })
        }
        Upstream::Web => {
            json!({ "model": call.model, "preprompt": call.preprompt, "turns": normalize_turns(&call.messages) })
        }
    }
}

/// Normalised turns of a web session. A failed result has either an attribute or the prefix `Error: `,
/// depending on the dialect.
fn normalize_turns(messages: &[Value]) -> Value {
    let turn = |message: &Value| {
        let text = message["content"].as_str().expect("a text");
        let images = message["imagesData"].as_array().expect("a list").iter();
        // A new number precedes each upload's hash.
        let hash = |url: &Value| url.as_str().and_then(|url| url.rsplit('-').next().map(str::to_owned));
        json!({ "text": text.replace(" failed=\"true\">\n", ">\nError: "), "images": images.map(hash).collect::<Vec<_>>() })
    };
    messages.iter().map(turn).collect()
}

/// Fields other than the messages, without those that have the API's default value.
fn normalize_options(mut fields: Map<String, Value>) -> Value {
    if let Some(most) = fields.remove("max_completion_tokens") {
        fields.insert("max_tokens".to_owned(), most);
    }
    for (name, usual) in
        [("tool_choice", json!("auto")), ("parallel_tool_calls", json!(true)), ("stream", json!(false))]
    {
        if fields.get(name) == Some(&usual) {
            fields.remove(name);
        }
    }
    let function = |tool: &mut Value| {
        let function = tool["function"].as_object_mut().expect("a function");
        if function.get("strict") == Some(&Value::Bool(false)) {
            function.remove("strict");
        }
    };
    fields.get_mut("tools").and_then(Value::as_array_mut).into_iter().flatten().for_each(function);
    Value::Object(fields)
}

/// Messages with calls numbered in their order, because one dialect has no ids.
fn normalize_messages(messages: &[Value]) -> Value {
    let mut talk = Normalizer::default();
    messages.iter().for_each(|message| talk.message(message));
    talk.items.retain(|item| item["user"] != json!([]));
    Value::Array(talk.items)
}

#[derive(Default)]
struct Normalizer {
    items: Vec<Value>,
    ids: Vec<String>,
}

impl Normalizer {
    fn number(&self, id: &Value) -> usize {
        self.ids.iter().position(|known| id == known).unwrap_or_else(|| panic!("{id} in {:?}", self.ids))
    }

    fn message(&mut self, message: &Value) {
        let pieces = pieces(&message["content"]);
        match message["role"].as_str().expect("a role") {
            "system" | "developer" => self.items.push(json!({ "system": texts(&pieces) })),
            "assistant" => self.assistant(message, &pieces),
            "tool" => {
                let shown: Vec<&Value> = pieces.iter().filter(|piece| !piece.is_string()).collect();
                let of = self.number(&message["tool_call_id"]);
                self.items.push(json!({ "result": of, "text": texts(&pieces), "shown": shown }));
            }
            _ => self.user(pieces),
        }
    }

    /// Adds an assistant message without its reasoning, which only passthrough keeps.
    fn assistant(&mut self, message: &Value, pieces: &[Value]) {
        let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
        let said: Vec<Value> = calls
            .iter()
            .map(|call| {
                let id = call["id"].as_str().expect("an id").to_owned();
                assert!(!self.ids.contains(&id), "{id} is not the only one: {:?}", self.ids);
                self.ids.push(id);
                let arguments = call["function"]["arguments"].as_str().expect("a text");
                let arguments: Value = serde_json::from_str(arguments).expect("JSON");
                json!({ "name": call["function"]["name"], "arguments": arguments })
            })
            .collect();
        self.items.push(json!({ "assistant": texts(pieces), "calls": said }));
    }

    /// Adds a user message. Attachments of a tool result that are in the user message are moved to the
    /// result.
    fn user(&mut self, pieces: Vec<Value>) {
        let mut own = Vec::new();
        let mut pieces = pieces.into_iter();
        while let Some(piece) = pieces.next() {
            match piece.as_str().and_then(parse_attachment_note) {
                None => own.push(piece),
                Some((count, id)) => {
                    let of = self.number(&json!(id));
                    let result = self.items.iter_mut().rfind(|item| item["result"] == of).expect("a result");
                    result["shown"].as_array_mut().expect("a list").extend(pieces.by_ref().take(count));
                }
            }
        }
        self.items.push(json!({ "user": own }));
    }
}

/// Number of the following attachments, and the id of their result.
fn parse_attachment_note(text: &str) -> Option<(usize, &str)> {
    let rest = text.strip_prefix("The ")?.strip_suffix(':')?;
    let (what, id) = rest.split_once(" of the tool result ")?;
    let count = what.split_once(' ').map_or(Some(1), |(count, _)| count.parse().ok())?;
    Some((count, id))
}

/// Content parts, with texts as strings.
fn pieces(content: &Value) -> Vec<Value> {
    match content {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![json!(text)],
        Value::Array(parts) => parts
            .iter()
            .map(|part| if part["type"] == "text" { part["text"].clone() } else { part.clone() })
            .collect(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => panic!("no content: {content}"),
    }
}

fn texts(pieces: &[Value]) -> String {
    pieces.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}
