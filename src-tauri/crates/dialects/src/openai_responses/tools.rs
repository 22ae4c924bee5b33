//! Tools of the Responses API as functions. Other kinds of tools are represented as functions where their
//! meaning allows it.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::InvalidRequest;
use crate::json_fields::{CappedVec, JsonFields, deserialize_raw};
use crate::openai_tools::{self, MAX_TOOLS, WireFunction, WireTool, ignored_name_of_kind};
use protocol::Tool;

/// Maximum length of a tool name that all models accept, bytes.
const MAX_NAME_BYTES: usize = 64;
/// Namespace of functions without one in OpenAI's API. Clients send it or omit it.
const DEFAULT_NAMESPACE: &str = "functions";
/// Name of the function that represents the client's tool search.
pub(super) const TOOL_SEARCH: &str = "tool_search";

/// Tools of a request, with the origins that its response needs.
#[derive(Default)]
pub(super) struct Toolbox {
    pub(super) tools: Vec<Tool>,
    pub(super) origins: ToolOrigins,
    /// Names of the omitted kinds of tools, for the list of ignored fields.
    pub(super) omitted: Vec<&'static str>,
    /// Flat names of the tools that input items define.
    from_items: Vec<String>,
    /// Indices in `tools` by name.
    indexes: HashMap<String, usize>,
}

/// Origins of renamed or rewritten tools, by the flat names that the model gets.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ToolOrigins(HashMap<String, ToolOrigin>);

/// A tool with the name, namespace and form that its client uses.
#[derive(Debug, Clone, PartialEq)]
struct ToolOrigin {
    namespace: Option<String>,
    name: String,
    form: CallForm,
}

/// Tools that input items define, with their origins. They belong to the conversation, unlike the tools of a
/// request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemTools(Vec<(Tool, ToolOrigin)>);

impl ItemTools {
    /// The size of the tools in memory, bytes.
    pub fn bytes(&self) -> usize {
        let size = |tool: &Tool| {
            let texts = tool.name.len() + tool.description.as_ref().map_or(0, String::len);
            2 * texts + tool.parameters.to_string().len() + size_of::<(Tool, ToolOrigin)>()
        };
        self.0.iter().map(|(tool, _)| size(tool)).sum()
    }

    /// Adds the tools of a later request, which replace earlier ones of the same name.
    pub(super) fn extend(&mut self, later: Self) {
        self.0.retain(|(tool, _)| !later.0.iter().any(|(new, _)| new.name == tool.name));
        self.0.extend(later.0);
    }

    /// Adds the tools to those of a request, which take precedence.
    ///
    /// # Errors
    /// The request and the conversation have too many tools.
    pub(super) fn add_to(
        &self,
        tools: &mut Vec<Tool>,
        origins: &mut ToolOrigins,
    ) -> Result<(), InvalidRequest> {
        for (tool, origin) in &self.0 {
            if origins.0.contains_key(&tool.name) {
                continue;
            }
            if tools.len() == MAX_TOOLS {
                let message = "the request and the conversation that it goes on with hold too many tools";
                return Err(InvalidRequest::new("previous_response_id".to_owned(), message));
            }
            tools.push(tool.clone());
            origins.0.insert(tool.name.clone(), origin.clone());
        }
        Ok(())
    }
}

/// Type of item by which a call is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallForm {
    Function,
    /// `custom_tool_call`, with text instead of arguments.
    Custom,
    /// `tool_search_call`, a search among tools that the client has not offered yet.
    ToolSearch,
}

impl ToolOrigins {
    /// Returns the namespace of a tool and its name in it.
    pub(super) fn namespace_and_name<'a>(&'a self, flat: &'a str) -> (Option<&'a str>, &'a str) {
        let known = self.0.get(flat);
        known.map_or((None, flat), |origin| (origin.namespace.as_deref(), &origin.name))
    }

    pub(super) fn call_form(&self, flat: &str) -> CallForm {
        self.0.get(flat).map_or(CallForm::Function, |origin| origin.form)
    }
}

impl Toolbox {
    pub(super) fn read(fields: &mut JsonFields<'_>) -> Result<Self, InvalidRequest> {
        let mut toolbox = Self::default();
        toolbox.add_all("tools", openai_tools::read_tools(fields, "tools")?)?;
        Ok(toolbox)
    }

