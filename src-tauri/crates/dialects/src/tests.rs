//! Properties of every dialect: streamed and complete replies have the same content, however the pieces are
//! cut, and no output of the model is lost.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use protocol::{CompleteReply, Event, FinishReason, Usage};

/// Returns all dialects that carry more than text.
fn rich_dialects() -> impl Iterator<Item = &'static dyn Dialect> {
    DIALECTS.iter().copied().filter(|dialect| dialect.name() != "openai-completions")
}

/// Content of a reply, as a client reads it.
#[derive(Debug, Default, PartialEq)]
struct ObservedReply {
    text: String,
    thought: String,
    /// Name and arguments of each call.
    calls: Vec<(String, Value)>,
    finish: String,
    tokens: u64,
}

/// The encoder of a reply with usage and reasoning.
fn encoder(dialect: &dyn Dialect) -> Box<dyn Encode> {
    let message = json!([{ "role": "user", "content": "a" }]);
    let mut body = match dialect.name() {
        "openai-chat" => {
            json!({ "messages": message, "stream": true, "stream_options": { "include_usage": true } })
        }
        "anthropic" => {
            json!({ "messages": message, "thinking": { "type": "enabled", "budget_tokens": 1024 } })
        }
        "openai-responses" => json!({ "input": "a" }),
        "ollama-chat" => json!({ "messages": message }),
        "ollama-generate" => json!({ "prompt": "a" }),
        other => unreachable!("{other} has text only"),
    };
    body["model"] = "m".into();
    let reply = ReplyMeta { id: "1".into(), created: 7 };
    dialect.decode(&Bytes::from(body.to_string()), reply).unwrap().encoder
}

/// The payloads of a stream, and the name of each event.
fn payloads(dialect: &dyn Dialect, frames: &str) -> Vec<Value> {
    if dialect.api_family() == ApiFamily::Ollama {
        return frames.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    }
    let frames = frames.split_terminator("\n\n").map(|frame| {
        let (name, data) = match frame.split_once('\n') {
            Some((name, data)) => (name.strip_prefix("event: "), data),
            None => (None, frame),
        };
        let data = data.strip_prefix("data: ").expect("one line of data");
        let json: Value = if data == "[DONE]" { Value::Null } else { serde_json::from_str(data).unwrap() };
        assert!(name.is_none_or(|name| json["type"] == name), "{frame}");
        json
    });
    frames.collect()
}

fn arguments(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Reads a stream as a client of the dialect does.
fn read_stream(dialect: &dyn Dialect, frames: &str) -> ObservedReply {
    let mut reply = ObservedReply::default();
    let mut calls: Vec<(String, String)> = Vec::new();
    let mut numbers = 0..;
    for event in payloads(dialect, frames) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match dialect.name() {
            "openai-chat" => {
                let choice = &event["choices"][0];
                reply.text += &text(&choice["delta"]["content"]);
                reply.thought += &text(&choice["delta"]["reasoning_content"]);
                reply.finish += &text(&choice["finish_reason"]);
                reply.tokens += event["usage"]["completion_tokens"].as_u64().unwrap_or_default();
                let call = &choice["delta"]["tool_calls"][0];
                if call["id"].is_string() {
                    calls.push((text(&call["function"]["name"]), String::new()));
                }
                if let Some(index) = call["index"].as_u64() {
                    calls[usize::try_from(index).unwrap()].1 += &text(&call["function"]["arguments"]);
                }
            }
            "anthropic" => {
                let delta = &event["delta"];
                reply.text += &text(&delta["text"]);
                reply.thought += &text(&delta["thinking"]);
                reply.finish += &(text(&delta["stop_reason"]) + &text(&delta["stop_sequence"]));
                if event["type"] == "message_delta" {
                    reply.tokens = event["usage"]["output_tokens"].as_u64().unwrap();
                }
                if event["content_block"]["type"] == "tool_use" {
                    calls.push((text(&event["content_block"]["name"]), String::new()));
                }
                if delta["type"] == "input_json_delta" {
                    calls.last_mut().unwrap().1 += &text(&delta["partial_json"]);
                }
            }
            "openai-responses" => {
                assert_eq!(event["sequence_number"], numbers.next().unwrap(), "{event}");
                match event["type"].as_str().unwrap() {
                    "response.output_text.delta" => reply.text += &text(&event["delta"]),
                    "response.reasoning_summary_text.delta" => reply.thought += &text(&event["delta"]),
                    "response.function_call_arguments.delta" => {
                        calls.last_mut().unwrap().1 += &text(&event["delta"])
                    }
                    "response.output_item.added" if event["item"]["type"] == "function_call" => {
                        calls.push((text(&event["item"]["name"]), String::new()));
                    }
                    "response.completed" | "response.incomplete" => {
                        assert_eq!(read_complete(dialect, &event["response"]).text, reply.text);
                        reply.finish = text(&event["response"]["status"]);
                        reply.tokens = event["response"]["usage"]["output_tokens"].as_u64().unwrap();
                    }
                    _ => {}
                }
            }
            "ollama-chat" | "ollama-generate" => {
                let part = read_complete(dialect, &event);
                reply.text += &part.text;
                reply.thought += &part.thought;
                reply.calls.extend(part.calls);
                reply.finish += &part.finish;
                reply.tokens += part.tokens;
            }
            other => unreachable!("{other} has text only"),
        }
    }
    reply.calls.extend(calls.iter().map(|(name, text)| (name.clone(), arguments(text))));
    reply
}

