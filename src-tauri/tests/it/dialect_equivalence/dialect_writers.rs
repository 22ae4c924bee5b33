//! Writers of a conversation in each dialect, and the limits of each dialect.

use serde_json::{Map, Value, json};

use super::attachments;
use super::conversation::{
    ContentPart, Conversation, ConversationTurn, JsonFormat, Tool, ToolCall, ToolChoice, results,
};

pub struct DialectWriter {
    pub path: &'static str,
    /// Removes what the dialect cannot express; `None` if nothing is left.
    pub without_inexpressible: fn(Conversation) -> Option<Conversation>,
    pub write: fn(&Conversation) -> Value,
}

/// Writer of the reference request: chat completions can express everything.
pub const CHAT_WRITER: DialectWriter =
    DialectWriter { path: "/v1/chat/completions", without_inexpressible: Some, write: chat };

pub const DIALECT_WRITERS: [DialectWriter; 5] = [
    DialectWriter { path: "/v1/messages", without_inexpressible: expressible_in_messages, write: messages },
    DialectWriter {
        path: "/v1/responses",
        without_inexpressible: expressible_in_responses,
        write: responses,
    },
    DialectWriter { path: "/api/chat", without_inexpressible: expressible_in_ollama, write: ollama },
    DialectWriter { path: "/api/generate", without_inexpressible: expressible_in_generate, write: generate },
    DialectWriter {
        path: "/v1/completions",
        without_inexpressible: expressible_in_completions,
        write: completions,
    },
];

const MODEL: &str = "gpt-5";

/// A body without null fields.
fn body(fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("an object") };
    Value::Object(fields.into_iter().filter(|(_, value)| !value.is_null()).collect())
}

fn some_list(list: Vec<Value>) -> Value {
    if list.is_empty() { Value::Null } else { Value::Array(list) }
}

// OpenAI chat completions.

fn chat(talk: &Conversation) -> Value {
    let wishes = &talk.options;
    let mut messages = Vec::new();
    if !talk.system.is_empty() {
        let parts: Vec<Value> =
            talk.system.iter().map(|text| json!({ "type": "text", "text": text })).collect();
        messages.push(json!({ "role": "system", "content": parts }));
    }
    talk.turns.iter().for_each(|turn| messages.extend(chat_turn(turn)));
    let named = |name: &str| json!({ "type": "function", "function": { "name": name } });
    body(json!({
        "model": MODEL, "messages": messages, "stream": wishes.stream,
        "stream_options": if wishes.stream { json!({ "include_usage": true }) } else { Value::Null },
        "max_completion_tokens": wishes.max_tokens,
        "stop": some_list(wishes.stop.iter().map(|text| json!(text)).collect()),
        "tools": some_list(talk.tools.iter().map(nested_tool).collect()),
        "tool_choice": wishes.choice.as_ref().map(|choice| chosen(choice, named(first(talk)))),
        "parallel_tool_calls": wishes.one_call.then_some(false),
        "response_format": wishes.format.as_ref().map(|format| match format {
            JsonFormat::Object => json!({ "type": "json_object" }),
            JsonFormat::Schema { name, schema, strict } => {
                json!({ "type": "json_schema", "json_schema": { "name": name, "schema": schema, "strict": strict } })
            }
        }),
        "reasoning_effort": wishes.effort, "temperature": wishes.temperature, "top_p": wishes.top_p,
        "top_k": wishes.top_k, "presence_penalty": wishes.presence_penalty,
        "frequency_penalty": wishes.frequency_penalty, "seed": wishes.seed,
    }))
}

fn first(talk: &Conversation) -> &str {
    talk.tools.first().map_or("", |tool| &tool.name)
}

/// Tool choice in OpenAI's form, which Responses share.
fn chosen(choice: &ToolChoice, named: Value) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::First => named,
    }
}

