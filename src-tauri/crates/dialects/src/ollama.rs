//! Ollama's API: `POST /api/chat`, `POST /api/generate`, embeddings and model information.

mod embed;
mod encode;
mod error;
mod models;

pub use embed::{EmbedEndpoint, embed_reply, embed_request};
use encode::{Encoder, OllamaEndpoint};
pub(super) use error::error_body;
pub use models::{EMULATED_VERSION, OllamaModel, running, show, tags, version};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::json_fields::{CappedVec, JsonFields, harmless_name as harmless};
use super::openai_chat::content::{self, WireMessage};
use super::shared_params::{self, ApiOnlyParams, MAX_MESSAGES};
use super::{
    ApiFamily, Decoded, DecodedRequest, Dialect, InvalidRequest, ReplyMeta, ReplyOptions, image,
    openai_tools, reasoning_effort,
};
use protocol::{Message, Part, ReasoningEffort, Request, ResponseFormat, Role, Sampling, Tool};

/// Media type of a streamed reply: one JSON object per line.
const NDJSON: &str = "application/x-ndjson";

/// Ollama's chat API.
#[derive(Debug)]
pub(super) struct OllamaChat;

impl Dialect for OllamaChat {
    fn name(&self) -> &'static str {
        "ollama-chat"
    }

    fn path(&self) -> &'static str {
        "/api/chat"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::Ollama
    }

    fn stream_type(&self) -> &'static str {
        NDJSON
    }

    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        Ok(decode_chat(body)?.with_encoder(reply, |context| Encoder::new(context, OllamaEndpoint::Chat)))
    }
}

/// Ollama's generate API: a reply to a prompt.
#[derive(Debug)]
pub(super) struct OllamaGenerate;

impl Dialect for OllamaGenerate {
    fn name(&self) -> &'static str {
        "ollama-generate"
    }

    fn path(&self) -> &'static str {
        "/api/generate"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::Ollama
    }

    fn stream_type(&self) -> &'static str {
        NDJSON
    }

    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        Ok(decode_generate(body)?
            .with_encoder(reply, |context| Encoder::new(context, OllamaEndpoint::Generate)))
    }
}

/// Reads a chat request. A request without messages only loads the model.
fn decode_chat(body: &Bytes) -> Result<DecodedRequest, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    let wire: Option<CappedVec<WireMessage<'_>, MAX_MESSAGES>> = fields.optional("messages")?;
    let messages = match wire.filter(|wire| !wire.0.is_empty()) {
        Some(wire) => content::messages(wire)?.messages,
        None => Vec::new(),
    };
    let tools = read_tools(&mut fields)?;
    decode(fields, messages, tools)
}

/// Reads a generate request. A request without a prompt only loads the model.
fn decode_generate(body: &Bytes) -> Result<DecodedRequest, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    // `context` contains the tokens of a conversation with another server, which cannot be decoded here.
    fields.reject_unsupported(&["suffix", "context"])?;
    let system: Option<String> = fields.optional("system")?;
    let prompt: String = fields.optional("prompt")?.unwrap_or_default();
    let images: Vec<String> = fields.optional("images")?.unwrap_or_default();
    let mut parts = Vec::new();
    for (at, data) in images.iter().enumerate() {
        parts.push(image::from_base64(&format!("images[{at}]"), data)?);
    }
    if !prompt.is_empty() {
        parts.insert(0, Part::Text(prompt));
    }
    let mut messages = Vec::new();
    if !parts.is_empty() {
        let system = system.filter(|text| !text.is_empty()).map(|text| vec![Part::Text(text)]);
        messages.extend(system.map(|parts| Message { role: Role::System, parts }));
        messages.push(Message { role: Role::User, parts });
    }
    image::check_count(&messages)?;
    decode(fields, messages, Vec::new())
}

/// Returns the model that `POST /api/show` asks about, from the field `model` or its older name `name`.
///
/// # Errors
/// The body is not a JSON object, or does not name a model.
pub fn requested_model(body: &Bytes) -> Result<String, InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    let older: Option<String> = fields.optional("name")?;
    let name = match fields.optional::<String>("model")?.or(older) {
        Some(name) => name,
        None => fields.required("model")?,
    };
    Ok(name.strip_suffix(":latest").unwrap_or(&name).to_owned())
}

