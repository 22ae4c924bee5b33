//! OpenAI's Responses API: `POST /v1/responses`.

mod encode;
mod input;
mod tools;

use encode::Encoder;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use self::input::InputReader;
pub use self::tools::ItemTools;
use self::tools::Toolbox;
use super::json_fields::{JsonFields, StringOrList};
use super::shared_params::{self, ApiOnlyParams};
use super::{
    ApiFamily, Decoded, DecodedRequest, Dialect, InvalidRequest, ReplyMeta, ReplyOptions, file, image,
    openai_tools, reasoning_effort,
};
use protocol::{Message, Part, Request, Role};

/// OpenAI's Responses API.
#[derive(Debug)]
pub(super) struct OpenAiResponses;

impl Dialect for OpenAiResponses {
    fn name(&self) -> &'static str {
        "openai-responses"
    }

    fn path(&self) -> &'static str {
        "/v1/responses"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::OpenAi
    }

    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        Ok(decode(body)?.with_encoder(reply, Encoder::new))
    }
}

/// State of a request that its response needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResponsesState {
    /// Id of the response whose conversation is continued.
    pub previous_response_id: Option<String>,
    /// Whether the response is stored.
    pub store: bool,
    /// Whether the first message of the request is its instructions, which are not part of the conversation.
    pub has_instructions: bool,
    /// Tools that input items of the conversation define, including those of earlier requests.
    pub item_tools: ItemTools,
    /// Whether `tool_choice` lists the only tools that may be called.
    restricts_tools: bool,
    /// Original names and forms of the tools.
    tool_origins: tools::ToolOrigins,
    /// Fields of the response that repeat the request, as JSON text of object members.
    echoed_fields: String,
}

impl ResponsesState {
    /// Adds the tools that input items of earlier requests define.
    ///
    /// # Errors
    /// The conversation has too many tools.
    pub fn restore_item_tools(
        &mut self,
        earlier: &ItemTools,
        request: &mut Request,
    ) -> Result<(), InvalidRequest> {
        if !self.restricts_tools {
            earlier.add_to(&mut request.tools, &mut self.tool_origins)?;
        }
        let later = std::mem::replace(&mut self.item_tools, earlier.clone());
        self.item_tools.extend(later);
        Ok(())
    }
}

