//! Input items: messages, calls, results and reasoning of earlier replies.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::tools::{Toolbox, flat_name};
use crate::image::{self, ImageUrl};
use crate::json_fields::{StringOrList, deserialize_raw};
use crate::{InvalidRequest, file, reasoning_effort};
use protocol::{Message, Part, ReasoningEffort, Role, ToolCall, ToolResult};

/// An item of the request body. Its id, status and annotations are ignored.
#[derive(Deserialize)]
pub(super) struct InputItem<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: StringOrList<'a, ItemPart<'a>>,
    #[serde(borrow, default)]
    summary: StringOrList<'a, ItemPart<'a>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    call_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    namespace: Option<Cow<'a, str>>,
    /// Arguments of a call. The form of `arguments`, `input`, `action` and `output` depends on the type of
    /// the item.
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    /// A generated image, as base64.
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    /// Sender of a message between agents.
    #[serde(borrow, default)]
    author: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    recipient: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
pub(super) struct ItemPart<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    refusal: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    image_url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    detail: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    filename: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    file_data: Option<Cow<'a, str>>,
    /// Text of a message between agents. OpenAI's servers encrypt it; this program returns it as the model
    /// wrote it, and so receives plain text.
    #[serde(borrow, default)]
    encrypted_content: Option<Cow<'a, str>>,
}

/// Translator of input items, with the tools, the effort and the omissions found in them.
#[derive(Default)]
pub(super) struct InputReader {
    /// The tools of the request and of its input items.
    pub(super) toolbox: Toolbox,
    /// The reasoning effort of the last `configuration_update` item.
    pub(super) effort: Option<ReasoningEffort>,
    /// Whether something was left out.
    pub(super) incomplete: bool,
}

impl InputReader {
    pub(super) fn with_tools(toolbox: Toolbox) -> Self {
        Self { toolbox, ..Self::default() }
    }