fn nested_tool(tool: &Tool) -> Value {
    let function = json!({
        "name": tool.name, "description": tool.description, "parameters": tool.schema,
        "strict": tool.strict.then_some(true),
    });
    json!({ "type": "function", "function": body(function) })
}

fn chat_turn(turn: &ConversationTurn) -> Vec<Value> {
    match turn {
        ConversationTurn::System(text) => vec![json!({ "role": "developer", "content": text })],
        ConversationTurn::User(pieces) => vec![json!({ "role": "user", "content": chat_content(pieces) })],
        ConversationTurn::Assistant { thought, text, calls, results_reversed: backwards } => {
            let made = calls.iter().map(|call| {
                let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
                json!({ "id": call.id, "type": "function", "function": function })
            });
            let said = json!({
                "role": "assistant", "content": text, "reasoning_content": thought,
                "tool_calls": some_list(made.collect()),
            });
            // A tool's message has no field for a failure: agents write it in the text.
            let results = results(calls, *backwards).into_iter().map(|call| {
                json!({ "role": "tool", "tool_call_id": call.id, "content": chat_content(&in_words(call)) })
            });
            std::iter::once(body(said)).chain(results).collect()
        }
    }
}

fn in_words(call: &ToolCall) -> Vec<ContentPart> {
    let mut pieces = call.result.clone();
    if let (true, Some(ContentPart::Text(text))) = (call.failed, pieces.first_mut()) {
        text.insert_str(0, "Error: ");
    }
    pieces
}

/// Content of a message. A single text is written as a string, as most clients do.
fn chat_content(pieces: &[ContentPart]) -> Value {
    match pieces {
        [] => json!(""),
        [ContentPart::Text(text)] => json!(text),
        _ => pieces.iter().map(chat_part).collect(),
    }
}

fn chat_part(piece: &ContentPart) -> Value {
    let image = |number, url: String| json!({ "type": "image_url", "image_url": body(json!({ "url": url, "detail": attachments::detail(number) })) });
    match piece {
        ContentPart::Text(text) => json!({ "type": "text", "text": text }),
        ContentPart::Picture(number) => image(*number, attachments::data_url(*number)),
        ContentPart::Link(number) => image(*number, attachments::link(*number)),
        ContentPart::Document(name, number) => {
            json!({ "type": "file", "file": { "filename": name, "file_data": attachments::document_url(*number) } })
        }
    }
}

// Anthropic's Messages.

fn expressible_in_messages(mut talk: Conversation) -> Option<Conversation> {
    let wishes = &mut talk.options;
    // Every request requires a limit.
    wishes.max_tokens = wishes.max_tokens.or(Some(1_000));
    (wishes.presence_penalty, wishes.frequency_penalty, wishes.seed) = (None, None, None);
    // A schema has no name and no strictness, and JSON output requires a schema.
    wishes.format = wishes.format.take().and_then(nameless);
    // The option for a single call is a field of the tool choice, and the choice `none` has no such field.
    wishes.one_call &= wishes.choice != Some(ToolChoice::None);
    talk.pieces().flatten().for_each(|piece| match piece {
        // The title is part of the model's input, unlike a file's name.
        ContentPart::Document(name, _) => "document.pdf".clone_into(name),
        ContentPart::Picture(number) | ContentPart::Link(number) => *number = attachments::plain(*number),
        ContentPart::Text(_) => {}
    });
    Some(talk)
}

fn nameless(format: JsonFormat) -> Option<JsonFormat> {
    match format {
        JsonFormat::Object => None,
        JsonFormat::Schema { schema, .. } => {
            Some(JsonFormat::Schema { name: "reply".to_owned(), schema, strict: false })
        }
    }
}

