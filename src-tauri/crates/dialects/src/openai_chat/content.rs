//! Messages of a chat completion: roles, content as text or as parts, calls and their results.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::image::{self, ImageUrl};
use crate::json_fields::{CappedVec, StringOrList};
use crate::shared_params::MAX_MESSAGES;
use crate::{InvalidRequest, file};
use protocol::{Message, Part, Role, ToolCall, ToolResult};

/// More calls than a model makes in one reply.
const MAX_TOOL_CALLS: usize = 1_000;

/// A message as it stands in the body.
#[derive(Deserialize)]
pub(crate) struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow, default)]
    content: Content<'a>,
    #[serde(borrow, default, alias = "tool_name")]
    name: Option<Cow<'a, str>>,
    /// Ollama's: bare base64.
    #[serde(borrow, default)]
    images: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    tool_calls: Option<CappedVec<WireCall<'a>, MAX_TOOL_CALLS>>,
    #[serde(borrow, default)]
    function_call: Option<WireFunction<'a>>,
    #[serde(borrow, default)]
    tool_call_id: Option<Cow<'a, str>>,
    /// What the model thought. Others write it as `reasoning`, where it may be anything, Ollama as `thinking`.
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default, alias = "thinking")]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    /// What the model spoke, by an id that only OpenAI's servers know.
    #[serde(borrow, default)]
    audio: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WireCall<'a> {
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    function: Option<WireFunction<'a>>,
    /// Free text instead of arguments.
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
    /// Some parts (sound, documents) have no place in the inner form: only an upstream that gets the body itself sees
    /// them.
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

/// What must be known of the messages before.
#[derive(Default)]
struct MessageReader {
    needs_raw_body: bool,
    /// Calls without a result yet, for the results that name no id, or one that no call has.
    pending_calls: Vec<PendingCall>,
}

struct PendingCall {
    id: String,
    name: String,
    /// The client gave it no id; the one above is made here.
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
        // Where several people or agents speak as the user, the name is all that tells them apart.
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
        // Beside calls, clients write no text as an empty one.
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

    /// The call that a result belongs to: the one of its id; without one, the first of its name. An id that no call has
    /// may stand beside calls without ids, as LiteLLM writes them for Ollama: then the first of those counts.
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

    /// A kind of part that nobody here knows still counts where it has a text.
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
                // One that is kept elsewhere, or in another form.
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

/// The pictures that stand beside a message's text.
fn images(index: usize, images: Option<Vec<Cow<'_, str>>>) -> Result<Vec<Part>, InvalidRequest> {
    let picture = |(at, data): (usize, &Cow<'_, str>)| {
        image::from_base64(&format!("messages[{index}].images[{at}]"), data)
    };
    images.iter().flatten().enumerate().map(picture).collect()
}

/// The JSON text of arguments. Most clients write it as a text, some as the object itself.
fn arguments(raw: Option<&RawValue>) -> String {
    let text = raw.and_then(|raw| json_string(raw).or_else(|| Some(raw.get().to_owned())));
    text.filter(|text| !text.trim().is_empty() && text != "null").unwrap_or_else(|| "{}".to_owned())
}

/// Free text in the form of the one function argument that stands for it.
fn custom_input(raw: Option<&RawValue>) -> String {
    serde_json::json!({ "input": raw.and_then(json_string).unwrap_or_default() }).to_string()
}

fn json_string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests;
