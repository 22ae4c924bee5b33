//! OpenAI chat completions: `POST /v1/chat/completions`.

pub(super) mod content;
mod encode;

pub(super) use encode::{Encoder, finish_reason, usage_json};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use self::content::{Conversation, WireMessage};
use super::common::{self, MAX_MESSAGES, Steering};
use super::fields::{Bounded, Fields};
use super::openai_tools::{self, WireFunction};
use super::{Decoded, Invalid, Remember, document, effort};
use crate::chat::{ReasoningEffort, Request, ResponseFormat, Tool, ToolChoice};

/// Reads a chat completion request.
pub(super) fn decode(body: &Bytes) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    let mut steering = Steering::new();
    let model = common::model(&mut fields)?;
    let wire: Bounded<WireMessage<'_>, MAX_MESSAGES> = fields.required("messages")?;
    let Conversation { messages, foreign } = content::messages(wire)?;
    let foreign = foreign || document::is_asked_about(&messages);
    steering.extend(document::are_in(&messages).then_some("messages.content"));
    let Offer { tools, choice, foreign: foreign_tools } = offer(&mut fields)?;
    let (stream, include_usage) = stream(&mut fields)?;
    let longest = common::max_tokens(&mut fields, "max_completion_tokens")?;
    let request = Request {
        model,
        messages,
        stream,
        max_tokens: longest.or(common::max_tokens(&mut fields, "max_tokens")?),
        stop: common::stop(&mut fields, "stop")?,
        tools,
        tool_choice: choice,
        single_tool_call: fields.optional::<bool>("parallel_tool_calls")? == Some(false),
        format: format(&mut fields)?,
        effort: effort_of(&mut fields, &mut steering)?,
        sampling: common::sampling(&mut fields, &mut steering)?,
        api_only_param: native_only(&mut fields)?
            .or(foreign.then_some("messages"))
            .or(foreign_tools.then_some("tools")),
        raw_body: Some(body.clone()),
    };
    let remember = Remember { include_usage, ..Remember::default() };
    Ok(Decoded { request, ignored: fields.ignored(), steering, remember })
}

#[derive(Deserialize, Default)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// Whether the reply is to be streamed, and whether its usage is to stand at the end.
pub(super) fn stream(fields: &mut Fields<'_>) -> Result<(bool, bool), Invalid> {
    let stream = fields.optional("stream")?.unwrap_or(false);
    let options: StreamOptions = fields.optional("stream_options")?.unwrap_or_default();
    Ok((stream, stream && options.include_usage.unwrap_or(false)))
}

/// The tools that the model is offered.
struct Offer {
    tools: Vec<Tool>,
    choice: ToolChoice,
    /// There are tools that are no functions.
    foreign: bool,
}

fn offer(fields: &mut Fields<'_>) -> Result<Offer, Invalid> {
    let mut tools = Vec::new();
    let mut foreign = false;
    for (at, wire) in openai_tools::read(fields, "tools")?.into_iter().enumerate() {
        let param = format!("tools[{at}]");
        match wire.kind.as_deref() {
            None | Some("function") => tools.push(openai_tools::tool(&param, wire.into_function(&param)?)?),
            Some(_) => foreign = true,
        }
    }
    let legacy: Vec<WireFunction<'_>> = fields.optional("functions")?.unwrap_or_default();
    for (at, function) in legacy.into_iter().enumerate() {
        tools.push(openai_tools::tool(&format!("functions[{at}]"), function)?);
    }
    let choice: Option<Value> = fields.optional("tool_choice")?;
    let choice = choice.or(fields.optional("function_call")?);
    // A tool that is no function may be the chosen one: only an upstream that gets the body itself knows it.
    let choice = match openai_tools::choice(choice, &mut tools) {
        Err(_) if foreign => ToolChoice::Auto,
        choice => choice?,
    };
    Ok(Offer { tools, choice, foreign })
}

fn format(fields: &mut Fields<'_>) -> Result<ResponseFormat, Invalid> {
    let format: Option<Value> = fields.optional("response_format")?;
    openai_tools::format("response_format", format.as_ref())
}

/// OpenAI's own field, and those that other houses added: their meaning is the same.
fn effort_of(fields: &mut Fields<'_>, steering: &mut Steering) -> Result<Option<ReasoningEffort>, Invalid> {
    let word = fields.optional::<String>("reasoning_effort")?.and_then(|word| effort::of_word(&word));
    steering.extend(word.map(|_| "reasoning_effort"));
    let reasoning: Option<Value> = fields.peek("reasoning")?;
    let nested = reasoning.and_then(|reasoning| match reasoning["enabled"].as_bool() {
        Some(false) => Some(ReasoningEffort::Off),
        Some(true) | None => reasoning["effort"].as_str().and_then(effort::of_word),
    });
    let thinking: Option<Value> = fields.peek("thinking")?;
    let switch =
        fields.peek::<Value>("enable_thinking")?.filter(|on| on == false).map(|_| ReasoningEffort::Off);
    Ok(word.or(nested).or(thinking.as_ref().and_then(effort::of_thinking)).or(switch))
}

/// The first wish that only an upstream with an API can honour and whose neglect would hand the client something else
/// than it asked for.
fn native_only(fields: &mut Fields<'_>) -> Result<Option<&'static str>, Invalid> {
    let several = common::several_choices(fields)?;
    let modalities: Vec<String> = fields.optional("modalities")?.unwrap_or_default();
    let other = modalities.iter().any(|kind| kind != "text");
    let mut found = several.then_some("n").or(other.then_some("modalities"));
    for name in ["logprobs", "top_logprobs", "audio", "logit_bias"] {
        let asked = fields.holds_something(name);
        found = found.or(asked.then_some(name));
    }
    // An empty object switches the search on.
    let search = fields.optional::<Value>("web_search_options")?.is_some();
    Ok(found.or(search.then_some("web_search_options")))
}

#[cfg(test)]
mod tests;