    /// Translates the items. Consecutive items of one role become one message, so that parallel calls stay
    /// together.
    pub(super) fn read(
        &mut self,
        input: StringOrList<'_, InputItem<'_>>,
    ) -> Result<Vec<Message>, InvalidRequest> {
        let items = match input {
            StringOrList::Absent => return Ok(Vec::new()),
            StringOrList::Text(text) => {
                return Ok(vec![Message { role: Role::User, parts: vec![Part::Text(text.into_owned())] }]);
            }
            StringOrList::List(items) => items,
        };
        let mut messages: Vec<Message> = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let Some(message) = self.item(&format!("input[{at}]"), item)? else { continue };
            match messages.last_mut() {
                Some(last) if should_merge(last, &message) => last.parts.extend(message.parts),
                _ => messages.push(message),
            }
        }
        Ok(messages)
    }

    fn item(&mut self, param: &str, item: InputItem<'_>) -> Result<Option<Message>, InvalidRequest> {
        let by_model = |parts| Some(Message { role: Role::Assistant, parts });
        let kind = item.kind.as_deref().unwrap_or("message").to_owned();
        match kind.as_str() {
            "message" => self.message(param, item).map(Some),
            "reasoning" => {
                Ok(reasoning_text(item).map(|text| vec![Part::Reasoning(text)]).and_then(by_model))
            }
            "agent_message" => self.agent_message(param, item).map(Some),
            "additional_tools" => self.toolbox.add_item_tools(param, item.tools).map(|_| None),
            "tool_search_output" => self.tool_search_result(param, item),
            "image_generation_call" => Ok(self.generated_image(param, item.result)),
            "configuration_update" => {
                self.effort = requested_effort(item.reasoning).or(self.effort);
                Ok(None)
            }
            kind if rejection_reason(kind).is_some() => {
                let reason = rejection_reason(kind).unwrap_or_default();
                Err(InvalidRequest::unsupported(
                    param,
                    format!("an item '{kind}' cannot be honoured: {reason}"),
                ))
            }
            kind if kind.ends_with("_call_output") && item.call_id.is_some() => {
                self.output(param, item).map(Some)
            }
            kind if kind.ends_with("_call") && item.call_id.is_some() => {
                Ok(by_model(vec![Part::Call(call(param, kind, item)?)]))
            }
            // Results of OpenAI's hosted tools (a search, an MCP call) cannot be passed to another model.
            _ => {
                self.incomplete = true;
                Ok(None)
            }
        }
    }

    fn message(&mut self, param: &str, item: InputItem<'_>) -> Result<Message, InvalidRequest> {
        let role = match item.role.as_deref() {
            Some("user") | None => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system" | "developer") => Role::System,
            Some(_) => {
                let message = "the role must be user, assistant, system or developer";
                return Err(InvalidRequest::new(format!("{param}.role"), message));
            }
        };
        Ok(Message { role, parts: self.parts(&format!("{param}.content"), item.content)? })
    }

    /// The image of an earlier reply, as a message of the user, since models accept images only from the
    /// user.
    fn generated_image(&mut self, param: &str, result: Option<&RawValue>) -> Option<Message> {
        let data: Option<String> = result.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let picture = data.and_then(|data| image::from_base64(param, &data).ok());
        self.incomplete |= picture.is_none();
        let head = Part::Text("The picture that was generated:".to_owned());
        picture.map(|picture| Message { role: Role::User, parts: vec![head, picture] })
    }

    /// A message between agents, as a message of the user with the names of sender and recipient.
    fn agent_message(&mut self, param: &str, item: InputItem<'_>) -> Result<Message, InvalidRequest> {
        let from = item.author.as_deref().unwrap_or("another agent");
        let to = item.recipient.as_deref().map(|name| format!(" to {name}")).unwrap_or_default();
        let head = Part::Text(format!("Message from agent {from}{to}:"));
        let parts = self.parts(&format!("{param}.content"), item.content)?;
        Ok(Message { role: Role::User, parts: std::iter::once(head).chain(parts).collect() })
    }

    /// The result of the client's tool search. A search by OpenAI's servers has no call id and gets no
    /// message.
    fn tool_search_result(
        &mut self,
        param: &str,
        item: InputItem<'_>,
    ) -> Result<Option<Message>, InvalidRequest> {
        let names = self.toolbox.add_item_tools(param, item.tools)?;
        let Some(call_id) = item.call_id else { return Ok(None) };
        let text = match names.as_slice() {
            [] => "No tool was found.".to_owned(),
            names => format!("These tools can be called now: {}", names.join(", ")),
        };
        let parts = vec![Part::Text(text)];
        let result = ToolResult { call_id: call_id.into_owned(), name: None, parts, failed: false };
        Ok(Some(Message { role: Role::User, parts: vec![Part::Result(result)] }))
    }

    fn parts(
        &mut self,
        param: &str,
        content: StringOrList<'_, ItemPart<'_>>,
    ) -> Result<Vec<Part>, InvalidRequest> {
        let parts = match content {
            StringOrList::Absent => return Ok(Vec::new()),
            StringOrList::Text(text) => return Ok(vec![Part::Text(text.into_owned())]),
            StringOrList::List(parts) => parts,
        };
        let mut translated = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            translated.extend(self.part(&format!("{param}[{at}]"), part)?);
        }
        Ok(translated)
    }

    fn part(&mut self, param: &str, part: ItemPart<'_>) -> Result<Option<Part>, InvalidRequest> {
        let text =
            part.text.or(part.refusal).or(part.encrypted_content).map(|text| Part::Text(text.into_owned()));
        match &*part.kind {
            "input_image" | "image_url" | "computer_screenshot" => match part.image_url {
                Some(raw) => image(param, raw, part.detail.as_deref()).map(Some),
                None => Err(InvalidRequest::unsupported(param, "an image must come as a URL or a data URL")),
            },
            "input_file" => match part.file_data {
                Some(data) => file::from_data(param, part.filename.as_deref(), &data).map(Some),
                None => Err(InvalidRequest::unsupported(param, "a file must come with its data")),
            },
            "input_audio" => {
                Err(InvalidRequest::unsupported(param, "only text, images and files can be passed on"))
            }
            _ => {
                self.incomplete |= text.is_none();
                Ok(text)
            }
        }
    }

    /// The result of a call: a string, parts, or the JSON text of any other value.
    fn output(&mut self, param: &str, item: InputItem<'_>) -> Result<Message, InvalidRequest> {
        let raw = item.output.map_or("null", RawValue::get);
        let param = format!("{param}.output");
        let parts = match item.output {
            Some(output) if raw.starts_with('"') => vec![Part::Text(deserialize_raw(&param, output)?)],
            Some(output) if raw.starts_with('[') && is_part_list(output) => {
                self.parts(&param, deserialize_raw(&param, output)?)?
            }
            Some(output) if raw.contains("\"image_url\"") => {
                self.part(&param, deserialize_raw(&param, output)?)?.into_iter().collect()
            }
            _ => vec![Part::Text(raw.to_owned())],
        };
        let call_id = item.call_id.unwrap_or_default().into_owned();
        let result = ToolResult { call_id, name: item.name.map(Cow::into_owned), parts, failed: false };
        Ok(Message { role: Role::User, parts: vec![Part::Result(result)] })
    }
}

