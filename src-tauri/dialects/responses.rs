//! OpenAI's Responses: `POST /v1/responses`.

mod encode;
mod items;
mod tools;

pub(super) use encode::Encoder;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use self::items::Input;
use self::tools::Toolbox;
use super::common::{self, Steering};
use super::fields::{Fields, TextOr};
use super::{Decoded, Invalid, Remember, document, effort, openai_tools, picture};
use crate::chat::{Message, Part, Request, Role};

/// What is remembered of a request for its response.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The response whose conversation this one goes on with.
    pub previous: Option<String>,
    /// The client may come back to this response.
    pub keep: bool,
    /// Whether the first message of the request is this request's instructions, which are no part of the conversation.
    pub instructed: bool,
    /// How the tools were renamed.
    toolbox: tools::Names,
    /// The fields of the response that repeat the request, as JSON text of members.
    echo: String,
}

/// Fields of a response that repeat the request, with what stands there when the request has none.
const ECHOED: [(&str, &str); 18] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("store", "true"),
    ("temperature", "1"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// Fields without any effect here that say nothing about what the reply has to be.
const SILENT: [&str; 3] = ["include", "prompt_cache_key", "client_metadata"];

/// Reads a Responses request.
pub(super) fn decode(body: &Bytes) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    let mut steering = Steering::new();
    let echo = echo(&fields);
    fields.refuse(&["background", "conversation", "prompt", "top_logprobs"])?;
    refuse_included(&fields)?;
    let model = common::model(&mut fields)?;
    let mut input = Input::with_tools(Toolbox::read(&mut fields)?);
    let mut messages = instructions(&mut fields)?;
    let instructed = !messages.is_empty();
    messages.extend(input.read(fields.required("input")?)?);
    let Input { mut toolbox, effort: later_effort, incomplete } = input;
    if messages.is_empty() {
        return Err(Invalid::request("input".to_owned(), "'input' holds nothing to answer"));
    }
    picture::count(&messages)?;
    let choice: Option<Value> = fields.optional("tool_choice")?.map(tools::flat_choice);
    openai_tools::refuse_hosted_only(&toolbox.tools, &toolbox.notes, choice.as_ref())?;
    openai_tools::refuse_hosted_choice(choice.as_ref())?;
    let tool_choice = openai_tools::choice(choice, &mut toolbox.tools)?;
    let reasoning: Value = fields.optional("reasoning")?.unwrap_or_default();
    let effort = reasoning["effort"].as_str().and_then(effort::of_word).or(later_effort);
    steering.extend(effort.map(|_| "reasoning"));
    let text: Value = fields.optional("text")?.unwrap_or_default();
    let format = text.get("format").filter(|format| !format.is_null());
    let memory = Memory {
        previous: fields.optional("previous_response_id")?,
        keep: fields.optional("store")?.unwrap_or(true),
        instructed,
        toolbox: toolbox.names,
        echo,
    };
    SILENT.iter().for_each(|name| _ = fields.holds_something(name));
    let native_only = document::is_asked_about(&messages).then_some("input");
    steering.extend(document::are_in(&messages).then_some("input"));
    let request = Request {
        model,
        messages,
        stream: fields.optional("stream")?.unwrap_or(false),
        max_tokens: common::max_tokens(&mut fields, "max_output_tokens")?,
        tools: toolbox.tools,
        tool_choice,
        single_tool_call: fields.optional::<bool>("parallel_tool_calls")? == Some(false),
        format: openai_tools::format("text.format", format)?,
        effort,
        sampling: common::sampling(&mut fields, &mut steering)?,
        api_only_param: native_only,
        ..Request::default()
    };
    let remember = Remember { responses: Some(Box::new(memory)), ..Remember::default() };
    let notes = toolbox.notes.into_iter().chain(incomplete.then_some("input")).map(str::to_owned);
    Ok(Decoded { request, ignored: fields.ignored().into_iter().chain(notes).collect(), steering, remember })
}

/// Log probabilities are the one thing to include without which the reply is not what was asked for.
fn refuse_included(fields: &Fields<'_>) -> Result<(), Invalid> {
    let include: Value = fields.peek("include")?.unwrap_or_default();
    let logprobs = "message.output_text.logprobs";
    if include.as_array().into_iter().flatten().any(|name| name == logprobs) {
        return Err(Invalid::unsupported("include", format!("'{logprobs}' cannot be included here")));
    }
    Ok(())
}

/// A text, or, as some clients write it, items.
fn instructions(fields: &mut Fields<'_>) -> Result<Vec<Message>, Invalid> {
    let parts = match fields.optional::<TextOr<'_, items::Item<'_>>>("instructions")? {
        None | Some(TextOr::Nothing) => return Ok(Vec::new()),
        Some(TextOr::Text(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(TextOr::Text(text)) => vec![Part::Text(text.into_owned())],
        Some(items @ TextOr::List(_)) => {
            let messages = Input::default().read(items)?;
            messages.into_iter().flat_map(|message| message.parts).collect()
        }
    };
    Ok(vec![Message { role: Role::System, parts }])
}

/// A raw line end can stand between the tokens of JSON only, where a space means the same.
fn echo(fields: &Fields<'_>) -> String {
    let mut out = String::new();
    for (name, default) in ECHOED {
        let sent = fields.raw(name).map(RawValue::get).filter(|text| *text != "null").unwrap_or(default);
        out.push_str(&format!(",\"{name}\":"));
        out.extend(sent.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    }
    out
}

/// The body of `DELETE /v1/responses/{id}`.
pub fn deleted(id: &str) -> String {
    serde_json::json!({ "id": id, "object": "response", "deleted": true }).to_string()
}

#[cfg(test)]
mod tests;
