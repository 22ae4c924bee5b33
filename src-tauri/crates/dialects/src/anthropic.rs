//! Anthropic's Messages API: `POST /v1/messages`, and its token count.

mod client_tools;
mod content;
mod encode;
mod error;
mod models;

use encode::Encoder;
pub(super) use error::error_body;
pub use models::{model, models, token_count};

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::content::{ContentReader, WireMessage};
use super::json_fields::{CappedVec, JsonFields, deserialize_raw};
use super::openai_tools::{self, WireFunction, ignored_name_of_kind};
use super::shared_params::{self, ApiOnlyParams, MAX_MESSAGES};
use super::{
    ApiFamily, Decoded, DecodedRequest, Dialect, InvalidCode, InvalidRequest, ReplyMeta, ReplyOptions, file,
    image, reasoning_effort,
};
use protocol::{ReasoningEffort, Request, ResponseFormat, Tool, ToolChoice};

/// Anthropic's Messages API.
#[derive(Debug)]
pub(super) struct Anthropic;

impl Dialect for Anthropic {
    fn name(&self) -> &'static str {
        "anthropic"
    }

    fn path(&self) -> &'static str {
        "/v1/messages"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::Anthropic
    }

    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        Ok(decode(body)?.with_encoder(reply, Encoder::new))
    }
}

/// Reads the prompt of a request to count its tokens.
///
/// # Errors
/// [`InvalidRequest`], as for a Messages request.
pub fn decode_prompt(body: &Bytes) -> Result<Request, InvalidRequest> {
    decode(body).map(|decoded| decoded.request)
}

/// Reads a Messages request.
fn decode(body: &Bytes) -> Result<DecodedRequest, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    refuse_threads(&fields)?;
    // It names skills that only Anthropic's servers run.
    fields.reject_unsupported(&["container"])?;
    let (mut api_only_params, mut reader) = (ApiOnlyParams::new(), ContentReader::default());
    let model = shared_params::model(&mut fields)?;
    let mut messages = reader.system(fields.optional("system")?)?;
    let wire: CappedVec<WireMessage<'_>, MAX_MESSAGES> = fields.required("messages")?;
    if wire.0.is_empty() {
        return Err(InvalidRequest::new("messages".to_owned(), "'messages' must hold at least one message"));
    }
    messages.extend(reader.messages(wire.0)?);
    image::check_count(&messages)?;
    let OfferedTools { mut tools, hosted } = read_tools(&mut fields)?;
    openai_tools::refuse_hosted_only(&tools, &hosted, fields.peek("tool_choice")?.as_ref())?;
    let (tool_choice, one_call) = read_tool_choice(&mut fields, &mut tools)?;
    let settings = OutputSettings::read(&mut fields)?;
    let api_only_param = file::is_in_latest_user_turn(&messages).then_some("messages");
    api_only_params.extend(file::any_in(&messages).then_some("messages.content"));
    let request = Request {
        model,
        messages,
        stream: fields.optional("stream")?.unwrap_or(false),
        max_tokens: shared_params::max_tokens(&mut fields, "max_tokens")?,
        stop: shared_params::stop(&mut fields, "stop_sequences")?,
        tools,
        tool_choice,
        single_tool_call: one_call,
        format: settings.format,
        effort: settings.effort,
        sampling: shared_params::sampling(&mut fields, &mut api_only_params)?,
        api_only_param,
        raw_fields: None,
    };
    api_only_params.extend(settings.effort.map(|_| settings.effort_field));
    let options = ReplyOptions { include_reasoning: settings.include_reasoning, ..ReplyOptions::default() };
    let notes = hosted.into_iter().map(str::to_owned).chain(reader.ignored());
    let ignored = fields.ignored().into_iter().chain(notes);
    Ok(DecodedRequest { request, ignored: ignored.collect(), api_only_params, options })
}

/// Rejects a request with `thread`: the server keeps what the client then omits, so ignoring the field would
/// lose the conversation. The error code makes the SDK continue without a thread.
fn refuse_threads(fields: &JsonFields<'_>) -> Result<(), InvalidRequest> {
    match fields.peek::<Value>("thread")? {
        None => Ok(()),
        Some(_) => Err(InvalidRequest {
            code: InvalidCode::ThreadUnsupported,
            param: Some("thread".to_owned()),
            message: "threads are not kept here: send the whole conversation without 'thread'".to_owned(),
        }),
    }
}