fn messages(talk: &Conversation) -> Value {
    let wishes = &talk.options;
    let text =
        |text: &String| json!({ "type": "text", "text": text, "cache_control": { "type": "ephemeral" } });
    let turns: Vec<Value> = talk.turns.iter().flat_map(messages_turn).collect();
    let tool = |tool: &Tool| {
        body(json!({
            "name": tool.name, "description": tool.description, "input_schema": tool.schema,
            "strict": tool.strict.then_some(true),
        }))
    };
    let kind =
        wishes.choice.as_ref().or(wishes.one_call.then_some(&ToolChoice::Auto)).map(|choice| match choice {
            ToolChoice::Auto => json!({ "type": "auto" }),
            ToolChoice::None => json!({ "type": "none" }),
            ToolChoice::Required => json!({ "type": "any" }),
            ToolChoice::First => json!({ "type": "tool", "name": first(talk) }),
        });
    let choice = kind.map(|mut choice| {
        if wishes.one_call {
            choice["disable_parallel_tool_use"] = json!(true);
        }
        choice
    });
    // The lowest effort is expressed by a number, not by a name.
    let least = wishes.effort == Some("minimal");
    let output = body(json!({
        "effort": wishes.effort.filter(|_| !least),
        "format": wishes.format.as_ref().map(|format| match format {
            JsonFormat::Object => Value::Null,
            JsonFormat::Schema { schema, .. } => json!({ "type": "json_schema", "schema": schema }),
        }),
    }));
    body(json!({
        "model": MODEL, "messages": merged(turns), "stream": wishes.stream, "max_tokens": wishes.max_tokens,
        "system": some_list(talk.system.iter().map(text).collect()),
        "stop_sequences": some_list(wishes.stop.iter().map(|text| json!(text)).collect()),
        "tools": some_list(talk.tools.iter().map(tool).collect()), "tool_choice": choice,
        "output_config": if output == json!({}) { Value::Null } else { output },
        "thinking": least.then(|| json!({ "type": "enabled", "budget_tokens": 1_024 })),
        "temperature": wishes.temperature, "top_p": wishes.top_p, "top_k": wishes.top_k,
    }))
}

fn messages_turn(turn: &ConversationTurn) -> Vec<Value> {
    match turn {
        ConversationTurn::System(text) => vec![json!({ "role": "system", "content": text })],
        ConversationTurn::User(pieces) => vec![json!({ "role": "user", "content": blocks(pieces) })],
        ConversationTurn::Assistant { thought, text, calls, results_reversed: backwards } => {
            let thought =
                thought.iter().map(|text| json!({ "type": "thinking", "thinking": text, "signature": "s" }));
            let text = text.iter().map(|text| json!({ "type": "text", "text": text }));
            let made = calls.iter().map(|call| {
                json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments })
            });
            let said: Vec<Value> = thought.chain(text).chain(made).collect();
            let results = results(calls, *backwards).into_iter().map(|call| {
                body(json!({
                    "type": "tool_result", "tool_use_id": call.id, "content": some_list(blocks(&call.result)),
                    "is_error": call.failed.then_some(true),
                }))
            });
            let results: Vec<Value> = results.collect();
            let mut turns = vec![json!({ "role": "assistant", "content": said })];
            if !results.is_empty() {
                turns.push(json!({ "role": "user", "content": results, "results": true }));
            }
            turns
        }
    }
}

/// Merges a user message after results into the message of the results, as Anthropic's own clients do.
fn merged(turns: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    for turn in turns {
        match merged.last_mut() {
            Some(last) if last["results"] == true && turn["role"] == "user" => {
                let more = turn["content"].as_array().expect("blocks").clone();
                last["content"].as_array_mut().expect("blocks").extend(more);
                last.as_object_mut().expect("a message").remove("results");
            }
            _ => merged.push(turn),
        }
    }
    merged.iter_mut().for_each(|turn| _ = turn.as_object_mut().expect("a message").remove("results"));
    merged
}

