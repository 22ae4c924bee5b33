//! Messages of Anthropic's API: content as a string or as blocks, including calls and results.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json_fields::{StringOrList, deserialize_raw};
use crate::{InvalidRequest, file, image};
use protocol::{Message, Part, Role, ToolCall, ToolResult};

/// A message of the request body.
#[derive(Deserialize)]
pub(super) struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Content<'a>,
}

/// Content of a message: a string or blocks.
pub(super) type Content<'a> = StringOrList<'a, Block<'a>>;

#[derive(Deserialize)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    thinking: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_use_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tool_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    title: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    context: Option<Cow<'a, str>>,
    #[serde(default)]
    is_error: Option<bool>,
    /// Citation settings in a block of the user, citations in a block of the model.
    #[serde(borrow, default)]
    citations: Option<&'a RawValue>,
    /// Source of an image, document or search result. The form of `source`, `input` and `content` depends on
    /// the type of the block.
    #[serde(borrow, default)]
    source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// Source of an image or a document.
#[derive(Deserialize)]
struct BlockSource<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    media_type: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    data: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    url: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// Translator of content, with the names of what was left out.
#[derive(Default)]
pub(super) struct ContentReader {
    ignored: Vec<&'static str>,
}

impl ContentReader {
    /// Records the name of a field that has no effect.
    pub(super) fn record_ignored(&mut self, name: &'static str) {
        if !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }

    /// The names of the fields that have no effect.
    pub(super) fn ignored(self) -> impl Iterator<Item = String> {
        self.ignored.into_iter().map(str::to_owned)
    }

    /// The system prompt as a message; empty if there is none.
    pub(super) fn system(&mut self, system: Option<Content<'_>>) -> Result<Vec<Message>, InvalidRequest> {
        let mut parts = system.map_or_else(|| Ok(Vec::new()), |system| self.parts("system", system))?;
        parts.retain(|part| !matches!(part, Part::Text(text) if is_attribution(text)));
        let message = Message { role: Role::System, parts };
        Ok(if message.parts.is_empty() { Vec::new() } else { vec![message] })
    }

    pub(super) fn messages(&mut self, wire: Vec<WireMessage<'_>>) -> Result<Vec<Message>, InvalidRequest> {
        wire.into_iter().enumerate().map(|(index, message)| self.message(index, message)).collect()
    }

    fn message(&mut self, index: usize, wire: WireMessage<'_>) -> Result<Message, InvalidRequest> {
        let role = match &*wire.role {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => {
                let message = "the role must be user, assistant or system";
                return Err(InvalidRequest::new(format!("messages[{index}].role"), message));
            }
        };
        Ok(Message { role, parts: self.parts(&format!("messages[{index}].content"), wire.content)? })
    }

    fn parts(&mut self, param: &str, content: Content<'_>) -> Result<Vec<Part>, InvalidRequest> {
        let blocks = match content {
            Content::Absent => return Ok(Vec::new()),
            Content::Text(text) => return Ok(vec![Part::Text(text.into_owned())]),
            Content::List(blocks) => blocks,
        };
        let mut parts = Vec::with_capacity(blocks.len());
        for (at, block) in blocks.into_iter().enumerate() {
            parts.extend(self.block(&format!("{param}[{at}]"), block)?);
        }
        Ok(parts)
    }

    /// Translates one block. Blocks of Anthropic's server tools have no meaning for other models and are left
    /// out. Of a block of unknown type only the text is kept.
    fn block(&mut self, param: &str, block: Block<'_>) -> Result<Vec<Part>, InvalidRequest> {
        if block.citations.is_some_and(|wish| wish.get().starts_with('{') && wish.get().contains("true")) {
            self.record_ignored("messages.content.citations");
        }
        match &*block.kind {
            "text" => Ok(vec![Part::Text(required(param, "text", block.text)?)]),
            "thinking" => {
                Ok(block.thinking.map(|text| Part::Reasoning(text.into_owned())).into_iter().collect())
            }
            "redacted_thinking" => Ok(Vec::new()),
            "image" => Ok(vec![image(param, block.source)?]),
            "document" => self.document(param, block),
            "search_result" => self.search_result(param, block),
            "tool_use" => Ok(vec![Part::Call(call(param, block)?)]),
            "tool_result" => Ok(vec![Part::Result(self.result(param, block)?)]),
            // The summary that replaces all earlier messages.
            "compaction" => self.nested_parts(param, block.content),
            "tool_reference" => {
                Ok(vec![Part::Text(available_tool_text(&required(param, "tool_name", block.tool_name)?))])
            }
            "container_upload" | "fallback" => {
                self.record_ignored("messages.content");
                Ok(Vec::new())
            }
            _ => {
                self.record_ignored("messages.content");
                Ok(block.text.map(|text| Part::Text(text.into_owned())).into_iter().collect())
            }
        }
    }

