//! A request of any dialect as the body of a chat completion. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::Ask;
use crate::chat::{Effort, Format, Message, Part, Request, Role, Tool, ToolChoice, ToolResult};

/// The body. Nothing is lost that the form can say; thoughts of earlier turns it cannot.
pub(super) fn body(request: &Request, ask: Ask<'_>) -> String {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", json!(ask.model));
    set("messages", request.messages.iter().flat_map(messages).collect());
    set("stream", if request.stream { json!(true) } else { Value::Null });
    set("stream_options", if request.stream { json!({"include_usage": true}) } else { Value::Null });
    set("max_tokens", json!(request.max_tokens.or(ask.max_tokens)));
    set("stop", if request.stop.is_empty() { Value::Null } else { json!(request.stop) });
    tools(request, &mut set);
    set("response_format", format(&request.format));
    set("reasoning_effort", effort(request.effort, ask.reasons));
    let sampling = request.sampling;
    set("temperature", json!(sampling.temperature));
    set("top_p", json!(sampling.top_p));
    set("top_k", json!(sampling.top_k));
    set("presence_penalty", json!(sampling.presence_penalty));
    set("frequency_penalty", json!(sampling.frequency_penalty));
    set("seed", json!(sampling.seed));
    Value::Object(body).to_string()
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
    set("parallel_tool_calls", if request.one_call { json!(false) } else { Value::Null });
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

fn format(format: &Format) -> Value {
    match format {
        Format::Text => Value::Null,
        Format::JsonObject => json!({"type": "json_object"}),
        Format::JsonSchema { name, schema, strict } => {
            json!({"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}})
        }
    }
}

/// A model that does not think would refuse the word. Not to think is what models do that are not asked to.
fn effort(effort: Option<Effort>, reasons: Option<bool>) -> Value {
    let word = match effort.filter(|_| reasons != Some(false)) {
        None | Some(Effort::Off) => return Value::Null,
        Some(Effort::Minimal) => "minimal",
        Some(Effort::Low) => "low",
        Some(Effort::Medium) => "medium",
        Some(Effort::High | Effort::Max) => "high",
    };
    json!(word)
}

/// One message becomes several where it holds results: each is a message of its own there, and right behind the calls.
fn messages(message: &Message) -> Vec<Value> {
    match message.role {
        Role::System => vec![json!({"role": "system", "content": all_text(&message.parts)})],
        Role::Assistant => vec![assistant(&message.parts)],
        Role::User => user(&message.parts),
    }
}

fn assistant(parts: &[Part]) -> Value {
    let text = all_text(parts);
    let calls: Vec<Value> = parts
        .iter()
        .filter_map(|part| match part {
            Part::Call(call) => Some(json!({
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            })),
            Part::Text(_)
            | Part::Reasoning(_)
            | Part::Image(_)
            | Part::ImageLink(_)
            | Part::File(_)
            | Part::Result(_) => None,
        })
        .collect();
    let content = if text.is_empty() && !calls.is_empty() { Value::Null } else { json!(text) };
    let mut message = json!({"role": "assistant", "content": content});
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    message
}

fn user(parts: &[Part]) -> Vec<Value> {
    let (mut results, mut content) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Result(result) => results.push(tool_message(result, &mut content)),
            Part::Text(text) => content.push(json!({"type": "text", "text": text})),
            Part::Image(_) | Part::ImageLink(_) | Part::File(_) => content.extend(attachment(part)),
            Part::Reasoning(_) | Part::Call(_) => {}
        }
    }
    match content.as_slice() {
        [] if results.is_empty() => results.push(json!({"role": "user", "content": ""})),
        [] => {}
        [one] if one["type"] == "text" => results.push(json!({"role": "user", "content": one["text"]})),
        _ => results.push(json!({"role": "user", "content": content})),
    }
    results
}

/// A tool's message can hold only text; its pictures and documents are shown by the user right behind it.
fn tool_message(result: &ToolResult, content: &mut Vec<Value>) -> Value {
    let mut text = all_text(&result.parts);
    if result.failed {
        text = format!("Error: {text}");
    }
    let shown: Vec<Value> = result.parts.iter().filter_map(attachment).collect();
    if !shown.is_empty() {
        let documents = result.parts.iter().any(|part| matches!(part, Part::File(_)));
        let what = if documents { "files" } else { "images" };
        let text = format!("The {what} of the tool result {}:", result.call_id);
        content.push(json!({"type": "text", "text": text}));
        content.extend(shown);
    }
    json!({"role": "tool", "tool_call_id": result.call_id, "content": text})
}

fn attachment(part: &Part) -> Option<Value> {
    let url = match part {
        Part::File(file) => {
            return Some(json!({"type": "file", "file": {"filename": file.name, "file_data": file.data}}));
        }
        Part::Image(image) => {
            format!("data:{};base64,{}", image.kind().media_type(), STANDARD.encode(image.bytes()))
        }
        Part::ImageLink(url) => url.to_string(),
        Part::Text(_) | Part::Reasoning(_) | Part::Call(_) | Part::Result(_) => return None,
    };
    Some(json!({"type": "image_url", "image_url": {"url": url}}))
}

fn all_text(parts: &[Part]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        Part::Reasoning(_)
        | Part::Image(_)
        | Part::ImageLink(_)
        | Part::File(_)
        | Part::Call(_)
        | Part::Result(_) => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::{Sampling, ToolCall};

    const ASK: Ask<'_> = Ask { model: "m", max_tokens: Some(9), reasons: None };

    fn json_of(request: &Request, ask: Ask<'_>) -> Value {
        serde_json::from_str(&body(request, ask)).unwrap()
    }

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    #[test]
    fn a_plain_request_is_plain() {
        let messages = vec![Message { role: Role::User, parts: vec![text("hi")] }];
        let request = Request { model: "alias".into(), messages, ..Request::default() };
        let expected =
            json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9});
        assert_eq!(json_of(&request, ASK), expected);
    }

    #[test]
    fn calls_results_and_their_pictures_stand_where_the_form_wants_them() {
        let call = |id: &str| ToolCall { id: id.into(), name: "f".into(), arguments: "{}".into() };
        let link: Part = Part::ImageLink("https://example.com/a.png".parse().unwrap());
        let result = |id: &str, parts, failed| {
            Part::Result(ToolResult { call_id: id.into(), name: None, parts, failed })
        };
        let request = Request {
            messages: vec![
                Message {
                    role: Role::Assistant,
                    parts: vec![Part::Reasoning("hm".into()), Part::Call(call("a")), Part::Call(call("b"))],
                },
                Message {
                    role: Role::User,
                    parts: vec![
                        result("a", vec![text("x"), link], false),
                        result("b", vec![text("no")], true),
                        text("and?"),
                    ],
                },
            ],
            ..Request::default()
        };
        let messages = json_of(&request, ASK)["messages"].clone();
        assert_eq!(messages[0]["content"], Value::Null);
        assert_eq!(messages[0]["tool_calls"][1]["id"], "b");
        assert_eq!(messages[1], json!({"role": "tool", "tool_call_id": "a", "content": "x"}));
        assert_eq!(messages[2], json!({"role": "tool", "tool_call_id": "b", "content": "Error: no"}));
        let content = &messages[3]["content"];
        assert_eq!(
            (&content[1]["image_url"]["url"], &content[2]["text"]),
            (&json!("https://example.com/a.png"), &json!("and?"))
        );
        assert_eq!(messages.as_array().unwrap().len(), 4);
    }

    #[test]
    fn every_wish_has_its_field() {
        let tool = Tool {
            name: "f".into(),
            description: Some("d".into()),
            parameters: json!({"type": "object"}),
            strict: true,
        };
        let request = Request {
            stream: true,
            max_tokens: Some(5),
            stop: vec!["END".into()],
            tools: vec![tool],
            tool_choice: ToolChoice::Named("f".into()),
            one_call: true,
            format: Format::JsonSchema { name: "n".into(), schema: json!({}), strict: true },
            effort: Some(Effort::Max),
            sampling: Sampling { temperature: Some(0.5), seed: Some(1), ..Sampling::default() },
            ..Request::default()
        };
        let body = json_of(&request, ASK);
        assert_eq!(
            (&body["max_tokens"], &body["stream_options"]["include_usage"]),
            (&json!(5), &json!(true))
        );
        assert_eq!(body["tools"][0]["function"]["strict"], true);
        assert_eq!(body["tool_choice"]["function"]["name"], "f");
        assert_eq!(
            (&body["parallel_tool_calls"], &body["reasoning_effort"]),
            (&json!(false), &json!("high"))
        );
        assert_eq!(body["response_format"]["json_schema"]["name"], "n");
        assert_eq!((&body["temperature"], &body["seed"], body.get("top_p")), (&json!(0.5), &json!(1), None));
        assert_eq!(json_of(&request, Ask { reasons: Some(false), ..ASK }).get("reasoning_effort"), None);
    }
}
