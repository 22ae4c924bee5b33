//! Messages of Anthropic's form: content as text or as blocks, with calls and their results among them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::{Message, Part, Role, ToolCall, ToolResult};
use crate::dialects::fields::{TextOr, piece};
use crate::dialects::{Invalid, document, picture};

/// A message as it stands in the body.
#[derive(Deserialize)]
pub(super) struct WireMessage<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Content<'a>,
}

/// Text, or blocks.
pub(super) type Content<'a> = TextOr<'a, Block<'a>>;

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
    /// In what the user sends a wish, in what the model said the citations themselves.
    #[serde(borrow, default)]
    citations: Option<&'a RawValue>,
    /// These three have another form in each kind of block.
    #[serde(borrow, default)]
    source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

/// Where an image or a document comes from.
#[derive(Deserialize)]
struct Source<'a> {
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

/// Translates, and remembers what had to be left out.
#[derive(Default)]
pub(super) struct Reading {
    notes: Vec<&'static str>,
}

impl Reading {
    /// Remembers the name of something that has no effect.
    pub(super) fn note(&mut self, name: &'static str) {
        if !self.notes.contains(&name) {
            self.notes.push(name);
        }
    }

    /// The names of what was left out.
    pub(super) fn notes(self) -> impl Iterator<Item = String> {
        self.notes.into_iter().map(str::to_owned)
    }

    /// The system prompt as a message, or nothing.
    pub(super) fn system(&mut self, system: Option<Content<'_>>) -> Result<Vec<Message>, Invalid> {
        let parts = system.map_or_else(|| Ok(Vec::new()), |system| self.parts("system", system))?;
        let message = Message { role: Role::System, parts };
        Ok(if message.parts.is_empty() { Vec::new() } else { vec![message] })
    }

    pub(super) fn messages(&mut self, wire: Vec<WireMessage<'_>>) -> Result<Vec<Message>, Invalid> {
        wire.into_iter().enumerate().map(|(index, message)| self.message(index, message)).collect()
    }

    fn message(&mut self, index: usize, wire: WireMessage<'_>) -> Result<Message, Invalid> {
        let role = match &*wire.role {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => {
                let message = "the role must be user, assistant or system";
                return Err(Invalid::request(format!("messages[{index}].role"), message));
            }
        };
        Ok(Message { role, parts: self.parts(&format!("messages[{index}].content"), wire.content)? })
    }

    fn parts(&mut self, param: &str, content: Content<'_>) -> Result<Vec<Part>, Invalid> {
        let blocks = match content {
            Content::Nothing => return Ok(Vec::new()),
            Content::Text(text) => return Ok(vec![Part::Text(text.into_owned())]),
            Content::List(blocks) => blocks,
        };
        let mut parts = Vec::with_capacity(blocks.len());
        for (at, block) in blocks.into_iter().enumerate() {
            parts.extend(self.block(&format!("{param}[{at}]"), block)?);
        }
        Ok(parts)
    }

    /// Blocks of Anthropic's own tools have no meaning elsewhere: they are left out, as is a kind nobody knows, unless it
    /// has a text.
    fn block(&mut self, param: &str, block: Block<'_>) -> Result<Vec<Part>, Invalid> {
        if block.citations.is_some_and(|wish| wish.get().starts_with('{') && wish.get().contains("true")) {
            self.note("messages.content.citations");
        }
        match &*block.kind {
            "text" => Ok(vec![Part::Text(needed(param, "text", block.text)?)]),
            "thinking" => {
                Ok(block.thinking.map(|text| Part::Reasoning(text.into_owned())).into_iter().collect())
            }
            "redacted_thinking" => Ok(Vec::new()),
            "image" => Ok(vec![image(param, block.source)?]),
            "document" => self.document(param, block),
            "search_result" => self.search_result(param, block),
            "tool_use" => Ok(vec![Part::Call(call(param, block)?)]),
            "tool_result" => Ok(vec![Part::Result(self.result(param, block)?)]),
            // The summary that stands in the place of all before it.
            "compaction" => self.inner(param, block.content),
            "tool_reference" => {
                Ok(vec![Part::Text(found_tool(&needed(param, "tool_name", block.tool_name)?))])
            }
            "container_upload" | "fallback" => {
                self.note("messages.content");
                Ok(Vec::new())
            }
            _ => {
                self.note("messages.content");
                Ok(block.text.map(|text| Part::Text(text.into_owned())).into_iter().collect())
            }
        }
    }

