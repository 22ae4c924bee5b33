//! Input items: messages, calls, their results, and thoughts that come back.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::tools::{Toolbox, flat_name};
use crate::image::{self, ImageUrl};
use crate::json_fields::{StringOrList, deserialize_raw};
use crate::{InvalidRequest, file, reasoning_effort};
use protocol::{Message, Part, ReasoningEffort, Role, ToolCall, ToolResult};

/// An item as it stands in the body. Ids, statuses and annotations that come back with it mean nothing here.
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
    /// These have another form in each kind of item.
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output: Option<&'a RawValue>,
    /// A picture that was generated, as base64.
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tools: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    /// Of a message between agents.
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
    /// OpenAI's servers encrypt what one agent tells another; from here it comes back as the model wrote it.
    #[serde(borrow, default)]
    encrypted_content: Option<Cow<'a, str>>,
}

/// Translates, and remembers what the items hold besides the conversation.
#[derive(Default)]
pub(super) struct InputReader {
    /// The tools of the request, and those that items bring.
    pub(super) toolbox: Toolbox,
    /// The latest effort that an item asks for.
    pub(super) effort: Option<ReasoningEffort>,
    /// Something had to be left out.
    pub(super) incomplete: bool,
}

impl InputReader {
    pub(super) fn with_tools(toolbox: Toolbox) -> Self {
        Self { toolbox, ..Self::default() }
    }

    /// The conversation: what one side says in several items is one message, so that calls made together stay together.
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
            // What OpenAI's own servers did (a search, a call of an MCP server) cannot be shown to another model.
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

    /// A picture of an earlier reply. Models take pictures from the user only.
    fn generated_image(&mut self, param: &str, result: Option<&RawValue>) -> Option<Message> {
        let data: Option<String> = result.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let picture = data.and_then(|data| image::from_base64(param, &data).ok());
        self.incomplete |= picture.is_none();
        let head = Part::Text("The picture that was generated:".to_owned());
        picture.map(|picture| Message { role: Role::User, parts: vec![head, picture] })
    }

    /// What one of several agents tells another, as a message of the user that says so.
    fn agent_message(&mut self, param: &str, item: InputItem<'_>) -> Result<Message, InvalidRequest> {
        let from = item.author.as_deref().unwrap_or("another agent");
        let to = item.recipient.as_deref().map(|name| format!(" to {name}")).unwrap_or_default();
        let head = Part::Text(format!("Message from agent {from}{to}:"));
        let parts = self.parts(&format!("{param}.content"), item.content)?;
        Ok(Message { role: Role::User, parts: std::iter::once(head).chain(parts).collect() })
    }

    /// The answer of the client's own search among tools. Without the id of a call OpenAI's servers searched.
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

    /// The result of a call: a text, parts, or whatever an older kind of tool gives, as its JSON text.
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

/// Whether a list is one of parts, and not of what a tool gives in its own form, such as the outputs of commands.
fn is_part_list(output: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        _kind: String,
    }
    serde_json::from_str::<Vec<Kind>>(output.get()).is_ok()
}

/// Why an item of this kind is refused: it asks for something, or holds a part of the conversation that cannot be read.
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

/// Whether two messages are one: what the model said in a row, and results in a row.
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

/// Arguments as JSON text, which most write as a text.
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

/// What the model thought, as far as it is written in the open.
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

/// The word for how closely to look stands beside the address here, unless that is an object with one of its own.
fn image(param: &str, raw: &RawValue, detail: Option<&str>) -> Result<Part, InvalidRequest> {
    let address: ImageUrl<'_> = deserialize_raw(param, raw)?;
    image::from_url(param, &address.url, address.detail.or_else(|| image::parse_detail(detail?)))
}