#[derive(Deserialize)]
struct WireTool<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    description: Option<Cow<'a, str>>,
    #[serde(default)]
    input_schema: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
    /// Example inputs of the tool.
    #[serde(default)]
    input_examples: Vec<Value>,
}

/// The tools that the model is offered.
struct OfferedTools {
    tools: Vec<Tool>,
    /// Names of the tools that only Anthropic's servers can run, for the list of ignored fields.
    hosted: Vec<&'static str>,
}

/// Reads the offered tools. A tool without a schema is one of Anthropic's client tools, whose schemas are in
/// `client_tools`, or one that Anthropic's servers run; the latter is left out and listed as ignored.
/// Deferred loading is ignored, since there is no tool search here.
fn read_tools(fields: &mut JsonFields<'_>) -> Result<OfferedTools, InvalidRequest> {
    let raw: Option<CappedVec<&RawValue, { openai_tools::MAX_TOOLS }>> = fields.optional("tools")?;
    let mut offer = OfferedTools { tools: Vec::new(), hosted: Vec::new() };
    for (at, raw) in raw.map_or_else(Vec::new, |raw| raw.0).into_iter().enumerate() {
        let param = format!("tools[{at}]");
        let kind: ToolHeader = deserialize_raw(&param, raw)?;
        let ToolHeader { kind, name } = kind;
        let kind = kind.filter(|kind| kind != "custom");
        if let Some(tool) = kind.as_deref().and_then(|kind| client_tools::client_tool(kind, name.as_deref()))
        {
            offer.tools.push(tool);
            continue;
        }
        match kind {
            Some(kind) if offer.hosted.contains(&ignored_name_of_kind(&kind)) => {}
            Some(kind) => offer.hosted.push(ignored_name_of_kind(&kind)),
            None => offer.tools.push(parse_tool(&param, deserialize_raw(&param, raw)?)?),
        }
    }
    if fields.take_is_set("mcp_servers") && !offer.hosted.contains(&"tools.mcp") {
        offer.hosted.push("tools.mcp");
    }
    Ok(offer)
}

fn parse_tool(param: &str, wire: WireTool<'_>) -> Result<Tool, InvalidRequest> {
    let WireTool { name, description, input_schema: parameters, strict, input_examples } = wire;
    let mut tool = openai_tools::parse_tool(param, WireFunction { name, description, parameters, strict })?;
    if !input_examples.is_empty() {
        let examples: Vec<String> = input_examples.iter().map(Value::to_string).collect();
        let described = tool.description.take().map_or_else(String::new, |text| text + "\n\n");
        tool.description = Some(format!("{described}Examples of its input:\n{}", examples.join("\n")));
    }
    Ok(tool)
}

#[derive(Deserialize)]
struct ToolHeader {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

fn read_tool_choice(
    fields: &mut JsonFields<'_>,
    tools: &mut Vec<Tool>,
) -> Result<(ToolChoice, bool), InvalidRequest> {
    let choice: Option<Value> = fields.optional("tool_choice")?;
    let one = choice.as_ref().is_some_and(|choice| choice["disable_parallel_tool_use"] == true);
    Ok((openai_tools::parse_tool_choice(choice, tools)?, one))
}

/// The requested reasoning effort and output format.
struct OutputSettings {
    effort: Option<ReasoningEffort>,
    effort_field: &'static str,
    /// Whether the client asks for the reasoning.
    include_reasoning: bool,
    format: ResponseFormat,
}

impl OutputSettings {
    fn read(fields: &mut JsonFields<'_>) -> Result<Self, InvalidRequest> {
        let thinking: Value = fields.optional("thinking")?.unwrap_or_default();
        let output: Value = fields.optional("output_config")?.unwrap_or_default();
        let older: Option<Value> = fields.optional("output_format")?;
        let kind = thinking["type"].as_str();
        let word = output["effort"].as_str().and_then(reasoning_effort::parse);
        let budget = reasoning_effort::from_thinking(&thinking);
        // An effort has no meaning if thinking is disabled.
        let effort = if kind == Some("disabled") { budget } else { word.or(budget) };
        let format = output.get("format").filter(|format| !format.is_null()).or(older.as_ref());
        Ok(Self {
            effort,
            effort_field: if word.is_some() { "output_config" } else { "thinking" },
            include_reasoning: kind.is_some_and(|kind| kind != "disabled"),
            format: openai_tools::parse_response_format("output_config.format", format)?,
        })
    }
}

#[cfg(test)]
mod tests;
