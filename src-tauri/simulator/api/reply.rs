//! What the simulated model says, as a chat completion or as a stream of its chunks.
//!
//! Lines of the last user message ask for more than text: `think: TEXT` for a thought before it, `image:` for a picture
//! behind it. Tools are called as the agent's brain says.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Map, Value, json};

use super::super::agent::{self, Move};
use super::super::answer::Answer;
use super::super::chunks::Chunks;
use super::super::form::Ask;
use super::ask::{Chat, Embed};

/// One pixel.
const PICTURE: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A reply before it has a form.
struct Said {
    thoughts: Vec<String>,
    words: Vec<String>,
    calls: Vec<Value>,
    image: bool,
    finish: &'static str,
    usage: Value,
}

/// The reply to a chat completion; `number` makes the ids of its calls unique.
pub(super) fn answer(chat: &Chat, number: u64) -> Answer {
    let said = say(chat, number);
    if chat.streams() {
        stream(chat, &said, number)
    } else {
        Answer::json(StatusCode::OK, &whole(chat, &said, number))
    }
}

fn say(chat: &Chat, number: u64) -> Said {
    let line =
        |key: &str| chat.last_text.lines().find_map(|line| line.trim().strip_prefix(key)).map(str::trim);
    let thought = line("think:").map(|text| format!("{text} ")).unwrap_or_default();
    let thoughts: Vec<String> =
        thought.split_inclusive(' ').map(str::to_owned).filter(|word| word != " ").collect();
    let (mut words, calls) = match next_move(chat) {
        Some(Move::Call(calls)) => (Vec::new(), calls),
        Some(Move::Say(text)) => (text.split_inclusive(' ').map(str::to_owned).collect(), Vec::new()),
        None => (pieces(chat), Vec::new()),
    };
    let calls: Vec<Value> =
        calls.into_iter().enumerate().map(|(at, call)| wire_call(call, number, at)).collect();
    end_before(&mut words, &chat.stops());
    let full = words.len() > chat.most();
    words.truncate(chat.most());
    let finish = match (full, calls.is_empty()) {
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
    Said { thoughts, words, calls, image: line("image:").is_some(), finish, usage }
}

fn next_move(chat: &Chat) -> Option<Move> {
    let (offers, talk) = (chat.offers(), chat.talk());
    if offers.is_empty() {
        return None;
    }
    let forced = || {
        let name = chat.must_call()?;
        let offer = offers.iter().find(|offer| name.is_empty() || offer.name == name)?;
        Some(Move::Call(vec![agent::any_call(offer)]))
    };
    let asked_already = chat.messages.last().is_some_and(|message| message["role"] == "tool");
    agent::act(&offers, &talk).or_else(|| if asked_already { None } else { forced() })
}

fn wire_call((name, arguments): (String, Value), number: u64, at: usize) -> Value {
    let function = json!({"name": name, "arguments": arguments.to_string()});
    json!({"id": format!("call_sim{number}_{at}"), "type": "function", "function": function})
}

/// Takes away what stands behind the first stop sequence, and the sequence itself.
fn end_before(words: &mut Vec<String>, stops: &[&str]) {
    let text = words.concat();
    let Some(mut left) = stops.iter().filter_map(|stop| text.find(stop)).min() else { return };
    words.retain_mut(|word| {
        let kept = word.len().min(left);
        word.truncate(kept);
        left -= kept;
        kept > 0
    });
}

/// The words of the reply, or the object that a format asks for.
fn pieces(chat: &Chat) -> Vec<String> {
    let wants_json = chat.fields.get("response_format").filter(|format| format["type"] != "text");
    if let Some(format) = wants_json.filter(|_| !chat.last_text.contains("echo")) {
        return vec![agent::fill(&format["json_schema"]["schema"]).to_string()];
    }
    let mut messages: Vec<Value> =
        chat.messages.iter().map(|_| json!({"content": "", "imagesData": []})).collect();
    if let Some(last) = messages.last_mut() {
        last["imagesData"] = Value::Array(chat.images());
    }
    let ask = Ask { model: chat.model.clone(), preprompt: String::new(), messages };
    let mut chunks = chat.wish.reply(&ask);
    std::iter::from_fn(|| chunks.next()).map(|piece| String::from_utf8_lossy(&piece).into_owned()).collect()
}

fn whole(chat: &Chat, said: &Said, number: u64) -> Value {
    let text = said.words.concat();
    let content = if text.is_empty() && !said.calls.is_empty() { Value::Null } else { json!(text) };
    let mut message =
        Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), content)]);
    if !said.thoughts.is_empty() {
        message.insert("reasoning_content".to_owned(), json!(said.thoughts.concat()));
    }
    if !said.calls.is_empty() {
        message.insert("tool_calls".to_owned(), json!(said.calls));
    }
    if said.image {
        message.insert("images".to_owned(), json!([picture()]));
    }
    let choice = json!({"index": 0, "message": message, "finish_reason": said.finish});
    json!({
        "id": format!("chatcmpl-sim{number}"), "object": "chat.completion", "created": 1_790_000_000, "model": chat.model,
        "choices": [choice], "usage": said.usage,
    })
}

fn picture() -> Value {
    json!({"type": "image_url", "image_url": {"url": PICTURE}, "index": 0})
}

fn stream(chat: &Chat, said: &Said, number: u64) -> Answer {
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
    events.extend(said.thoughts.iter().map(|word| delta(json!({"reasoning_content": word}))));
    events.extend(said.words.iter().map(|word| delta(json!({"content": word}))));
    if said.image {
        events.push(delta(json!({"images": [picture()]})));
    }
    for (index, call) in said.calls.iter().enumerate() {
        events
            .extend(call_pieces(call, index).into_iter().map(|piece| delta(json!({"tool_calls": [piece]}))));
    }
    events.push(event(json!([{"index": 0, "delta": {}, "finish_reason": said.finish}]), None));
    if chat.wants_usage() {
        events.push(event(json!([]), Some(&said.usage)));
    }
    events.push(Bytes::from_static(b"data: [DONE]\n\n"));
    events_answer(Chunks::list(events))
}

/// A call in its pieces: what it is, then its arguments in two halves.
fn call_pieces(call: &Value, index: usize) -> Vec<Value> {
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

fn events_answer(chunks: Chunks) -> Answer {
    let mut answer = Answer::reply(chunks);
    answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    answer
}

/// Exactly this text as a stream.
pub(super) fn raw(text: &str) -> Answer {
    events_answer(Chunks::one(text.to_owned()))
}

/// Vectors that depend on the text only.
pub(super) fn embeddings(embed: &Embed) -> Answer {
    let data: Vec<Value> =
        embed.inputs.iter().enumerate().map(|(index, text)| one_embedding(embed, index, text)).collect();
    let tokens: usize = embed.inputs.iter().map(|text| text.len().div_ceil(4)).sum();
    let usage = json!({"prompt_tokens": tokens, "total_tokens": tokens});
    Answer::json(
        StatusCode::OK,
        &json!({"object": "list", "data": data, "model": embed.model, "usage": usage}),
    )
}

fn one_embedding(embed: &Embed, index: usize, text: &str) -> Value {
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