/// Reads a whole reply, or one line of Ollama's.
fn read_complete(dialect: &dyn Dialect, body: &Value) -> ObservedReply {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let each = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let mut reply = ObservedReply::default();
    match dialect.name() {
        "openai-chat" => {
            let message = &body["choices"][0]["message"];
            reply.text = text(&message["content"]);
            reply.thought = text(&message["reasoning_content"]);
            for call in each(&message["tool_calls"]) {
                let function = &call["function"];
                reply.calls.push((text(&function["name"]), arguments(&text(&function["arguments"]))));
            }
            reply.finish = text(&body["choices"][0]["finish_reason"]);
            reply.tokens = body["usage"]["completion_tokens"].as_u64().unwrap();
        }
        "anthropic" => {
            for block in each(&body["content"]) {
                reply.text += &text(&block["text"]);
                reply.thought += &text(&block["thinking"]);
                if block["type"] == "tool_use" {
                    reply.calls.push((text(&block["name"]), block["input"].clone()));
                }
            }
            reply.finish = text(&body["stop_reason"]) + &text(&body["stop_sequence"]);
            reply.tokens = body["usage"]["output_tokens"].as_u64().unwrap();
        }
        "openai-responses" => {
            for item in each(&body["output"]) {
                each(&item["content"]).iter().for_each(|part| reply.text += &text(&part["text"]));
                each(&item["summary"]).iter().for_each(|part| reply.thought += &text(&part["text"]));
                if item["type"] == "function_call" {
                    reply.calls.push((text(&item["name"]), arguments(&text(&item["arguments"]))));
                }
            }
            reply.finish = text(&body["status"]);
            reply.tokens = body["usage"]["output_tokens"].as_u64().unwrap_or_default();
        }
        "ollama-chat" | "ollama-generate" => {
            let around = if dialect.name() == "ollama-chat" { &body["message"] } else { body };
            reply.text = text(&around["content"]) + &text(&around["response"]);
            reply.thought = text(&around["thinking"]);
            for call in each(&around["tool_calls"]) {
                reply.calls.push((text(&call["function"]["name"]), call["function"]["arguments"].clone()));
            }
            reply.finish = text(&body["done_reason"]);
            reply.tokens = body["eval_count"].as_u64().unwrap_or_default();
        }
        other => unreachable!("{other} has text only"),
    }
    reply
}

#[derive(Debug, Clone)]
enum ReplyPiece {
    Text(Vec<String>),
    Thought(Vec<String>),
    Call(String, Value),
}

fn reply_pieces() -> impl Strategy<Value = Vec<ReplyPiece>> {
    let pieces = || prop::collection::vec("[a-z\\n\r\"\\\\é🦣\u{2028}]{1,6}", 1..4);
    let call = ("[a-z_]{1,8}", "[a-z\"\\\\\n🦣]{0,8}");
    let one = prop_oneof![
        pieces().prop_map(ReplyPiece::Text),
        pieces().prop_map(ReplyPiece::Thought),
        call.prop_map(|(name, value)| ReplyPiece::Call(name, json!({ "a": value }))),
    ];
    prop::collection::vec(one, 0..6)
}