fn blocks(pieces: &[ContentPart]) -> Vec<Value> {
    let block = |piece: &ContentPart| match piece {
        ContentPart::Text(text) => json!({ "type": "text", "text": text }),
        ContentPart::Picture(number) => json!({ "type": "image", "source": {
            "type": "base64", "media_type": attachments::media_type(*number), "data": attachments::base64(*number) } }),
        ContentPart::Link(number) => {
            json!({ "type": "image", "source": { "type": "url", "url": attachments::link(*number) } })
        }
        ContentPart::Document(_, number) => json!({ "type": "document", "source": {
            "type": "base64", "media_type": "application/pdf", "data": attachments::document(*number) } }),
    };
    pieces.iter().map(block).collect()
}

// OpenAI's Responses.

fn expressible_in_responses(mut talk: Conversation) -> Option<Conversation> {
    let wishes = &mut talk.options;
    wishes.stop.clear();
    (wishes.top_k, wishes.presence_penalty, wishes.frequency_penalty, wishes.seed) = (None, None, None, None);
    // An output has no field for a failure: agents write it in the text.
    talk.calls().for_each(mark_failures_in_text);
    Some(talk)
}

fn mark_failures_in_text(call: &mut ToolCall) {
    call.result = in_words(call);
    call.failed = false;
}

fn responses(talk: &Conversation) -> Value {
    let wishes = &talk.options;
    let mut input = Vec::new();
    // Instructions are one string; several system messages are written as an input item.
    let instructions = if let [text] = talk.system.as_slice() { Some(text) } else { None };
    if talk.system.len() > 1 {
        let parts: Vec<Value> =
            talk.system.iter().map(|text| json!({ "type": "input_text", "text": text })).collect();
        input.push(json!({ "type": "message", "role": "developer", "content": parts }));
    }
    talk.turns.iter().for_each(|turn| input.extend(responses_items(turn)));
    let tool = |tool: &Tool| {
        body(json!({
            "type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema,
            "strict": tool.strict,
        }))
    };
    let named = json!({ "type": "function", "name": first(talk) });
    let format = wishes.format.as_ref().map(|format| match format {
        JsonFormat::Object => json!({ "format": { "type": "json_object" } }),
        JsonFormat::Schema { name, schema, strict } => {
            json!({ "format": { "type": "json_schema", "name": name, "schema": schema, "strict": strict } })
        }
    });
    body(json!({
        "model": MODEL, "input": input, "instructions": instructions, "stream": wishes.stream, "store": false,
        "max_output_tokens": wishes.max_tokens,
        "tools": some_list(talk.tools.iter().map(tool).collect()),
        "tool_choice": wishes.choice.as_ref().map(|choice| chosen(choice, named)),
        "parallel_tool_calls": wishes.one_call.then_some(false),
        "text": format, "reasoning": wishes.effort.map(|effort| json!({ "effort": effort })),
        "temperature": wishes.temperature, "top_p": wishes.top_p,
    }))
}

fn responses_items(turn: &ConversationTurn) -> Vec<Value> {
    match turn {
        ConversationTurn::System(text) => vec![json!({ "role": "developer", "content": text })],
        ConversationTurn::User(pieces) => {
            vec![json!({ "type": "message", "role": "user", "content": input_parts(pieces) })]
        }
        ConversationTurn::Assistant { thought, text, calls, results_reversed: backwards } => {
            let thought = thought.iter().map(|text| {
                json!({ "type": "reasoning", "id": "rs_1", "summary": [{ "type": "summary_text", "text": text }] })
            });
            let text = text.iter().map(|text| {
                let part = json!({ "type": "output_text", "text": text, "annotations": [] });
                json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part] })
            });
            let made = calls.iter().map(|call| {
                json!({ "type": "function_call", "call_id": call.id, "name": call.name,
                    "arguments": call.arguments.to_string() })
            });
            let results = results(calls, *backwards).into_iter().map(|call| {
                let output = match call.result.as_slice() {
                    [] => json!(""),
                    [ContentPart::Text(text)] => json!(text),
                    pieces => Value::Array(input_parts(pieces)),
                };
                json!({ "type": "function_call_output", "call_id": call.id, "output": output })
            });
            thought.chain(text).chain(made).chain(results).collect()
        }
    }
}

