//! Messages of a chat completion: roles, content as a string or as parts, calls and results.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::image::{self, ImageUrl};
use crate::json_fields::{CappedVec, StringOrList};
use crate::shared_params::MAX_MESSAGES;
use crate::{InvalidRequest, file};
use protocol::{Message, Part, Role, ToolCall, ToolResult};

/// Maximum number of tool calls in a message, more than any model makes.
const MAX_TOOL_CALLS: usize = 1_000;

/// A message of the request body.
#[derive(Deserialize)]
pub(crate) struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(borrow, default, alias = "tool_name")]
    name: Option<Cow<'a, str>>,
    /// Images as bare base64, in Ollama's dialect.
    #[serde(borrow, default)]
    images: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    tool_calls: Option<CappedVec<WireCall<'a>, MAX_TOOL_CALLS>>,
    #[serde(borrow, default)]
    function_call: Option<WireFunction<'a>>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'a, str>>,
    /// Reasoning of the model. Other vendors call the field `reasoning`, with values of any type, and Ollama
    /// calls it `thinking`.
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "thinking")]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    /// Audio of an earlier reply, by an id that only OpenAI's servers know.
    #[serde(borrow, default)]
    audio: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireCall<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    function: Option<WireFunction<'a>>,
    /// Call of a custom tool, with text instead of arguments.
    #[serde(borrow, default)]
    custom: Option<WireFunction<'a>>,
}

#[derive(Deserialize)]
struct WireFunction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
}

type Content<'a> = StringOrList<'a, WirePart<'a>>;

#[derive(Deserialize)]
struct WirePart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    image_url: Option<ImageUrl<'a>>,
    #[serde(borrow, default)]
    file: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireFile<'a> {
    #[serde(borrow, default)]
    filename: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    file_data: Option<Cow<'a, str>>,
}

/// The messages of a request.
pub(crate) struct DecodedMessages {
    pub(crate) messages: Vec<Message>,
    /// Whether there are parts, such as audio, that [`Message`] cannot represent. Only an upstream that gets
    /// the raw body receives them.
    pub(crate) needs_raw_body: bool,
}

/// Translates the messages of a request.
pub(crate) fn messages(
    wire: CappedVec<WireMessage<'_>, MAX_MESSAGES>,
) -> Result<DecodedMessages, InvalidRequest> {
    if wire.0.is_empty() {
        return Err(InvalidRequest::new("messages".to_owned(), "'messages' must hold at least one message"));
    }
    let mut reader = MessageReader::default();
    let messages = wire
        .0
        .into_iter()
        .enumerate()
        .map(|(index, message)| reader.message(index, message))
        .collect::<Result<Vec<_>, _>>()?;
    image::check_count(&messages)?;
    Ok(DecodedMessages { messages, needs_raw_body: reader.needs_raw_body })
}

/// Translator of messages, with the state of the earlier ones.
#[derive(Default)]
struct MessageReader {
    needs_raw_body: bool,
    /// Calls without a result yet, for results that have no id, or an unknown one.
    pending_calls: Vec<PendingCall>,
}

struct PendingCall {
    id: String,
    name: String,
    /// Whether `id` was generated here because the client sent none.
    has_generated_id: bool,
}

impl MessageReader {
    fn message(&mut self, index: usize, wire: WireMessage<'_>) -> Result<Message, InvalidRequest> {
        match &*wire.role {
            "system" | "developer" => self.text_message(index, Role::System, wire),
            "user" => self.text_message(index, Role::User, wire),
            "assistant" | "model" => self.assistant(index, wire),
            "tool" | "function" => self.result(index, wire),
            _ => Err(InvalidRequest::new(
                format!("messages[{index}].role"),
                "the role must be system, developer, user, assistant or tool",
            )),
        }
    }

    fn text_message(
        &mut self,
        index: usize,
        role: Role,
        wire: WireMessage<'_>,
    ) -> Result<Message, InvalidRequest> {
        let mut parts = self.parts(index, wire.content)?;
        parts.extend(images(index, wire.images)?);
        if parts.is_empty() && !self.needs_raw_body {
            return Err(InvalidRequest::new(
                format!("messages[{index}].content"),
                "the message has no content",
            ));
        }
        // If several people or agents share the role `user`, only the name distinguishes them.
        let speaker = wire.name.filter(|name| role == Role::User && !name.is_empty());
        parts.splice(0..0, speaker.map(|name| Part::Text(format!("{name}:"))));
        Ok(Message { role, parts })
    }

    fn assistant(&mut self, index: usize, wire: WireMessage<'_>) -> Result<Message, InvalidRequest> {
        self.needs_raw_body |= wire.audio.is_some_and(|audio| audio.get() != "null");
        let thought = wire.reasoning_content.and_then(json_string).or(wire.reasoning.and_then(json_string));
        let mut parts: Vec<Part> =
            thought.filter(|text| !text.is_empty()).map(Part::Reasoning).into_iter().collect();
        let said = self.parts(index, wire.content)?;
        // With calls, clients send an empty string if there is no text.
        parts.extend(said.into_iter().filter(|part| *part != Part::Text(String::new())));
        parts.extend(wire.refusal.map(|text| Part::Text(text.into_owned())));
        let legacy =
            wire.function_call.map(|function| WireCall { id: None, function: Some(function), custom: None });
        let calls = wire.tool_calls.map_or_else(Vec::new, |calls| calls.0);
        for (at, call) in calls.into_iter().chain(legacy).enumerate() {
            parts.push(Part::Call(self.call(index, at, call)?));
        }
        Ok(Message { role: Role::Assistant, parts })
    }

