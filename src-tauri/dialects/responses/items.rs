//! Input items: messages, calls, their results, and thoughts that come back.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::tools::flat_name;
use crate::chat::{Message, Part, Role, ToolCall, ToolResult};
use crate::dialects::fields::{TextOr, piece};
use crate::dialects::picture::{self, ImageUrl};
use crate::dialects::{Invalid, document};

/// An item as it stands in the body. Ids, statuses and annotations that come back with it mean nothing here.
#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: TextOr<'a, ItemPart<'a>>,
    #[serde(borrow, default)]
    summary: TextOr<'a, ItemPart<'a>>,
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
}

/// Translates, and remembers whether something had to be left out.
#[derive(Default)]
pub(super) struct Input {
    incomplete: bool,
}

impl Input {
    /// The name of the field of which something was left out.
    pub(super) fn notes(self) -> Option<&'static str> {
        self.incomplete.then_some("input")
    }

    /// The conversation: what one side says in several items is one message, so that calls made together stay together.
    pub(super) fn read(&mut self, input: TextOr<'_, Item<'_>>) -> Result<Vec<Message>, Invalid> {
        let items = match input {
            TextOr::Nothing => return Ok(Vec::new()),
            TextOr::Text(text) => {
                return Ok(vec![Message { role: Role::User, parts: vec![Part::Text(text.into_owned())] }]);
            }
            TextOr::List(items) => items,
        };
        let mut messages: Vec<Message> = Vec::with_capacity(items.len());
        for (at, item) in items.into_iter().enumerate() {
            let Some(message) = self.item(&format!("input[{at}]"), item)? else { continue };
            match messages.last_mut() {
                Some(last) if joins(last, &message) => last.parts.extend(message.parts),
                _ => messages.push(message),
            }
        }
        Ok(messages)
    }

    fn item(&mut self, param: &str, item: Item<'_>) -> Result<Option<Message>, Invalid> {
        let by_model = |parts| Some(Message { role: Role::Assistant, parts });
        let kind = item.kind.as_deref().unwrap_or("message").to_owned();
        match kind.as_str() {
            "message" => self.message(param, item).map(Some),
            "reasoning" => Ok(thought(item).map(|text| vec![Part::Reasoning(text)]).and_then(by_model)),
            "item_reference" => {
                let message = "items are not kept here: send the item itself, or 'previous_response_id'";
                Err(Invalid::unsupported(param, message))
            }
            kind if kind.ends_with("_call_output") && item.call_id.is_some() => {
                self.output(param, item).map(Some)
            }
            kind if kind.ends_with("_call") && item.call_id.is_some() => {
                Ok(by_model(vec![Part::Call(call(param, kind, item)?)]))
            }
            // What OpenAI's own servers did (a search, a picture) cannot be shown to another model.
            _ => {
                self.incomplete = true;
                Ok(None)
            }
        }
    }

    fn message(&mut self, param: &str, item: Item<'_>) -> Result<Message, Invalid> {
        let role = match item.role.as_deref() {
            Some("user") | None => Role::User,
            Some("assistant") => Role::Assistant,
            Some("system" | "developer") => Role::System,
            Some(_) => {
                let message = "the role must be user, assistant, system or developer";
                return Err(Invalid::request(format!("{param}.role"), message));
            }
        };
        Ok(Message { role, parts: self.parts(&format!("{param}.content"), item.content)? })
    }

    fn parts(&mut self, param: &str, content: TextOr<'_, ItemPart<'_>>) -> Result<Vec<Part>, Invalid> {
        let parts = match content {
            TextOr::Nothing => return Ok(Vec::new()),
            TextOr::Text(text) => return Ok(vec![Part::Text(text.into_owned())]),
            TextOr::List(parts) => parts,
        };
        let mut translated = Vec::with_capacity(parts.len());
        for (at, part) in parts.into_iter().enumerate() {
            translated.extend(self.part(&format!("{param}[{at}]"), part)?);
        }
        Ok(translated)
    }

    fn part(&mut self, param: &str, part: ItemPart<'_>) -> Result<Option<Part>, Invalid> {
        let text = part.text.or(part.refusal).map(|text| Part::Text(text.into_owned()));
        match &*part.kind {
            "input_image" | "image_url" | "computer_screenshot" => match part.image_url {
                Some(raw) => image(param, raw, part.detail.as_deref()).map(Some),
                None => Err(Invalid::unsupported(param, "an image must come as a URL or a data URL")),
            },
            "input_file" => match part.file_data {
                Some(data) => document::of_data(param, part.filename.as_deref(), &data).map(Some),
                None => Err(Invalid::unsupported(param, "a file must come with its data")),
            },
            "input_audio" => Err(Invalid::unsupported(param, "only text, images and files can be passed on")),
            _ => {
                self.incomplete |= text.is_none();
                Ok(text)
            }
        }
    }

    /// The result of a call: a text, parts, or whatever an older kind of tool gives, as its JSON text.
    fn output(&mut self, param: &str, item: Item<'_>) -> Result<Message, Invalid> {
        let raw = item.output.map_or("null", RawValue::get);
        let param = format!("{param}.output");
        let parts = match item.output {
            Some(output) if raw.starts_with('"') => vec![Part::Text(piece(&param, output)?)],
            Some(output) if raw.starts_with('[') && raw.contains("\"type\"") => {
                self.parts(&param, piece(&param, output)?)?
            }
            Some(output) if raw.contains("\"image_url\"") => {
                self.part(&param, piece(&param, output)?)?.into_iter().collect()
            }
            _ => vec![Part::Text(raw.to_owned())],
        };
        let call_id = item.call_id.unwrap_or_default().into_owned();
        let result = ToolResult { call_id, name: item.name.map(Cow::into_owned), parts, failed: false };
        Ok(Message { role: Role::User, parts: vec![Part::Result(result)] })
    }
}