fn input_parts(pieces: &[ContentPart]) -> Vec<Value> {
    let image = |number, url: String| {
        body(json!({ "type": "input_image", "image_url": url, "detail": attachments::detail(number) }))
    };
    let part = |piece: &ContentPart| match piece {
        ContentPart::Text(text) => json!({ "type": "input_text", "text": text }),
        ContentPart::Picture(number) => image(*number, attachments::data_url(*number)),
        ContentPart::Link(number) => image(*number, attachments::link(*number)),
        ContentPart::Document(name, number) => {
            json!({ "type": "input_file", "filename": name, "file_data": attachments::document_url(*number) })
        }
    };
    pieces.iter().map(part).collect()
}

// Ollama's chat.

fn expressible_in_ollama(mut talk: Conversation) -> Option<Conversation> {
    let wishes = &mut talk.options;
    // There is no tool choice, and no strict tool.
    (wishes.choice, wishes.one_call) = (None, false);
    talk.tools.iter_mut().for_each(|tool| tool.strict = false);
    wishes.format = wishes.format.take().map(|format| nameless(format).unwrap_or(JsonFormat::Object));
    wishes.effort = wishes.effort.map(|effort| if effort == "minimal" { "low" } else { effort });
    // A message is one string, with images as bytes in a separate field.
    talk.system = one_text(&talk.system).into_iter().collect();
    talk.calls().for_each(mark_failures_in_text);
    talk.pieces().for_each(text_with_pictures);
    // Without ids, only the order distinguishes results of the same tool.
    talk.turns.iter_mut().for_each(|turn| {
        if let ConversationTurn::Assistant { results_reversed: backwards, .. } = turn {
            *backwards = false;
        }
    });
    Some(talk)
}

fn one_text(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join("\n"))
}

fn text_with_pictures(pieces: &mut Vec<ContentPart>) {
    let texts: Vec<String> = pieces.iter().filter_map(|piece| piece.text().map(str::to_owned)).collect();
    let shown = pieces.iter().filter_map(|piece| match piece {
        ContentPart::Text(_) => None,
        ContentPart::Picture(number) | ContentPart::Link(number) | ContentPart::Document(_, number) => {
            Some(ContentPart::Picture(attachments::plain(*number)))
        }
    });
    let text = one_text(&texts).map(ContentPart::Text);
    *pieces = text.into_iter().chain(shown).collect();
}

fn ollama(talk: &Conversation) -> Value {
    let mut messages: Vec<Value> =
        talk.system.iter().map(|text| json!({ "role": "system", "content": text })).collect();
    talk.turns.iter().for_each(|turn| messages.extend(ollama_turn(turn)));
    let mut all = ollama_options(talk);
    all.insert("messages".to_owned(), Value::Array(messages));
    all.insert("tools".to_owned(), some_list(talk.tools.iter().map(nested_tool).collect()));
    body(Value::Object(all))
}

fn ollama_options(talk: &Conversation) -> Map<String, Value> {
    let wishes = &talk.options;
    let options = body(json!({
        "num_predict": wishes.max_tokens, "temperature": wishes.temperature, "top_p": wishes.top_p,
        "stop": some_list(wishes.stop.iter().map(|text| json!(text)).collect()), "top_k": wishes.top_k,
        "presence_penalty": wishes.presence_penalty, "frequency_penalty": wishes.frequency_penalty,
        "seed": wishes.seed,
    }));
    let all = json!({
        "model": MODEL, "stream": wishes.stream, "options": options, "think": wishes.effort,
        "format": wishes.format.as_ref().map(|format| match format {
            JsonFormat::Object => json!("json"),
            JsonFormat::Schema { schema, .. } => schema.clone(),
        }),
    });
    all.as_object().expect("an object").clone()
}