fn decode(
    mut fields: JsonFields<'_>,
    messages: Vec<Message>,
    tools: Vec<Tool>,
) -> Result<DecodedRequest, InvalidRequest> {
    fields.reject_unsupported(&["logprobs", "top_logprobs"])?;
    let model = shared_params::model(&mut fields)?;
    let model = model.strip_suffix(":latest").unwrap_or(&model).to_owned();
    let mut options = Options::read(fields.optional("options")?.unwrap_or_default())?;
    let thinking: Value = fields.optional("think")?.unwrap_or_default();
    let effort = parse_effort(&thinking);
    options.api_only_params.extend(effort.map(|_| "think"));
    // `keep_alive` has no meaning, since no model is loaded.
    fields.take_is_set("keep_alive");
    let reply_options = ReplyOptions {
        include_reasoning: thinking != Value::Bool(false),
        load_only: messages.is_empty(),
        ..ReplyOptions::default()
    };
    let request = Request {
        model,
        messages,
        stream: fields.optional("stream")?.unwrap_or(true) && !reply_options.load_only,
        max_tokens: options.max_tokens,
        stop: options.stop,
        tools,
        format: read_response_format(&mut fields)?,
        effort,
        sampling: options.sampling,
        ..Request::default()
    };
    let ignored = fields.ignored().into_iter().chain(options.ignored).collect();
    Ok(DecodedRequest { request, ignored, api_only_params: options.api_only_params, options: reply_options })
}

fn read_tools(fields: &mut JsonFields<'_>) -> Result<Vec<Tool>, InvalidRequest> {
    let mut tools = Vec::new();
    for (at, wire) in openai_tools::read_tools(fields, "tools")?.into_iter().enumerate() {
        let param = format!("tools[{at}]");
        tools.push(openai_tools::parse_tool(&param, wire.into_function(&param)?)?);
    }
    Ok(tools)
}

/// Reads the format: `"json"`, a schema or none, which some clients send as an empty string.
fn read_response_format(fields: &mut JsonFields<'_>) -> Result<ResponseFormat, InvalidRequest> {
    match fields.optional::<Value>("format")? {
        None => Ok(ResponseFormat::Text),
        Some(Value::String(word)) if word.is_empty() => Ok(ResponseFormat::Text),
        Some(Value::String(word)) if word == "json" => Ok(ResponseFormat::JsonObject),
        Some(schema @ Value::Object(_)) => {
            Ok(ResponseFormat::JsonSchema { name: "reply".to_owned(), schema, strict: false })
        }
        Some(_) => {
            Err(InvalidRequest::new("format".to_owned(), "'format' must be \"json\" or a JSON schema"))
        }
    }
}

/// Parses `think`: a boolean or a level. `true` does not state a level.
fn parse_effort(thinking: &Value) -> Option<ReasoningEffort> {
    match thinking {
        Value::Bool(false) => Some(ReasoningEffort::Off),
        Value::String(word) => reasoning_effort::parse(word),
        Value::Bool(true) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The object `options`. Most of its fields configure the machine that runs a model, and are ignored.
#[derive(Default)]
struct Options {
    sampling: Sampling,
    max_tokens: Option<u64>,
    stop: Vec<String>,
    api_only_params: ApiOnlyParams,
    ignored: Vec<String>,
}

impl Options {
    fn read(options: Map<String, Value>) -> Result<Self, InvalidRequest> {
        let mut options_read = Self::default();
        for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            options_read.option(name, value)?;
        }
        Ok(options_read)
    }

    fn option(&mut self, name: &str, value: &Value) -> Result<(), InvalidRequest> {
        let wrong = || InvalidRequest::new(format!("options.{name}"), "the option is of the wrong type");
        let number = || value.as_f64().ok_or_else(wrong);
        let api_only_param = match name {
            // Below zero means without a limit.
            "num_predict" => {
                self.max_tokens = Some(number()?).filter(|most| *most >= 1.0).map(|most| most as u64);
                None
            }
            "stop" => {
                let texts = if let Value::String(text) = value {
                    vec![text.clone()]
                } else {
                    serde_json::from_value(value.clone()).map_err(|_| wrong())?
                };
                self.stop = shared_params::check_stop(texts, "options.stop")?;
                None
            }
            "temperature" => {
                self.sampling.temperature.insert(number()?).is_finite().then_some("options.temperature")
            }
            "top_p" => self.sampling.top_p.insert(number()?).is_finite().then_some("options.top_p"),
            "presence_penalty" => self
                .sampling
                .presence_penalty
                .insert(number()?)
                .is_finite()
                .then_some("options.presence_penalty"),
            "frequency_penalty" => self
                .sampling
                .frequency_penalty
                .insert(number()?)
                .is_finite()
                .then_some("options.frequency_penalty"),
            "top_k" => {
                self.sampling.top_k = Some(number()?).filter(|k| *k >= 1.0).map(|k| k as u64);
                self.sampling.top_k.map(|_| "options.top_k")
            }
            "seed" => {
                self.sampling.seed = Some(number()? as i64);
                Some("options.seed")
            }
            other => {
                self.ignored.extend(harmless(other).map(|name| format!("options.{name}")));
                None
            }
        };
        self.api_only_params.extend(api_only_param);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