    /// Adds the tools that an input item defines. Returns their flat names.
    pub(super) fn add_item_tools(
        &mut self,
        param: &str,
        raw: Option<&RawValue>,
    ) -> Result<Vec<String>, InvalidRequest> {
        let param = format!("{param}.tools");
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Ok(Vec::new()) };
        let wire: CappedVec<WireTool<'_>, MAX_TOOLS> = deserialize_raw(&param, raw)?;
        let added = self.add_all(&param, wire.0)?;
        self.from_items.extend_from_slice(&added);
        Ok(added)
    }

    /// Returns the tools that input items define, in their latest definitions.
    pub(super) fn item_tools(&self) -> ItemTools {
        let is_from_item = |tool: &&Tool| self.from_items.contains(&tool.name);
        let with_origin = |tool: &Tool| Some((tool.clone(), self.origins.0.get(&tool.name)?.clone()));
        ItemTools(self.tools.iter().filter(is_from_item).filter_map(with_origin).collect())
    }

    fn add_all(&mut self, param: &str, wire: Vec<WireTool<'_>>) -> Result<Vec<String>, InvalidRequest> {
        let mut added = Vec::new();
        for (at, wire) in wire.into_iter().enumerate() {
            self.add(&format!("{param}[{at}]"), None, wire, &mut added)?;
        }
        Ok(added)
    }

    fn add(
        &mut self,
        param: &str,
        space: Option<&str>,
        mut wire: WireTool<'_>,
        added: &mut Vec<String>,
    ) -> Result<(), InvalidRequest> {
        let execution = wire.execution.take();
        let (form, function) = match wire.kind.as_deref() {
            None | Some("function") => (CallForm::Function, wire.into_function(param)?),
            Some("custom") => {
                let grammar = wire.format.take().and_then(|format| grammar_text(&format));
                (CallForm::Custom, custom_tool(wire.into_function(param)?, grammar))
            }
            // Searches on OpenAI's servers find what is offered here anyway.
            Some(TOOL_SEARCH) if execution.as_deref() == Some("client") => {
                wire.name = Some(TOOL_SEARCH.into());
                (CallForm::ToolSearch, wire.into_function(param)?)
            }
            Some("namespace") if space.is_none() => return self.add_namespace(param, wire, added),
            Some(kind) => {
                self.record_omitted(ignored_name_of_kind(kind));
                return Ok(());
            }
        };
        added.push(self.insert(param, space, form, function)?);
        Ok(())
    }

    /// Adds the tools of a namespace. Its description precedes that of its first tool, as functions have no
    /// namespaces.
    fn add_namespace(
        &mut self,
        param: &str,
        wire: WireTool<'_>,
        added: &mut Vec<String>,
    ) -> Result<(), InvalidRequest> {
        let name = wire.name.unwrap_or_default();
        let about = wire.description.filter(|text| !text.trim().is_empty());
        let mut about = about.map(|text| format!("[About all tools of '{name}': {text}]\n\n"));
        for (at, mut inner) in wire.tools.unwrap_or_default().into_iter().enumerate() {
            if let Some(about) = about.take() {
                inner.description = Some((about + inner.description.as_deref().unwrap_or_default()).into());
            }
            self.add(&format!("{param}.tools[{at}]"), Some(&name), inner, added)?;
        }
        Ok(())
    }

    /// Adds a tool, or replaces the tool of that name: clients send a changed tool again.
    fn insert(
        &mut self,
        param: &str,
        space: Option<&str>,
        form: CallForm,
        wire: WireFunction<'_>,
    ) -> Result<String, InvalidRequest> {
        let name = wire.name.to_string();
        let mut tool = openai_tools::parse_tool(param, wire)?;
        tool.name = flat_name(space, &name);
        let flat = tool.name.clone();
        let origin = ToolOrigin { namespace: space.map(str::to_owned), name, form };
        match self.indexes.get(&flat) {
            Some(place) => self.tools[*place] = tool,
            None if self.tools.len() == MAX_TOOLS => {
                return Err(InvalidRequest::new(param.to_owned(), "the request holds too many tools"));
            }
            None => {
                self.indexes.insert(flat.clone(), self.tools.len());
                self.tools.push(tool);
            }
        }
        self.origins.0.insert(flat.clone(), origin);
        Ok(flat)
    }

    fn record_omitted(&mut self, note: &'static str) {
        if !self.omitted.contains(&note) {
            self.omitted.push(note);
        }
    }
}

/// The function that represents a custom tool: its only argument is the text. A grammar is added to the
/// description, since it cannot be enforced.
fn custom_tool<'a>(wire: WireFunction<'a>, grammar: Option<String>) -> WireFunction<'a> {
    let input = json!({ "type": "string", "description": "The whole input of the tool, as plain text." });
    let parameters = json!({ "type": "object", "properties": { "input": input }, "required": ["input"] });
    let description = match (wire.description, grammar) {
        (Some(text), Some(grammar)) => Some(format!("{text}\n\n{grammar}").into()),
        (text, grammar) => text.or(grammar.map(Into::into)),
    };
    WireFunction { description, parameters: Some(parameters), strict: None, ..wire }
}

fn grammar_text(format: &Value) -> Option<String> {
    let (syntax, definition) = (format["syntax"].as_str()?, format["definition"].as_str()?);
    Some(format!("The input must follow this grammar ({syntax}):\n{}", definition.trim()))
}

/// The tool choice with flat names instead of namespaces.
pub(super) fn flat_choice(mut choice: Value) -> Value {
    let flatten = |named: &mut Value| {
        if let (Some(space), Some(name)) = (named["namespace"].as_str(), named["name"].as_str()) {
            named["name"] = json!(flat_name(Some(space), name));
        }
    };
    if choice.is_object() {
        flatten(&mut choice);
        let listed = choice.get_mut("tools").and_then(Value::as_array_mut);
        listed.into_iter().flatten().for_each(flatten);
    }
    choice
}

/// The flat name of a tool in a namespace. A name that is too long is cut and ends in a hash of the whole
/// name.
pub(super) fn flat_name(space: Option<&str>, name: &str) -> String {
    let space = space.filter(|space| *space != DEFAULT_NAMESPACE);
    let joint = space.map_or("", |space| if space.ends_with("__") { "" } else { "__" });
    let whole = format!("{}{joint}{name}", space.unwrap_or_default());
    if whole.len() <= MAX_NAME_BYTES {
        return whole;
    }
    // FNV-1a: the same name in every request of a conversation, whatever program made it.
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = whole.bytes().fold(0x811c_9dc5, fnv);
    format!("{}_{hash:08x}", &whole[..whole.floor_char_boundary(MAX_NAME_BYTES - 9)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_stay_apart_and_short_enough() {
        assert_eq!(flat_name(Some("mcp__files__"), "read"), "mcp__files__read");
        assert_eq!(flat_name(Some("files"), "read"), "files__read");
        assert_eq!(flat_name(Some("functions"), "exec"), "exec");
        let (one, two) = (flat_name(Some(&"x".repeat(70)), "a"), flat_name(Some(&"x".repeat(70)), "b"));
        assert!(one != two && one.len() == MAX_NAME_BYTES && two.len() == MAX_NAME_BYTES);
    }
}
