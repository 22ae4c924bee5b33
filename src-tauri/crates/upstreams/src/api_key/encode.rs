//! Encoder of a request as the body of a chat completion. Pure.

use std::borrow::Cow;

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::ModelParams;
use crate::transport::prompt_tokens::total_bytes;
use protocol::{
    ImageDetail, Message, Part, ReasoningEffort, Request, ResponseFormat, Role, Tool, ToolChoice, ToolResult,
};

/// Estimated size of a body without its texts and images, bytes.
const ENVELOPE_BYTES: usize = 4 * 1024;

/// Encodes a request. Only the reasoning of earlier turns is lost, which the format cannot express. Images are written
/// directly into the one buffer: they are most of a large request, and every copy would be in memory at the same time.
pub(super) fn encode(request: &Request, params: ModelParams<'_>) -> Vec<u8> {
    let messages = request.messages.chunk_by(both_contain_results).flat_map(messages).collect();
    let body = Body { messages, rest: request_params(request, params) };
    let mut buffer = Vec::with_capacity(total_bytes(request) / 3 * 4 + ENVELOPE_BYTES);
    serde_json::to_writer(&mut buffer, &body).expect("texts become JSON and a buffer takes them");
    buffer
}

/// The fields of the body except the messages.
fn request_params(request: &Request, params: ModelParams<'_>) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", json!(params.model));
    set("stream", if request.stream { json!(true) } else { Value::Null });
    set("stream_options", if request.stream { json!({"include_usage": true}) } else { Value::Null });
    set("max_tokens", json!(request.max_tokens.or(params.max_tokens)));
    set("stop", if request.stop.is_empty() { Value::Null } else { json!(request.stop) });
    tools(request, &mut set);
    set("response_format", format(&request.format));
    set("reasoning_effort", effort(request.effort, params.supports_reasoning));
    let sampling = request.sampling;
    set("temperature", json!(sampling.temperature));
    set("top_p", json!(sampling.top_p));
    set("top_k", json!(sampling.top_k));
    set("presence_penalty", json!(sampling.presence_penalty));
    set("frequency_penalty", json!(sampling.frequency_penalty));
    set("seed", json!(sampling.seed));
    body
}

#[derive(Serialize)]
struct Body<'a> {
    messages: Vec<ChatMessage<'a>>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Message of a chat completion request.
#[derive(Serialize)]
#[serde(untagged)]
enum ChatMessage<'a> {
    Plain(Value),
    Pieces { role: &'static str, content: Vec<ContentPart<'a>> },
}

/// A part of a user's message.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
    File { file: FileData<'a> },
}

#[derive(Serialize)]
struct FileData<'a> {
    filename: &'a str,
    file_data: &'a str,
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    #[serde(serialize_with = "write_url")]
    url: &'a Part,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

fn write_url<S: Serializer>(part: &&Part, serializer: S) -> Result<S::Ok, S::Error> {
    match part {
        Part::Image(image) => {
            let data = Base64Display::new(image.bytes(), &STANDARD);
            serializer.collect_str(&format_args!("data:{};base64,{data}", image.kind().media_type()))
        }
        Part::ImageLink(link) => serializer.serialize_str(link.url.as_str()),
        Part::Text(_) | Part::Reasoning(_) | Part::File(_) | Part::Call(_) | Part::Result(_) => {
            serializer.serialize_none()
        }
    }
}

fn tools(request: &Request, set: &mut impl FnMut(&str, Value)) {
    if request.tools.is_empty() {
        return;
    }
    set("tools", request.tools.iter().map(tool).collect());
    set(
        "tool_choice",
        match &request.tool_choice {
            ToolChoice::Auto => Value::Null,
            ToolChoice::None => json!("none"),
            ToolChoice::Required => json!("required"),
            ToolChoice::Named(name) => json!({"type": "function", "function": {"name": name}}),
        },
    );
    set("parallel_tool_calls", if request.single_tool_call { json!(false) } else { Value::Null });
}

fn tool(tool: &Tool) -> Value {
    let mut function = json!({"name": tool.name, "parameters": tool.parameters});
    if let Some(description) = &tool.description {
        function["description"] = json!(description);
    }
    if tool.strict {
        function["strict"] = json!(true);
    }
    json!({"type": "function", "function": function})
}

fn format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => Value::Null,
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, strict } => {
            json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}})
        }
    }
}