    fn call(&mut self, index: usize, at: usize, wire: WireCall<'_>) -> Result<ToolCall, InvalidRequest> {
        let free = wire.custom.map(|custom| (custom.name, custom_input(custom.input)));
        let function = wire.function.map(|function| (function.name, arguments(function.arguments)));
        let (name, arguments) = function.or(free).ok_or_else(|| {
            InvalidRequest::new(
                format!("messages[{index}].tool_calls[{at}].function"),
                "the call has no function",
            )
        })?;
        let own = wire.id.filter(|id| !id.is_empty());
        let has_generated_id = own.is_none();
        let id = own.map_or_else(|| format!("call_{index}_{at}"), Cow::into_owned);
        let name = name.into_owned();
        self.pending_calls.push(PendingCall { id: id.clone(), name: name.clone(), has_generated_id });
        Ok(ToolCall { id, name, arguments })
    }

    fn result(&mut self, index: usize, wire: WireMessage<'_>) -> Result<Message, InvalidRequest> {
        let id = wire.tool_call_id.filter(|id| !id.is_empty()).map(Cow::into_owned);
        let name = wire.name.map(Cow::into_owned);
        let answered = self.take_answered_call(id.as_deref(), name.as_deref());
        let (call_id, name) = match (answered, id) {
            (Some(call), _) => (call.id, name.or(Some(call.name))),
            (None, Some(id)) => (id, name),
            (None, None) => {
                let message = "the result names no call";
                return Err(InvalidRequest::new(format!("messages[{index}].tool_call_id"), message));
            }
        };
        let mut parts = self.parts(index, wire.content)?;
        parts.extend(images(index, wire.images)?);
        let result = ToolResult { call_id, name, parts, failed: false };
        Ok(Message { role: Role::User, parts: vec![Part::Result(result)] })
    }

    /// Removes and returns the call that a result belongs to: the one with its id or, without an id, the
    /// first with its name. LiteLLM sends results with ids for calls without ids to Ollama; an unknown id
    /// therefore matches the first call with a generated id.
    fn take_answered_call(&mut self, id: Option<&str>, name: Option<&str>) -> Option<PendingCall> {
        let of_name = |call: &PendingCall| name.is_none_or(|name| call.name == name);
        let place = match id {
            None => self.pending_calls.iter().position(of_name),
            Some(id) => {
                let of_id = self.pending_calls.iter().position(|call| call.id == id);
                of_id.or_else(|| {
                    self.pending_calls.iter().position(|call| call.has_generated_id && of_name(call))
                })
            }
        };
        place.map(|place| self.pending_calls.remove(place))
    }

    fn parts(&mut self, index: usize, content: Content<'_>) -> Result<Vec<Part>, InvalidRequest> {
        let parts = match content {
            Content::Absent => Vec::new(),
            Content::Text(text) => return Ok(vec![Part::Text(text.into_owned())]),
            Content::List(parts) => parts,
        };
        let translated = parts.into_iter().enumerate().filter_map(|(at, part)| {
            self.part(&format!("messages[{index}].content[{at}]"), part).transpose()
        });
        translated.collect()
    }

    /// Translates one part. Of a part of unknown type only the text is kept.
    fn part(&mut self, param: &str, part: WirePart<'_>) -> Result<Option<Part>, InvalidRequest> {
        let missing =
            |name: &str| InvalidRequest::new(format!("{param}.{name}"), format!("the part has no '{name}'"));
        let text = |text: Option<Cow<'_, str>>| text.map(|text| Part::Text(text.into_owned()));
        match &*part.kind {
            "text" | "input_text" | "output_text" => text(part.text).ok_or_else(|| missing("text")).map(Some),
            "refusal" => text(part.refusal).ok_or_else(|| missing("refusal")).map(Some),
            "thinking" => Ok(part.thinking.map(|thought| Part::Reasoning(thought.into_owned()))),
            "redacted_thinking" => Ok(None),
            "image_url" | "input_image" => {
                let url = part.image_url.ok_or_else(|| missing("image_url"))?;
                image::from_url(param, &url.url, url.detail).map(Some)
            }
            "file" => {
                let known = part.file.and_then(|raw| {
                    let file: WireFile<'_> = serde_json::from_str(raw.get()).ok()?;
                    let data = file.file_data?;
                    file::from_data(param, file.filename.as_deref(), &data).ok()
                });
                // A file that is referred to by an id, or has another form.
                self.needs_raw_body |= known.is_none();
                Ok(known)
            }
            _ => {
                self.needs_raw_body |= part.text.is_none();
                Ok(text(part.text))
            }
        }
    }
}

/// Translates the images of a message in Ollama's dialect.
fn images(index: usize, images: Option<Vec<Cow<'_, str>>>) -> Result<Vec<Part>, InvalidRequest> {
    let picture = |(at, data): (usize, &Cow<'_, str>)| {
        image::from_base64(&format!("messages[{index}].images[{at}]"), data)
    };
    images.iter().flatten().enumerate().map(picture).collect()
}

/// Arguments as JSON text. Most clients send a string, some the object itself.
fn arguments(raw: Option<&RawValue>) -> String {
    let text = raw.and_then(|raw| json_string(raw).or_else(|| Some(raw.get().to_owned())));
    text.filter(|text| !text.trim().is_empty() && text != "null").unwrap_or_else(|| "{}".to_owned())
}

/// Arguments of the function that represents a custom tool, with the text as the only one.
fn custom_input(raw: Option<&RawValue>) -> String {
    serde_json::json!({ "input": raw.and_then(json_string).unwrap_or_default() }).to_string()
}

fn json_string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests;