    fn result(&mut self, param: &str, block: Block<'_>) -> Result<ToolResult, InvalidRequest> {
        let call_id = required(param, "tool_use_id", block.tool_use_id)?;
        let parts = self.nested_parts(param, block.content)?;
        Ok(ToolResult { call_id, name: None, parts, failed: block.is_error.unwrap_or(false) })
    }

    fn document(&mut self, param: &str, block: Block<'_>) -> Result<Vec<Part>, InvalidRequest> {
        let source: BlockSource<'_> = source(param, block.source)?;
        let name = block.title.as_deref().map(str::to_owned);
        let mut parts: Vec<Part> = [block.title, block.context]
            .into_iter()
            .flatten()
            .map(|text| Part::Text(text.into_owned()))
            .collect();
        match &*source.kind {
            "text" => parts.push(Part::Text(required(param, "source.data", source.data)?)),
            "content" => parts.extend(self.nested_parts(param, source.content)?),
            "base64" => {
                let data = required_ref(param, "source.data", source.data.as_deref())?;
                parts.push(file::from_base64(param, name.as_deref(), source.media_type.as_deref(), data)?);
            }
            _ => return Err(InvalidRequest::unsupported(param, "a document must come as text or as base64")),
        }
        Ok(parts)
    }

    fn search_result(&mut self, param: &str, block: Block<'_>) -> Result<Vec<Part>, InvalidRequest> {
        let from: Option<String> = block.source.map(|raw| deserialize_raw(param, raw)).transpose()?;
        let head =
            [block.title.map(Cow::into_owned), from].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let mut parts = vec![Part::Text(head)];
        parts.extend(self.nested_parts(param, block.content)?);
        Ok(parts)
    }

    /// Translates the content of a block. A result cannot contain calls or results.
    fn nested_parts(&mut self, param: &str, raw: Option<&RawValue>) -> Result<Vec<Part>, InvalidRequest> {
        let param = format!("{param}.content");
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
        let parts = self.parts(&param, deserialize_raw(&param, raw)?)?;
        let nested = |part: &Part| matches!(part, Part::Result(_) | Part::Call(_));
        if parts.iter().any(nested) {
            return Err(InvalidRequest::new(param, "a result can hold texts and images only"));
        }
        Ok(parts)
    }
}

/// Whether a text is Claude Code's billing attribution, which differs in every request and has no meaning for
/// a model (<https://code.claude.com/docs/en/llm-gateway-protocol>).
fn is_attribution(text: &str) -> bool {
    text.starts_with("x-anthropic-billing-header:") && !text.trim_end().contains('\n')
}

/// Text for a tool that a tool search found. Anthropic's servers insert the tool's definition instead; here
/// it is among the tools, and an empty result would look as if nothing had been found.
fn available_tool_text(name: &str) -> String {
    format!("The tool {name} is there and can be called.")
}

fn call(param: &str, block: Block<'_>) -> Result<ToolCall, InvalidRequest> {
    let input = block.input.map(RawValue::get).filter(|input| input.starts_with('{'));
    Ok(ToolCall {
        id: required(param, "id", block.id)?,
        name: required(param, "name", block.name)?,
        arguments: input.unwrap_or("{}").to_owned(),
    })
}

fn image(param: &str, raw: Option<&RawValue>) -> Result<Part, InvalidRequest> {
    let source: BlockSource<'_> = source(param, raw)?;
    match &*source.kind {
        "base64" => image::from_base64(param, required_ref(param, "source.data", source.data.as_deref())?),
        "url" => image::from_url(param, required_ref(param, "source.url", source.url.as_deref())?, None),
        _ => Err(InvalidRequest::unsupported(param, "an image must come as base64 or as a URL")),
    }
}

fn source<'a>(param: &str, raw: Option<&'a RawValue>) -> Result<BlockSource<'a>, InvalidRequest> {
    let raw = raw.ok_or_else(|| missing(param, "source"))?;
    deserialize_raw(&format!("{param}.source"), raw)
}

fn required(param: &str, name: &str, text: Option<Cow<'_, str>>) -> Result<String, InvalidRequest> {
    text.map(Cow::into_owned).ok_or_else(|| missing(param, name))
}

fn required_ref<'a>(param: &str, name: &str, text: Option<&'a str>) -> Result<&'a str, InvalidRequest> {
    text.ok_or_else(|| missing(param, name))
}

fn missing(param: &str, name: &str) -> InvalidRequest {
    InvalidRequest::new(format!("{param}.{name}"), format!("the block has no '{name}'"))
}