/// Whether a list contains content parts, and not values in a tool's own format, such as outputs of commands.
fn is_part_list(output: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        _kind: String,
    }
    serde_json::from_str::<Vec<Kind>>(output.get()).is_ok()
}

/// Returns the reason why an item of this type is rejected: it requests an action, or contains a part of the
/// conversation that cannot be read.
fn rejection_reason(kind: &str) -> Option<&'static str> {
    match kind {
        "item_reference" => Some("items are not kept here; send the item itself, or 'previous_response_id'"),
        "compaction_trigger" => Some("conversations are not compacted here; let the client summarise"),
        "compaction" | "compaction_summary" | "context_compaction" => {
            Some("only OpenAI's servers can read the summary in it; begin a new conversation")
        }
        "mcp_approval_request" | "mcp_approval_response" => {
            Some("MCP servers are not called from here; let the client call them")
        }
        _ => None,
    }
}

fn requested_effort(reasoning: Option<&RawValue>) -> Option<ReasoningEffort> {
    let reasoning: serde_json::Value = serde_json::from_str(reasoning?.get()).ok()?;
    reasoning["effort"].as_str().and_then(reasoning_effort::parse)
}

/// Whether two messages are merged: consecutive ones of the model, and consecutive results.
fn should_merge(last: &Message, next: &Message) -> bool {
    let results = |message: &Message| message.parts.iter().all(|part| matches!(part, Part::Result(_)));
    let both_results = last.role == Role::User && results(last) && results(next);
    last.role == next.role && (last.role == Role::Assistant || both_results)
}

fn call(param: &str, kind: &str, item: InputItem<'_>) -> Result<ToolCall, InvalidRequest> {
    let id = item.call_id.or(item.id).unwrap_or_default().into_owned();
    let (name, arguments) = match kind {
        "function_call" => (item.name, json_text(param, item.arguments)?),
        "custom_tool_call" => (item.name, custom_input(param, item.input)?),
        other => {
            let name = item.name.or(other.strip_suffix("_call").map(|name| Cow::Owned(name.to_owned())));
            (name, json_text(param, item.action.or(item.arguments))?)
        }
    };
    let name = name.ok_or_else(|| InvalidRequest::new(format!("{param}.name"), "the call has no name"))?;
    Ok(ToolCall { id, name: flat_name(item.namespace.as_deref(), &name), arguments })
}

/// Arguments as JSON text. Most clients send a string.
fn json_text(param: &str, raw: Option<&RawValue>) -> Result<String, InvalidRequest> {
    let text = match raw {
        Some(raw) if raw.get().starts_with('"') => deserialize_raw(param, raw)?,
        Some(raw) => raw.get().to_owned(),
        None => String::new(),
    };
    Ok(if text.trim().is_empty() || text == "null" { "{}".to_owned() } else { text })
}

fn custom_input(param: &str, raw: Option<&RawValue>) -> Result<String, InvalidRequest> {
    let input: String = raw.map(|raw| deserialize_raw(param, raw)).transpose()?.unwrap_or_default();
    Ok(serde_json::json!({ "input": input }).to_string())
}

/// The reasoning of the model, as far as it is not encrypted.
fn reasoning_text(item: InputItem<'_>) -> Option<String> {
    let text = |parts: StringOrList<'_, ItemPart<'_>>| match parts {
        StringOrList::Absent => String::new(),
        StringOrList::Text(text) => text.into_owned(),
        StringOrList::List(parts) => {
            parts.into_iter().filter_map(|part| part.text).collect::<Vec<_>>().join("\n\n")
        }
    };
    let whole = text(item.content);
    Some(if whole.is_empty() { text(item.summary) } else { whole }).filter(|text| !text.is_empty())
}

/// Reads an image. `detail` is a field of the part, unless `image_url` is an object with its own.
fn image(param: &str, raw: &RawValue, detail: Option<&str>) -> Result<Part, InvalidRequest> {
    let address: ImageUrl<'_> = deserialize_raw(param, raw)?;
    image::from_url(param, &address.url, address.detail.or_else(|| image::parse_detail(detail?)))
}
