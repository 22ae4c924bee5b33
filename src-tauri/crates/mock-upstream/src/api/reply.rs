//! Replies of the mock model, as a chat completion or a stream of chunks.
//!
//! Lines of the last user message request more than text: `think: TEXT` for reasoning before it, `image:` for an image
//! after it. Tool calls come from `agent`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use super::super::agent::{self, AgentAction};
use super::super::chunks::BodyChunks;
use super::super::request::ChatForm;
use super::super::response::MockResponse;
use super::request::{ChatRequest, EmbeddingsRequest};

/// Image of one pixel.
const ONE_PIXEL_PNG: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A reply, independent of its wire format.
struct Completion {
    thoughts: Vec<String>,
    words: Vec<String>,
    calls: Vec<Value>,
    image: bool,
    finish: &'static str,
    usage: Value,
}

/// The reply to a chat completion; `number` makes the ids of its calls unique.
pub(super) fn answer(chat: &ChatRequest, number: u64) -> MockResponse {
    let completion = make_completion(chat, number);
    if chat.streams() {
        completion_stream(chat, &completion, number)
    } else {
        MockResponse::json(StatusCode::OK, &completion_json(chat, &completion, number))
    }
}

fn make_completion(chat: &ChatRequest, number: u64) -> Completion {
    let line =
        |key: &str| chat.last_text.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim);
    let thought = line("think:").map(|text| format!("{text} ")).unwrap_or_default();
    let thoughts: Vec<String> =
        thought.split_inclusive(' ').map(str::to_owned).filter(|word| word != " ").collect();
    let (mut words, calls) = match next_action(chat) {
        Some(AgentAction::Call(calls)) => (Vec::new(), calls),
        Some(AgentAction::Say(text)) => (text.split_inclusive(' ').map(str::to_owned).collect(), Vec::new()),
        None => (reply_words(chat), Vec::new()),
    };
    let calls: Vec<Value> =
        calls.into_iter().enumerate().map(|(at, call)| call_json(call, number, at)).collect();
    truncate_at_stop(&mut words, &chat.stop_sequences());
    let is_truncated = words.len() > chat.max_words();
    words.truncate(chat.max_words());
    let finish = match (is_truncated, calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    };
    let prompt = chat.messages.iter().map(|message| message.to_string().len() as u64 / 4).sum::<u64>() + 7;
    let completion = (words.len() + thoughts.len() + 10 * calls.len()) as u64;
    let usage = json!({
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0}, "completion_tokens_details": {"reasoning_tokens": thoughts.len()},
    });
    Completion { thoughts, words, calls, image: line("image:").is_some(), finish, usage }
}

fn next_action(chat: &ChatRequest) -> Option<AgentAction> {
    let (offers, turns) = (chat.offered_tools(), chat.turns());
    if offers.is_empty() {
        return None;
    }
    let forced = || {
        let name = chat.required_tool()?;
        let offer = offers.iter().find(|offer| name.is_empty() || offer.name == name)?;
        Some(AgentAction::Call(vec![agent::sample_call(offer)]))
    };
    let asked_already = chat.messages.last().is_some_and(|message| message["role"] == "tool");
    agent::next_action(&offers, &turns).or_else(|| if asked_already { None } else { forced() })
}

fn call_json((name, arguments): (String, Value), number: u64, at: usize) -> Value {
    let function = json!({"name": name, "arguments": arguments.to_string()});
    json!({"id": format!("call_sim{number}_{at}"), "type": "function", "function": function})
}

/// Removes the first stop sequence and everything after it.
fn truncate_at_stop(words: &mut Vec<String>, stops: &[&str]) {
    let text = words.concat();
    let Some(mut left) = stops.iter().filter_map(|stop| text.find(stop)).min() else { return };
    words.retain_mut(|word| {
        let kept = word.len().min(left);
        word.truncate(kept);
        left -= kept;
        kept > 0
    });
}

/// The words of the reply, or the JSON that the response format requires.
fn reply_words(chat: &ChatRequest) -> Vec<String> {
    let wants_json = chat.fields.get("response_format").filter(|format| format["type"] != "text");
    if let Some(format) = wants_json.filter(|_| !chat.last_text.contains("echo")) {
        return vec![agent::sample_value(&format["json_schema"]["schema"]).to_string()];
    }
    let mut messages: Vec<Value> =
        chat.messages.iter().map(|_| json!({"content": "", "imagesData": []})).collect();
    if let Some(last) = messages.last_mut() {
        last["imagesData"] = Value::Array(chat.images());
    }
    let ask = ChatForm { model: chat.model.clone(), preprompt: String::new(), messages };
    let mut chunks = chat.directives.reply(&ask);
    std::iter::from_fn(|| chunks.next()).map(|piece| String::from_utf8_lossy(&piece).into_owned()).collect()
}