    fn result(&mut self, param: &str, block: Block<'_>) -> Result<ToolResult, Invalid> {
        let call_id = needed(param, "tool_use_id", block.tool_use_id)?;
        let parts = self.inner(param, block.content)?;
        Ok(ToolResult { call_id, name: None, parts, failed: block.is_error.unwrap_or(false) })
    }

    fn document(&mut self, param: &str, block: Block<'_>) -> Result<Vec<Part>, Invalid> {
        let source: Source<'_> = source(param, block.source)?;
        let name = block.title.as_deref().map(str::to_owned);
        let mut parts: Vec<Part> = [block.title, block.context]
            .into_iter()
            .flatten()
            .map(|text| Part::Text(text.into_owned()))
            .collect();
        match &*source.kind {
            "text" => parts.push(Part::Text(needed(param, "source.data", source.data)?)),
            "content" => parts.extend(self.inner(param, source.content)?),
            "base64" => {
                let data = needed_ref(param, "source.data", source.data.as_deref())?;
                parts.push(document::of_base64(param, name.as_deref(), source.media_type.as_deref(), data)?);
            }
            _ => return Err(Invalid::unsupported(param, "a document must come as text or as base64")),
        }
        Ok(parts)
    }

    fn search_result(&mut self, param: &str, block: Block<'_>) -> Result<Vec<Part>, Invalid> {
        let from: Option<String> = block.source.map(|raw| piece(param, raw)).transpose()?;
        let head =
            [block.title.map(Cow::into_owned), from].into_iter().flatten().collect::<Vec<_>>().join("\n");
        let mut parts = vec![Part::Text(head)];
        parts.extend(self.inner(param, block.content)?);
        Ok(parts)
    }

    /// Content within a block. Results do not hold results.
    fn inner(&mut self, param: &str, raw: Option<&RawValue>) -> Result<Vec<Part>, Invalid> {
        let param = format!("{param}.content");
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
        let parts = self.parts(&param, piece(&param, raw)?)?;
        let nested = |part: &Part| matches!(part, Part::Result(_) | Part::Call(_));
        if parts.iter().any(nested) {
            return Err(Invalid::request(param, "a result can hold texts and images only"));
        }
        Ok(parts)
    }
}

/// What a search among tools found. Anthropic's servers show the tool's definition in its place; here it stands among the
/// tools, and a result without a word would look as if nothing had been found.
fn found_tool(name: &str) -> String {
    format!("The tool {name} is there and can be called.")
}

fn call(param: &str, block: Block<'_>) -> Result<ToolCall, Invalid> {
    let input = block.input.map(RawValue::get).filter(|input| input.starts_with('{'));
    Ok(ToolCall {
        id: needed(param, "id", block.id)?,
        name: needed(param, "name", block.name)?,
        arguments: input.unwrap_or("{}").to_owned(),
    })
}

fn image(param: &str, raw: Option<&RawValue>) -> Result<Part, Invalid> {
    let source: Source<'_> = source(param, raw)?;
    match &*source.kind {
        "base64" => picture::of_base64(param, needed_ref(param, "source.data", source.data.as_deref())?),
        "url" => picture::of_url(param, needed_ref(param, "source.url", source.url.as_deref())?, None),
        _ => Err(Invalid::unsupported(param, "an image must come as base64 or as a URL")),
    }
}

fn source<'a>(param: &str, raw: Option<&'a RawValue>) -> Result<Source<'a>, Invalid> {
    let raw = raw.ok_or_else(|| missing(param, "source"))?;
    piece(&format!("{param}.source"), raw)
}

fn needed(param: &str, name: &str, text: Option<Cow<'_, str>>) -> Result<String, Invalid> {
    text.map(Cow::into_owned).ok_or_else(|| missing(param, name))
}

fn needed_ref<'a>(param: &str, name: &str, text: Option<&'a str>) -> Result<&'a str, Invalid> {
    text.ok_or_else(|| missing(param, name))
}

fn missing(param: &str, name: &str) -> Invalid {
    Invalid::request(format!("{param}.{name}"), format!("the block has no '{name}'"))
}
