//! Tools of Responses as functions: what is none is expressed as one where that keeps its meaning.

use std::collections::HashMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::InvalidRequest;
use crate::json_fields::{CappedVec, JsonFields, deserialize_raw};
use crate::openai_tools::{self, MAX_TOOLS, WireFunction, WireTool, ignored_name_of_kind};
use protocol::Tool;

/// The longest name that every model takes.
const MAX_NAME_BYTES: usize = 64;
/// The namespace in which OpenAI's models see functions that have none: clients may name it or leave it out.
const DEFAULT_NAMESPACE: &str = "functions";
/// The name under which a search among the client's own tools is offered.
pub(super) const TOOL_SEARCH: &str = "tool_search";

/// The tools of a request, and what must be undone in its response.
#[derive(Default)]
pub(super) struct Toolbox {
    pub(super) tools: Vec<Tool>,
    pub(super) origins: ToolOrigins,
    /// The kinds that were left out.
    pub(super) omitted: Vec<&'static str>,
    /// The names of those that came by items of the input.
    from_items: Vec<String>,
    /// Places in `tools` by name.
    indexes: HashMap<String, usize>,
}

/// How tools were renamed or rewritten, by the flat names under which the model knows them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ToolOrigins(HashMap<String, ToolOrigin>);

/// A tool as its client knows it.
#[derive(Debug, Clone, PartialEq)]
struct ToolOrigin {
    namespace: Option<String>,
    name: String,
    form: CallForm,
}

/// Tools that came by items of the input, with their origins. They belong to the conversation, unlike those of a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ItemTools(Vec<(Tool, ToolOrigin)>);

impl ItemTools {
    /// Their size in memory, bytes.
    pub fn bytes(&self) -> usize {
        let size = |tool: &Tool| {
            let texts = tool.name.len() + tool.description.as_ref().map_or(0, String::len);
            2 * texts + tool.parameters.to_string().len() + size_of::<(Tool, ToolOrigin)>()
        };
        self.0.iter().map(|(tool, _)| size(tool)).sum()
    }

    /// Adds what a later request brought; its definitions count.
    pub(super) fn extend(&mut self, later: Self) {
        self.0.retain(|(tool, _)| !later.0.iter().any(|(new, _)| new.name == tool.name));
        self.0.extend(later.0);
    }

    /// Adds them to the tools of a request, whose own definitions count.
    ///
    /// # Errors
    /// All together are too many.
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

/// The kind of item that a call of a tool is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallForm {
    Function,
    /// `custom_tool_call`: free text in place of arguments.
    Custom,
    /// `tool_search_call`: the client searches among tools that it has not offered yet.
    ToolSearch,
}

impl ToolOrigins {
    /// The namespace of a tool, and its name there.
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

    /// Adds the tools that an item of the input brings; gives their flat names.
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

    /// Those that items brought, as they are defined last.
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

    /// What is said of a namespace stands before the description of its first tool, as functions have no other place.
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

    /// The latest definition of a name counts: a client that changes a tool in the middle sends it once more.
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

/// One text, which is all that a custom tool takes. A grammar that it must follow can only be described.
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

/// A choice of tools within namespaces, by their flat names.
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

/// The one name of a tool within a namespace. One that would be too long ends in a number made of all of it.
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