/// The value of `reasoning_effort`; null where it is off or the model has no reasoning, as such models reject it.
fn effort(effort: Option<ReasoningEffort>, reasons: Option<bool>) -> Value {
    let word = match effort.filter(|_| reasons != Some(false)) {
        None | Some(ReasoningEffort::Off) => return Value::Null,
        Some(ReasoningEffort::Minimal) => "minimal",
        Some(ReasoningEffort::Low) => "low",
        Some(ReasoningEffort::Medium) => "medium",
        Some(ReasoningEffort::High | ReasoningEffort::Max) => "high",
    };
    json!(word)
}

/// Whether both messages contain tool results. Some dialects send one message per result; they form one turn.
fn both_contain_results(one: &Message, next: &Message) -> bool {
    [one, next].iter().all(|message| message.parts.iter().any(|part| matches!(part, Part::Result(_))))
}

/// The messages of one turn. Each tool result becomes a message of its own, directly after the calls and before the
/// user's content.
fn messages(turn: &[Message]) -> Vec<ChatMessage<'_>> {
    let Some(first) = turn.first() else { return Vec::new() };
    match first.role {
        Role::System => {
            vec![ChatMessage::Plain(json!({"role": "system", "content": all_text(&first.parts)}))]
        }
        Role::Assistant => assistant(&first.parts).map(ChatMessage::Plain).into_iter().collect(),
        Role::User => user(turn.iter().flat_map(|message| &message.parts)),
    }
}

/// The message of an assistant turn; `None` if it has only reasoning, because models reject an empty message.
fn assistant(parts: &[Part]) -> Option<Value> {
    let text = all_text(parts);
    let calls = parts.iter().filter_map(Part::call).map(|call| {
        json!({
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        })
    });
    let calls: Vec<Value> = calls.collect();
    if text.is_empty() && calls.is_empty() {
        return None;
    }
    let content = if text.is_empty() { Value::Null } else { json!(text) };
    let mut message = json!({"role": "assistant", "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    Some(message)
}

fn user<'a>(parts: impl Iterator<Item = &'a Part>) -> Vec<ChatMessage<'a>> {
    let (mut results, mut content) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Result(result) => results.push(ChatMessage::Plain(tool_message(result, &mut content))),
            // Clients write one beside a picture that says everything, and some models refuse it.
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => content.push(ContentPart::Text { text: text.into() }),
            Part::Image(_) | Part::ImageLink(_) | Part::File(_) => content.extend(attachment(part)),
            Part::Reasoning(_) | Part::Call(_) => {}
        }
    }
    match content.as_slice() {
        [] if results.is_empty() => results.push(ChatMessage::Plain(json!({"role": "user", "content": ""}))),
        [] => {}
        [ContentPart::Text { text }] => {
            results.push(ChatMessage::Plain(json!({"role": "user", "content": text})))
        }
        _ => results.push(ChatMessage::Pieces { role: "user", content }),
    }
    results
}

/// The message of a tool result. It can hold only text; images and documents are appended to the user's `content`.
fn tool_message<'a>(result: &'a ToolResult, content: &mut Vec<ContentPart<'a>>) -> Value {
    let mut text = all_text(&result.parts);
    if result.failed {
        text = format!("Error: {text}");
    }
    let shown: Vec<ContentPart<'_>> = result.parts.iter().filter_map(attachment).collect();
    if !shown.is_empty() {
        let documents = result.parts.iter().any(|part| matches!(part, Part::File(_)));
        let text = attachment_heading(shown.len(), if documents { "file" } else { "image" }, &result.call_id);
        content.push(ContentPart::Text { text: text.into() });
        content.extend(shown);
    }
    json!({"role": "tool", "tool_call_id": result.call_id, "content": text})
}

/// Heading before the attachments of a tool result. It has their number, because the user's own may follow directly.
fn attachment_heading(count: usize, what: &str, id: &str) -> String {
    match count {
        1 => format!("The {what} of the tool result {id}:"),
        _ => format!("The {count} {what}s of the tool result {id}:"),
    }
}

fn attachment(part: &Part) -> Option<ContentPart<'_>> {
    match part {
        Part::File(file) => {
            Some(ContentPart::File { file: FileData { filename: &file.name, file_data: &file.data } })
        }
        Part::Image(image) => Some(image_url(part, image.detail())),
        Part::ImageLink(link) => Some(image_url(part, link.detail)),
        Part::Text(_) | Part::Reasoning(_) | Part::Call(_) | Part::Result(_) => None,
    }
}

fn image_url(part: &Part, detail: Option<ImageDetail>) -> ContentPart<'_> {
    let word = |detail| match detail {
        ImageDetail::Low => "low",
        ImageDetail::High => "high",
    };
    ContentPart::ImageUrl { image_url: ImageUrl { url: part, detail: detail.map(word) } }
}

fn all_text(parts: &[Part]) -> String {
    parts.iter().filter_map(Part::text).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
