//! OpenAI's chat completions: `POST /v1/chat/completions`.

pub(super) mod content;
mod encode;

use encode::Encoder;
pub(super) use encode::{WireUsage, finish_reason};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use self::content::{DecodedMessages, WireMessage};
use super::json_fields::{CappedVec, JsonFields};
use super::openai_tools::{self, WireFunction};
use super::shared_params::{self, ApiOnlyParams, MAX_MESSAGES};
use super::{
    ApiFamily, Decoded, DecodedRequest, Dialect, InvalidRequest, ReplyMeta, ReplyOptions, file,
    reasoning_effort,
};
use protocol::{ReasoningEffort, Request, ResponseFormat, Tool, ToolChoice};

/// OpenAI's chat completions.
#[derive(Debug)]
pub(super) struct OpenAiChat;

impl Dialect for OpenAiChat {
    fn name(&self) -> &'static str {
        "openai-chat"
    }

    fn path(&self) -> &'static str {
        "/v1/chat/completions"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::OpenAi
    }

    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        Ok(decode(body)?.with_encoder(reply, Encoder::new))
    }
}

/// Reads a chat completion request.
fn decode(body: &Bytes) -> Result<DecodedRequest, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    let mut api_only_params = ApiOnlyParams::new();
    let model = shared_params::model(&mut fields)?;
    let wire: CappedVec<WireMessage<'_>, MAX_MESSAGES> = fields.required("messages")?;
    let DecodedMessages { messages, needs_raw_body: foreign } = content::messages(wire)?;
    let foreign = foreign || file::is_in_latest_user_turn(&messages);
    api_only_params.extend(file::any_in(&messages).then_some("messages.content"));
    let OfferedTools { tools, choice, has_non_functions: foreign_tools } = read_tools(&mut fields)?;
    let (stream, include_usage) = stream(&mut fields)?;
    let max_completion_tokens = shared_params::max_tokens(&mut fields, "max_completion_tokens")?;
    let request = Request {
        model,
        messages,
        stream,
        max_tokens: max_completion_tokens.or(shared_params::max_tokens(&mut fields, "max_tokens")?),
        stop: shared_params::stop(&mut fields, "stop")?,
        tools,
        tool_choice: choice,
        single_tool_call: fields.optional::<bool>("parallel_tool_calls")? == Some(false),
        format: read_response_format(&mut fields)?,
        effort: read_effort(&mut fields, &mut api_only_params)?,
        sampling: shared_params::sampling(&mut fields, &mut api_only_params)?,
        api_only_param: read_api_only_param(&mut fields)?
            .or(foreign.then_some("messages"))
            .or(foreign_tools.then_some("tools")),
        raw_fields: None,
    };
    let options = ReplyOptions { include_usage, ..ReplyOptions::default() };
    let ignored = fields.ignored();
    let request = Request { raw_fields: Some(fields.into_raw(body)), ..request };
    Ok(DecodedRequest { request, ignored, api_only_params, options })
}

#[derive(Deserialize, Default)]
struct StreamOptions {
    #[serde(default)]
    include_usage: Option<bool>,
}

/// Returns whether the reply is streamed, and whether a usage chunk ends the stream.
pub(super) fn stream(fields: &mut JsonFields<'_>) -> Result<(bool, bool), InvalidRequest> {
    let stream = fields.optional("stream")?.unwrap_or(false);
    let options: StreamOptions = fields.optional("stream_options")?.unwrap_or_default();
    Ok((stream, stream && options.include_usage.unwrap_or(false)))
}

/// The tools that the model is offered.
struct OfferedTools {
    tools: Vec<Tool>,
    choice: ToolChoice,
    /// Whether there are tools that are not functions.
    has_non_functions: bool,
}

fn read_tools(fields: &mut JsonFields<'_>) -> Result<OfferedTools, InvalidRequest> {
    let mut tools = Vec::new();
    let mut has_non_functions = false;
    for (at, wire) in openai_tools::read_tools(fields, "tools")?.into_iter().enumerate() {
        let param = format!("tools[{at}]");
        match wire.kind.as_deref() {
            None | Some("function") => {
                tools.push(openai_tools::parse_tool(&param, wire.into_function(&param)?)?)
            }
            Some(_) => has_non_functions = true,
        }
    }
    let legacy: Vec<WireFunction<'_>> = fields.optional("functions")?.unwrap_or_default();
    for (at, function) in legacy.into_iter().enumerate() {
        tools.push(openai_tools::parse_tool(&format!("functions[{at}]"), function)?);
    }
    let choice: Option<Value> = fields.optional("tool_choice")?;
    let choice = choice.or(fields.optional("function_call")?);
    // The chosen tool may be none of the functions. Only an upstream that gets the raw body knows it.
    let choice = match openai_tools::parse_tool_choice(choice, &mut tools) {
        Err(_) if has_non_functions => ToolChoice::Auto,
        choice => choice?,
    };
    Ok(OfferedTools { tools, choice, has_non_functions })
}

fn read_response_format(fields: &mut JsonFields<'_>) -> Result<ResponseFormat, InvalidRequest> {
    let format: Option<Value> = fields.optional("response_format")?;
    openai_tools::parse_response_format("response_format", format.as_ref())
}

/// Reads the reasoning effort from OpenAI's field, or from fields of other vendors with the same meaning.
fn read_effort(
    fields: &mut JsonFields<'_>,
    api_only_params: &mut ApiOnlyParams,
) -> Result<Option<ReasoningEffort>, InvalidRequest> {
    let word = fields.optional::<String>("reasoning_effort")?.and_then(|word| reasoning_effort::parse(&word));
    api_only_params.extend(word.map(|_| "reasoning_effort"));
    let reasoning: Option<Value> = fields.peek("reasoning")?;
    let nested = reasoning.and_then(|reasoning| match reasoning["enabled"].as_bool() {
        Some(false) => Some(ReasoningEffort::Off),
        Some(true) | None => reasoning["effort"].as_str().and_then(reasoning_effort::parse),
    });
    let thinking: Option<Value> = fields.peek("thinking")?;
    let switch =
        fields.peek::<Value>("enable_thinking")?.filter(|on| on == false).map(|_| ReasoningEffort::Off);
    Ok(word.or(nested).or(thinking.as_ref().and_then(reasoning_effort::from_thinking)).or(switch))
}

/// Returns the first parameter that only the official API supports and that would change the reply if it were
/// ignored.
fn read_api_only_param(fields: &mut JsonFields<'_>) -> Result<Option<&'static str>, InvalidRequest> {
    let several = shared_params::wants_several_choices(fields)?;
    let modalities: Vec<String> = fields.optional("modalities")?.unwrap_or_default();
    let other = modalities.iter().any(|kind| kind != "text");
    let mut found = several.then_some("n").or(other.then_some("modalities"));
    for name in ["logprobs", "top_logprobs", "audio", "logit_bias"] {
        let asked = fields.take_is_set(name);
        found = found.or(asked.then_some(name));
    }
    // An empty object switches the search on.
    let search = fields.optional::<Value>("web_search_options")?.is_some();
    Ok(found.or(search.then_some("web_search_options")))
}

#[cfg(test)]
mod tests;