/// Fields of a response that repeat the request, with their default values.
const ECHOED_FIELDS: [(&str, &str); 18] = [
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

/// Fields that have no effect on the reply and are not reported as ignored.
const SILENTLY_IGNORED_FIELDS: [&str; 3] = ["include", "prompt_cache_key", "client_metadata"];

/// Reads a Responses request.
fn decode(body: &Bytes) -> Result<DecodedRequest, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    let mut api_only_params = ApiOnlyParams::new();
    let echoed_fields = echoed_fields(&fields);
    fields.reject_unsupported(&["background", "conversation", "prompt", "top_logprobs"])?;
    refuse_included(&fields)?;
    let model = shared_params::model(&mut fields)?;
    let mut input = InputReader::with_tools(Toolbox::read(&mut fields)?);
    let mut messages = instructions(&mut fields)?;
    let has_instructions = !messages.is_empty();
    messages.extend(input.read(fields.required("input")?)?);
    let InputReader { mut toolbox, effort: later_effort, incomplete } = input;
    if messages.is_empty() {
        return Err(InvalidRequest::new("input".to_owned(), "'input' holds nothing to answer"));
    }
    image::check_count(&messages)?;
    let item_tools = toolbox.item_tools();
    let choice: Option<Value> = fields.optional("tool_choice")?.map(tools::flat_choice);
    openai_tools::refuse_hosted_only(&toolbox.tools, &toolbox.omitted, choice.as_ref())?;
    openai_tools::refuse_hosted_choice(choice.as_ref())?;
    let restricts_tools = choice.as_ref().is_some_and(|choice| choice["type"] == "allowed_tools");
    let tool_choice = openai_tools::parse_tool_choice(choice, &mut toolbox.tools)?;
    let reasoning: Value = fields.optional("reasoning")?.unwrap_or_default();
    let effort = reasoning["effort"].as_str().and_then(reasoning_effort::parse).or(later_effort);
    api_only_params.extend(effort.map(|_| "reasoning"));
    let text: Value = fields.optional("text")?.unwrap_or_default();
    let format = text.get("format").filter(|format| !format.is_null());
    let state = ResponsesState {
        previous_response_id: fields.optional("previous_response_id")?,
        store: fields.optional("store")?.unwrap_or(true),
        has_instructions,
        item_tools,
        restricts_tools,
        tool_origins: toolbox.origins,
        echoed_fields,
    };
    SILENTLY_IGNORED_FIELDS.iter().for_each(|name| _ = fields.take_is_set(name));
    let api_only_param = file::is_in_latest_user_turn(&messages).then_some("input");
    api_only_params.extend(file::any_in(&messages).then_some("input"));
    let request = Request {
        model,
        messages,
        stream: fields.optional("stream")?.unwrap_or(false),
        max_tokens: shared_params::max_tokens(&mut fields, "max_output_tokens")?,
        tools: toolbox.tools,
        tool_choice,
        single_tool_call: fields.optional::<bool>("parallel_tool_calls")? == Some(false),
        format: openai_tools::parse_response_format("text.format", format)?,
        effort,
        sampling: shared_params::sampling(&mut fields, &mut api_only_params)?,
        api_only_param,
        ..Request::default()
    };
    let options = ReplyOptions { responses: Some(Box::new(state)), ..ReplyOptions::default() };
    let notes = toolbox.omitted.into_iter().chain(incomplete.then_some("input")).map(str::to_owned);
    Ok(DecodedRequest {
        request,
        ignored: fields.ignored().into_iter().chain(notes).collect(),
        api_only_params,
        options,
    })
}

/// Rejects `include` with log probabilities, the only value whose absence would change the reply.
fn refuse_included(fields: &JsonFields<'_>) -> Result<(), InvalidRequest> {
    let include: Value = fields.peek("include")?.unwrap_or_default();
    let logprobs = "message.output_text.logprobs";
    if include.as_array().into_iter().flatten().any(|name| name == logprobs) {
        return Err(InvalidRequest::unsupported("include", format!("'{logprobs}' cannot be included here")));
    }
    Ok(())
}

/// Reads the instructions: a string or, from some clients, input items.
fn instructions(fields: &mut JsonFields<'_>) -> Result<Vec<Message>, InvalidRequest> {
    let parts = match fields.optional::<StringOrList<'_, input::InputItem<'_>>>("instructions")? {
        None | Some(StringOrList::Absent) => return Ok(Vec::new()),
        Some(StringOrList::Text(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(StringOrList::Text(text)) => vec![Part::Text(text.into_owned())],
        Some(items @ StringOrList::List(_)) => {
            let messages = InputReader::default().read(items)?;
            messages.into_iter().flat_map(|message| message.parts).collect()
        }
    };
    Ok(vec![Message { role: Role::System, parts }])
}

/// Returns the fields of [`ECHOED_FIELDS`] as JSON text without line breaks. A raw line break in JSON is only
/// whitespace between tokens, so a space can replace it.
fn echoed_fields(fields: &JsonFields<'_>) -> String {
    let mut out = String::new();
    for (name, default) in ECHOED_FIELDS {
        let sent = fields.raw(name).map(RawValue::get).filter(|text| *text != "null").unwrap_or(default);
        out.push_str(&format!(",\"{name}\":"));
        out.extend(sent.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    }
    out
}

/// The body of `DELETE /v1/responses/{id}`.
pub fn delete_body(id: &str) -> String {
    serde_json::json!({ "id": id, "object": "response", "deleted": true }).to_string()
}

#[cfg(test)]
mod tests;