fn finish() -> impl Strategy<Value = FinishReason> {
    let sequence = Just(FinishReason::StopSequence("END".to_owned()));
    prop_oneof![
        Just(FinishReason::Stop),
        sequence,
        Just(FinishReason::Length),
        Just(FinishReason::ToolCalls),
        Just(FinishReason::ContentFilter)
    ]
}

/// The events of a reply, with arguments in pieces of `slice` characters.
fn events(said: &[ReplyPiece], slice: usize, finish: FinishReason) -> Vec<Event> {
    let mut events = Vec::new();
    for (at, said) in said.iter().enumerate() {
        match said {
            ReplyPiece::Text(pieces) => events.extend(pieces.iter().cloned().map(Event::Text)),
            ReplyPiece::Thought(pieces) => events.extend(pieces.iter().cloned().map(Event::Reasoning)),
            ReplyPiece::Call(name, arguments) => {
                events.push(Event::Call { id: format!("c{at}"), name: name.clone() });
                let text: Vec<char> = arguments.to_string().chars().collect();
                events.extend(text.chunks(slice).map(|piece| Event::CallArguments(piece.iter().collect())));
            }
        }
    }
    let usage = Usage { prompt_tokens: 3, completion_tokens: 5, ..Usage::default() };
    events.push(Event::Done { finish, usage });
    events
}

proptest! {
    #[test]
    fn a_stream_and_a_complete_reply_carry_the_same_content(
        said in reply_pieces(), slice in 1usize..9,
        finish in finish(),
    ) {
        let events = events(&said, slice, finish);
        let mut answer = CompleteReply::default();
        events.iter().cloned().for_each(|event| _ = answer.push(event));
        for dialect in rich_dialects() {
            let mut stream = encoder(dialect);
            let frames: String = events.iter().map(|event| stream.encode_event(event)).collect();
            prop_assert!(!frames.contains('\r'), "{:?}", dialect);
            let whole: Value = serde_json::from_str(&encoder(dialect).encode_complete(&answer)).unwrap();
            let (followed, read) = (read_stream(dialect, &frames), read_complete(dialect, &whole));
            prop_assert_eq!(&followed, &read, "{:?}", dialect);
            let calls: Vec<(String, Value)> = said.iter().filter_map(|said| match said {
                ReplyPiece::Call(name, arguments) => Some((name.clone(), arguments.clone())),
                _ => None,
            }).collect();
            prop_assert_eq!((&read.text, &read.thought), (&answer.text(), &answer.reasoning()), "{:?}", dialect);
            prop_assert_eq!((&read.calls, read.tokens), (&calls, 5), "{:?}", dialect);
        }
    }

    #[test]
    fn decoding_arbitrary_bytes_never_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let body = Bytes::from(body);
        for dialect in DIALECTS {
            let _ = dialect.decode(&body, ReplyMeta::default());
        }
    }
}

#[test]
fn a_broken_stream_ends_with_an_error_and_no_end_mark() {
    for dialect in rich_dialects() {
        let mut encoder = encoder(dialect);
        let mut frames = encoder.encode_event(&Event::Text("a".into()));
        frames += &encoder.encode_error("stream_interrupted", "gone");
        let last = payloads(dialect, &frames).pop().unwrap();
        assert!(last.to_string().contains("stream_interrupted"), "{dialect:?}: {last}");
        assert!(
            last["error"].is_object() || last["error"].is_string(),
            "SDKs look there: {dialect:?}: {last}"
        );
        for mark in ["[DONE]", "message_stop", "response.completed", "\"done\":true"] {
            assert!(!frames.contains(mark), "{dialect:?}: {mark}");
        }
    }
}

#[test]
fn r01_text_cannot_write_events_in_any_dialect() {
    let hostile = "\n\ndata: [DONE]\n\n\revent: message_stop\r\n\r\n{\"done\":true}\n{\"error\":1}\u{2028}";
    for dialect in rich_dialects() {
        let mut encoder = encoder(dialect);
        let mut frames = encoder.encode_event(&Event::Text(hostile.into()));
        frames += &encoder.encode_event(&Event::Done { finish: FinishReason::Stop, usage: Usage::default() });
        assert_eq!(read_stream(dialect, &frames).text, hostile, "{dialect:?}");
    }
}
