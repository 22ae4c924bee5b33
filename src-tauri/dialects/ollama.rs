//! Ollama's own API: `POST /api/chat` and `POST /api/generate`, and what its clients ask about models.

mod embed;
mod encode;
mod listing;

pub use embed::{Embed, embed_reply, embed_request};
pub(super) use encode::{Encoder, Shape};
pub use listing::{Listed, VERSION, names, running, shown, version};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::common::{self, MAX_MESSAGES, Steering};
use super::fields::{Bounded, Fields, shown as harmless};
use super::openai_chat::content::{self, WireMessage};
use super::{Decoded, Invalid, Remember, effort, openai_tools, picture};
use crate::chat::{Message, Part, ReasoningEffort, Request, ResponseFormat, Role, Sampling, Tool};

/// Reads a chat request. One without messages only asks for the model to be loaded.
pub(super) fn decode_chat(body: &Bytes) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    let wire: Option<Bounded<WireMessage<'_>, MAX_MESSAGES>> = fields.optional("messages")?;
    let messages = match wire.filter(|wire| !wire.0.is_empty()) {
        Some(wire) => content::messages(wire)?.messages,
        None => Vec::new(),
    };
    let tools = tools(&mut fields)?;
    decode(fields, messages, tools)
}

/// Reads a request to go on with a prompt. One without a prompt only asks for the model to be loaded.
pub(super) fn decode_generate(body: &Bytes) -> Result<Decoded, Invalid> {
    let mut fields = Fields::of(body)?;
    // The tokens of a conversation that another server kept: nobody here can read them.
    fields.refuse(&["suffix", "context"])?;
    let system: Option<String> = fields.optional("system")?;
    let prompt: String = fields.optional("prompt")?.unwrap_or_default();
    let images: Vec<String> = fields.optional("images")?.unwrap_or_default();
    let mut parts = Vec::new();
    for (at, data) in images.iter().enumerate() {
        parts.push(picture::of_base64(&format!("images[{at}]"), data)?);
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
    picture::count(&messages)?;
    decode(fields, messages, Vec::new())
}

/// The model that `POST /api/show` asks about, by either of the names that its field had.
///
/// # Errors
/// The body is no JSON object, or names no model.
pub fn model_named(body: &Bytes) -> Result<String, Invalid> {
    let mut fields = Fields::of(body)?;
    let older: Option<String> = fields.optional("name")?;
    let name = match fields.optional::<String>("model")?.or(older) {
        Some(name) => name,
        None => fields.required("model")?,
    };
    Ok(name.strip_suffix(":latest").unwrap_or(&name).to_owned())
}

fn decode(mut fields: Fields<'_>, messages: Vec<Message>, tools: Vec<Tool>) -> Result<Decoded, Invalid> {
    fields.refuse(&["logprobs", "top_logprobs"])?;
    let model = common::model(&mut fields)?;
    let model = model.strip_suffix(":latest").unwrap_or(&model).to_owned();
    let mut options = Options::read(fields.optional("options")?.unwrap_or_default())?;
    let thinking: Value = fields.optional("think")?.unwrap_or_default();
    let effort = effort_of(&thinking);
    options.steering.extend(effort.map(|_| "think"));
    // How long a model stays loaded means nothing where none is.
    fields.holds_something("keep_alive");
    let remember = Remember {
        thoughts: thinking != Value::Bool(false),
        load: messages.is_empty(),
        ..Remember::default()
    };
    let request = Request {
        model,
        messages,
        stream: fields.optional("stream")?.unwrap_or(true) && !remember.load,
        max_tokens: options.max_tokens,
        stop: options.stop,
        tools,
        format: format(&mut fields)?,
        effort,
        sampling: options.sampling,
        ..Request::default()
    };
    let ignored = fields.ignored().into_iter().chain(options.ignored).collect();
    Ok(Decoded { request, ignored, steering: options.steering, remember })
}

fn tools(fields: &mut Fields<'_>) -> Result<Vec<Tool>, Invalid> {
    let mut tools = Vec::new();
    for (at, wire) in openai_tools::read(fields, "tools")?.into_iter().enumerate() {
        let param = format!("tools[{at}]");
        tools.push(openai_tools::tool(&param, wire.into_function(&param)?)?);
    }
    Ok(tools)
}

/// `"json"`, a schema, or nothing, which some clients write as an empty text.
fn format(fields: &mut Fields<'_>) -> Result<ResponseFormat, Invalid> {
    match fields.optional::<Value>("format")? {
        None => Ok(ResponseFormat::Text),
        Some(Value::String(word)) if word.is_empty() => Ok(ResponseFormat::Text),
        Some(Value::String(word)) if word == "json" => Ok(ResponseFormat::JsonObject),
        Some(schema @ Value::Object(_)) => {
            Ok(ResponseFormat::JsonSchema { name: "reply".to_owned(), schema, strict: false })
        }
        Some(_) => Err(Invalid::request("format".to_owned(), "'format' must be \"json\" or a JSON schema")),
    }
}

/// A switch, or a step. To switch it on says nothing about how much.
fn effort_of(thinking: &Value) -> Option<ReasoningEffort> {
    match thinking {
        Value::Bool(false) => Some(ReasoningEffort::Off),
        Value::String(word) => effort::of_word(word),
        Value::Bool(true) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What stands in `options`: a bag of numbers, most of which are about the machine that runs a model.
#[derive(Default)]
struct Options {
    sampling: Sampling,
    max_tokens: Option<u64>,
    stop: Vec<String>,
    steering: Steering,
    ignored: Vec<String>,
}

impl Options {
    fn read(options: Map<String, Value>) -> Result<Self, Invalid> {
        let mut read = Self::default();
        for (name, value) in options.iter().filter(|(_, value)| !value.is_null()) {
            read.option(name, value)?;
        }
        Ok(read)
    }

    fn option(&mut self, name: &str, value: &Value) -> Result<(), Invalid> {
        let wrong = || Invalid::request(format!("options.{name}"), "the option is of the wrong type");
        let number = || value.as_f64().ok_or_else(wrong);
        let steers = match name {
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
                self.stop = common::bounded_stop(texts, "options.stop")?;
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
        self.steering.extend(steers);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
