//! Anthropic's Messages: `POST /v1/messages`, and the count of its tokens.

mod client_tools;
mod content;
mod encode;
mod error;
mod models;

pub(super) use encode::Encoder;
pub use error::error_body;
pub use models::{count, model, models};

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::content::{Reading, WireMessage};
use super::common::{self, MAX_MESSAGES, Steering};
use super::fields::{Bounded, Fields, piece};
use super::openai_tools::{self, WireFunction, note_of_kind};
use super::{Decoded, Invalid, InvalidCode, Remember, document, effort, picture};
use crate::chat::{ReasoningEffort, Request, ResponseFormat, Tool, ToolChoice};

/// Reads a Messages request.
pub(super) fn decode(body: &Bytes) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    refuse_threads(&fields)?;
    // It names skills that only Anthropic's servers run.
    fields.refuse(&["container"])?;
    let (mut steering, mut reading) = (Steering::new(), Reading::default());
    let model = common::model(&mut fields)?;
    let mut messages = reading.system(fields.optional("system")?)?;
    let wire: Bounded<WireMessage<'_>, MAX_MESSAGES> = fields.required("messages")?;
    if wire.0.is_empty() {
        return Err(Invalid::request("messages".to_owned(), "'messages' must hold at least one message"));
    }
    messages.extend(reading.messages(wire.0)?);
    picture::count(&messages)?;
    let Offer { mut tools, hosted } = offer(&mut fields)?;
    openai_tools::refuse_hosted_only(&tools, &hosted, fields.peek("tool_choice")?.as_ref())?;
    let (tool_choice, one_call) = choice(&mut fields, &mut tools)?;
    let wishes = Wishes::read(&mut fields)?;
    let native_only = document::is_asked_about(&messages).then_some("messages");
    steering.extend(document::are_in(&messages).then_some("messages.content"));
    let request = Request {
        model,
        messages,
        stream: fields.optional("stream")?.unwrap_or(false),
        max_tokens: common::max_tokens(&mut fields, "max_tokens")?,
        stop: common::stop(&mut fields, "stop_sequences")?,
        tools,
        tool_choice,
        single_tool_call: one_call,
        format: wishes.format,
        effort: wishes.effort,
        sampling: common::sampling(&mut fields, &mut steering)?,
        api_only_param: native_only,
        raw_body: None,
    };
    steering.extend(wishes.effort.map(|_| wishes.effort_field));
    let remember = Remember { thoughts: wishes.thoughts, ..Remember::default() };
    let notes = hosted.into_iter().map(str::to_owned).chain(reading.notes());
    let ignored = fields.ignored().into_iter().chain(notes);
    Ok(Decoded { request, ignored: ignored.collect(), steering, remember })
}

/// A thread holds what the client then leaves out, so passing over it would lose the conversation. The code makes the
/// SDK go on without.
fn refuse_threads(fields: &Fields<'_>) -> Result<(), Invalid> {
    match fields.peek::<Value>("thread")? {
        None => Ok(()),
        Some(_) => Err(Invalid {
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
    /// Inputs that show the model how the tool is meant.
    #[serde(default)]
    input_examples: Vec<Value>,
}

/// The tools that the model is offered.
struct Offer {
    tools: Vec<Tool>,
    /// Notes of those that only Anthropic's servers would carry out.
    hosted: Vec<&'static str>,
}

/// A tool without a schema of its own is one that the client runs and whose schema is written down here, or one that
/// Anthropic's servers would run: that is left out, and named among what is ignored. A tool whose loading is put off is offered at once, because
/// nobody here could look for it later.
fn offer(fields: &mut Fields<'_>) -> Result<Offer, Invalid> {
    let raw: Option<Bounded<&RawValue, { openai_tools::MAX_TOOLS }>> = fields.optional("tools")?;
    let mut offer = Offer { tools: Vec::new(), hosted: Vec::new() };
    for (at, raw) in raw.map_or_else(Vec::new, |raw| raw.0).into_iter().enumerate() {
        let param = format!("tools[{at}]");
        let kind: Kind = piece(&param, raw)?;
        let Kind { kind, name } = kind;
        let kind = kind.filter(|kind| kind != "custom");
        if let Some(tool) = kind.as_deref().and_then(|kind| client_tools::known(kind, name.as_deref())) {
            offer.tools.push(tool);
            continue;
        }
        match kind {
            Some(kind) if offer.hosted.contains(&note_of_kind(&kind)) => {}
            Some(kind) => offer.hosted.push(note_of_kind(&kind)),
            None => offer.tools.push(tool(&param, piece(&param, raw)?)?),
        }
    }
    if fields.holds_something("mcp_servers") && !offer.hosted.contains(&"tools.mcp") {
        offer.hosted.push("tools.mcp");
    }
    Ok(offer)
}

fn tool(param: &str, wire: WireTool<'_>) -> Result<Tool, Invalid> {
    let WireTool { name, description, input_schema: parameters, strict, input_examples } = wire;
    let mut tool = openai_tools::tool(param, WireFunction { name, description, parameters, strict })?;
    if !input_examples.is_empty() {
        let examples: Vec<String> = input_examples.iter().map(Value::to_string).collect();
        let described = tool.description.take().map_or_else(String::new, |text| text + "\n\n");
        tool.description = Some(format!("{described}Examples of its input:\n{}", examples.join("\n")));
    }
    Ok(tool)
}

#[derive(Deserialize)]
struct Kind {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    name: Option<String>,
}

fn choice(fields: &mut Fields<'_>, tools: &mut Vec<Tool>) -> Result<(ToolChoice, bool), Invalid> {
    let choice: Option<Value> = fields.optional("tool_choice")?;
    let one = choice.as_ref().is_some_and(|choice| choice["disable_parallel_tool_use"] == true);
    Ok((openai_tools::choice(choice, tools)?, one))
}

/// What is asked of thinking and of the reply's form.
struct Wishes {
    effort: Option<ReasoningEffort>,
    effort_field: &'static str,
    /// The client wants to see what was thought.
    thoughts: bool,
    format: ResponseFormat,
}

impl Wishes {
    fn read(fields: &mut Fields<'_>) -> Result<Self, Invalid> {
        let thinking: Value = fields.optional("thinking")?.unwrap_or_default();
        let output: Value = fields.optional("output_config")?.unwrap_or_default();
        let older: Option<Value> = fields.optional("output_format")?;
        let kind = thinking["type"].as_str();
        let word = output["effort"].as_str().and_then(effort::of_word);
        let budget = effort::of_thinking(&thinking);
        // Without thought there is nothing to put effort into.
        let effort = if kind == Some("disabled") { budget } else { word.or(budget) };
        let format = output.get("format").filter(|format| !format.is_null()).or(older.as_ref());
        Ok(Self {
            effort,
            effort_field: if word.is_some() { "output_config" } else { "thinking" },
            thoughts: kind.is_some_and(|kind| kind != "disabled"),
            format: openai_tools::format("output_config.format", format)?,
        })
    }
}

#[cfg(test)]
mod tests;