/// Whether two messages are one: what the model said in a row, and results in a row.
fn joins(last: &Message, next: &Message) -> bool {
    let results = |message: &Message| message.parts.iter().all(|part| matches!(part, Part::Result(_)));
    let both_results = last.role == Role::User && results(last) && results(next);
    last.role == next.role && (last.role == Role::Assistant || both_results)
}

fn call(param: &str, kind: &str, item: Item<'_>) -> Result<ToolCall, Invalid> {
    let id = item.call_id.or(item.id).unwrap_or_default().into_owned();
    let (name, arguments) = match kind {
        "function_call" => (item.name, json_text(param, item.arguments)?),
        "custom_tool_call" => (item.name, free_text(param, item.input)?),
        other => {
            let name = item.name.or(other.strip_suffix("_call").map(|name| Cow::Owned(name.to_owned())));
            (name, json_text(param, item.action.or(item.arguments))?)
        }
    };
    let name = name.ok_or_else(|| Invalid::request(format!("{param}.name"), "the call has no name"))?;
    Ok(ToolCall { id, name: flat_name(item.namespace.as_deref(), &name), arguments })
}

/// Arguments as JSON text, which most write as a text.
fn json_text(param: &str, raw: Option<&RawValue>) -> Result<String, Invalid> {
    let text = match raw {
        Some(raw) if raw.get().starts_with('"') => piece(param, raw)?,
        Some(raw) => raw.get().to_owned(),
        None => String::new(),
    };
    Ok(if text.trim().is_empty() || text == "null" { "{}".to_owned() } else { text })
}

fn free_text(param: &str, raw: Option<&RawValue>) -> Result<String, Invalid> {
    let input: String = raw.map(|raw| piece(param, raw)).transpose()?.unwrap_or_default();
    Ok(serde_json::json!({ "input": input }).to_string())
}

/// What the model thought, as far as it is written in the open.
fn thought(item: Item<'_>) -> Option<String> {
    let text = |parts: TextOr<'_, ItemPart<'_>>| match parts {
        TextOr::Nothing => String::new(),
        TextOr::Text(text) => text.into_owned(),
        TextOr::List(parts) => {
            parts.into_iter().filter_map(|part| part.text).collect::<Vec<_>>().join("\n\n")
        }
    };
    let whole = text(item.content);
    Some(if whole.is_empty() { text(item.summary) } else { whole }).filter(|text| !text.is_empty())
}

/// The word for how closely to look stands beside the address here, unless that is an object with one of its own.
fn image(param: &str, raw: &RawValue, detail: Option<&str>) -> Result<Part, Invalid> {
    let address: ImageUrl<'_> = piece(param, raw)?;
    picture::of_url(param, &address.url, address.detail.or_else(|| picture::detail_of(detail?)))
}