fn completion_json(chat: &ChatRequest, completion: &Completion, number: u64) -> Value {
    let text = completion.words.concat();
    let content = if text.is_empty() && !completion.calls.is_empty() { Value::Null } else { json!(text) };
    let mut message =
        Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), content)]);
    if !completion.thoughts.is_empty() {
        message.insert("reasoning_content".to_owned(), json!(completion.thoughts.concat()));
    }
    if !completion.calls.is_empty() {
        message.insert("tool_calls".to_owned(), json!(completion.calls));
    }
    if completion.image {
        message.insert("images".to_owned(), json!([image_part()]));
    }
    let choice = json!({"index": 0, "message": message, "finish_reason": completion.finish});
    json!({
        "id": format!("chatcmpl-sim{number}"), "object": "chat.completion", "created": 1_790_000_000, "model": chat.model,
        "choices": [choice], "usage": completion.usage,
    })
}

fn image_part() -> Value {
    json!({"type": "image_url", "image_url": {"url": ONE_PIXEL_PNG}, "index": 0})
}

fn completion_stream(chat: &ChatRequest, completion: &Completion, number: u64) -> MockResponse {
    let head = json!({
        "id": format!("chatcmpl-sim{number}"), "object": "chat.completion.chunk", "created": 1_790_000_000, "model": chat.model,
    });
    let event = |choices: Value, usage: Option<&Value>| {
        let mut chunk = head.clone();
        chunk["choices"] = choices;
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        Bytes::from(format!("data: {chunk}\n\n"))
    };
    let delta = |delta: Value| event(json!([{"index": 0, "delta": delta, "finish_reason": null}]), None);
    let mut events = vec![delta(json!({"role": "assistant", "content": ""}))];
    events.extend(completion.thoughts.iter().map(|word| delta(json!({"reasoning_content": word}))));
    events.extend(completion.words.iter().map(|word| delta(json!({"content": word}))));
    if completion.image {
        events.push(delta(json!({"images": [image_part()]})));
    }
    for (index, call) in completion.calls.iter().enumerate() {
        events
            .extend(call_deltas(call, index).into_iter().map(|piece| delta(json!({"tool_calls": [piece]}))));
    }
    events.push(event(json!([{"index": 0, "delta": {}, "finish_reason": completion.finish}]), None));
    if chat.wants_usage() {
        events.push(event(json!([]), Some(&completion.usage)));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    sse_response(BodyChunks::from_list(events))
}

/// The deltas of a call: id and name, then its arguments in two halves.
fn call_deltas(call: &Value, index: usize) -> Vec<Value> {
    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
    let middle = arguments.floor_char_boundary(arguments.len() / 2);
    let (first, second) = arguments.split_at(middle);
    let name = &call["function"]["name"];
    let mut pieces = vec![
        json!({"index": index, "id": call["id"], "type": "function", "function": {"name": name, "arguments": ""}}),
    ];
    let rest = [first, second].into_iter().filter(|part| !part.is_empty());
    pieces.extend(rest.map(|part| json!({"index": index, "function": {"arguments": part}})));
    pieces
}

fn sse_response(chunks: BodyChunks) -> MockResponse {
    let mut answer = MockResponse::plain_text(chunks);
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    answer
}

/// A stream of exactly this text.
pub(super) fn raw_stream(text: &str) -> MockResponse {
    sse_response(BodyChunks::single(text.to_owned()))
}

/// Embeddings that depend only on the text.
pub(super) fn embeddings(embed: &EmbeddingsRequest) -> MockResponse {
    let data: Vec<Value> =
        embed.inputs.iter().enumerate().map(|(index, text)| one_embedding(embed, index, text)).collect();
    let tokens: usize = embed.inputs.iter().map(|text| text.len().div_ceil(4)).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    MockResponse::json(
        StatusCode::OK,
        &json!({"object": "list", "data": data, "model": embed.model, "usage": usage}),
    )
}

fn one_embedding(embed: &EmbeddingsRequest, index: usize, text: &str) -> Value {
    #[allow(clippy::cast_precision_loss, reason = "small numbers")]
    let number = |at: usize| {
        let sum = text.bytes().fold(at * 31 + 7, |sum, byte| (sum * 33 + usize::from(byte)) % 1_000);
        sum as f32 / 1_000.0 - 0.5
    };
    let vector: Vec<f32> = (0..embed.dimensions).map(number).collect();
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let embedding = if embed.base64 { json!(STANDARD.encode(bytes)) } else { json!(vector) };
    json!({"object": "embedding", "index": index, "embedding": embedding})
}