fn ollama_turn(turn: &ConversationTurn) -> Vec<Value> {
    let with_pictures = |role: &str, pieces: &[ContentPart]| {
        let text: String = pieces.iter().filter_map(ContentPart::text).collect();
        body(json!({ "role": role, "content": text, "images": some_list(bare_pictures(pieces)) }))
    };
    match turn {
        ConversationTurn::System(text) => vec![json!({ "role": "system", "content": text })],
        ConversationTurn::User(pieces) => vec![with_pictures("user", pieces)],
        ConversationTurn::Assistant { thought, text, calls, results_reversed: backwards } => {
            let made = calls
                .iter()
                .map(|call| json!({ "function": { "name": call.name, "arguments": call.arguments } }));
            let said = body(json!({
                "role": "assistant", "content": text.as_deref().unwrap_or_default(), "thinking": thought,
                "tool_calls": some_list(made.collect()),
            }));
            let results = results(calls, *backwards).into_iter().map(|call| {
                let mut result = with_pictures("tool", &call.result);
                result["tool_name"] = json!(call.name);
                result
            });
            std::iter::once(said).chain(results).collect()
        }
    }
}

fn bare_pictures(pieces: &[ContentPart]) -> Vec<Value> {
    let picture = |piece: &ContentPart| match piece {
        ContentPart::Picture(number) => Some(json!(attachments::base64(*number))),
        ContentPart::Text(_) | ContentPart::Link(_) | ContentPart::Document(..) => None,
    };
    pieces.iter().filter_map(picture).collect()
}

// A prompt to complete: one user message, no tools.

/// Reduces a conversation to the last user message.
fn last_question(talk: &mut Conversation) {
    talk.turns.retain(|turn| matches!(turn, ConversationTurn::User(_)));
    talk.turns.drain(..talk.turns.len().saturating_sub(1));
    talk.tools.clear();
    (talk.options.choice, talk.options.one_call) = (None, false);
}

fn expressible_in_generate(mut talk: Conversation) -> Option<Conversation> {
    last_question(&mut talk);
    expressible_in_ollama(talk).filter(|talk| !talk.turns.is_empty())
}

fn generate(talk: &Conversation) -> Value {
    let [ConversationTurn::User(pieces)] = talk.turns.as_slice() else { panic!("one question: {talk:?}") };
    let mut all = ollama_options(talk);
    let prompt: String = pieces.iter().filter_map(ContentPart::text).collect();
    all.insert("prompt".to_owned(), json!(prompt));
    all.insert("images".to_owned(), some_list(bare_pictures(pieces)));
    all.insert("system".to_owned(), json!(talk.system.first()));
    body(Value::Object(all))
}

fn expressible_in_completions(mut talk: Conversation) -> Option<Conversation> {
    last_question(&mut talk);
    talk.system.clear();
    let wishes = &mut talk.options;
    (wishes.format, wishes.effort, wishes.top_k) = (None, None, None);
    talk.pieces().for_each(|pieces| {
        text_with_pictures(pieces);
        pieces.truncate(1);
    });
    matches!(talk.turns.as_slice(), [ConversationTurn::User(pieces)] if pieces[0].text().is_some())
        .then_some(talk)
}

fn completions(talk: &Conversation) -> Value {
    let [ConversationTurn::User(pieces)] = talk.turns.as_slice() else { panic!("one question: {talk:?}") };
    let wishes = &talk.options;
    body(json!({
        "model": MODEL, "prompt": pieces[0].text(), "stream": wishes.stream, "max_tokens": wishes.max_tokens,
        "stop": some_list(wishes.stop.iter().map(|text| json!(text)).collect()),
        "temperature": wishes.temperature, "top_p": wishes.top_p, "presence_penalty": wishes.presence_penalty,
        "frequency_penalty": wishes.frequency_penalty, "seed": wishes.seed,
    }))
}
