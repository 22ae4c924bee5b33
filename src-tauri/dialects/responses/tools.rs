//! Tools of Responses as functions: what is none is expressed as one where that keeps its meaning.

use serde_json::json;

use crate::chat::Tool;
use crate::dialects::Invalid;
use crate::dialects::fields::Fields;
use crate::dialects::openai_tools::{self, WireFunction, WireTool, note_of_kind};

/// The longest name that every model takes.
const LONGEST_NAME: usize = 64;

/// The tools of a request, and what must be undone in its response.
#[derive(Default)]
pub(super) struct Toolbox {
    pub(super) tools: Vec<Tool>,
    pub(super) names: Names,
    /// The kinds that were left out.
    pub(super) notes: Vec<&'static str>,
}

/// How tools were renamed or rewritten.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Names {
    /// Flat name, namespace, and the name within it.
    spaces: Vec<(String, String, String)>,
    /// Tools that take free text, by their flat names.
    custom: Vec<String>,
}

impl Names {
    /// The namespace of a tool, and its name there.
    pub(super) fn within<'a>(&'a self, flat: &'a str) -> (Option<&'a str>, &'a str) {
        let known = self.spaces.iter().find(|(known, _, _)| known == flat);
        known.map_or((None, flat), |(_, space, name)| (Some(space), name))
    }

    /// Whether a tool takes free text.
    pub(super) fn is_custom(&self, flat: &str) -> bool {
        self.custom.iter().any(|name| name == flat)
    }
}

impl Toolbox {
    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Self, Invalid> {
        let mut toolbox = Self::default();
        for (at, wire) in openai_tools::read(fields, "tools")?.into_iter().enumerate() {
            toolbox.add(&format!("tools[{at}]"), None, wire)?;
        }
        Ok(toolbox)
    }

    fn add(&mut self, param: &str, space: Option<&str>, mut wire: WireTool<'_>) -> Result<(), Invalid> {
        match wire.kind.as_deref() {
            None | Some("function") => self.function(param, space, wire.into_function(param)?),
            Some("custom") => {
                let function = wire.into_function(param)?;
                self.names.custom.push(flat_name(space, &function.name));
                self.function(param, space, free_text(function))
            }
            Some("namespace") if space.is_none() => {
                let name = wire.name.take().unwrap_or_default();
                for (at, inner) in wire.tools.take().unwrap_or_default().into_iter().enumerate() {
                    self.add(&format!("{param}.tools[{at}]"), Some(&name), inner)?;
                }
                Ok(())
            }
            Some(kind) => {
                let note = note_of_kind(kind);
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
                Ok(())
            }
        }
    }

    fn function(&mut self, param: &str, space: Option<&str>, wire: WireFunction<'_>) -> Result<(), Invalid> {
        let own = wire.name.to_string();
        let mut tool = openai_tools::tool(param, wire)?;
        if let Some(space) = space {
            tool.name = flat_name(Some(space), &own);
            self.names.spaces.push((tool.name.clone(), space.to_owned(), own));
        }
        self.tools.push(tool);
        Ok(())
    }
}

/// One text, which is all that a custom tool takes. A grammar that it must follow can only be described.
fn free_text(wire: WireFunction<'_>) -> WireFunction<'_> {
    let input = json!({ "type": "string", "description": "The whole input of the tool, as plain text." });
    let parameters = json!({ "type": "object", "properties": { "input": input }, "required": ["input"] });
    WireFunction { parameters: Some(parameters), strict: None, ..wire }
}

/// The one name of a tool within a namespace. One that would be too long ends in a number made of all of it.
pub(super) fn flat_name(space: Option<&str>, name: &str) -> String {
    let joint = space.map_or("", |space| if space.ends_with("__") { "" } else { "__" });
    let whole = format!("{}{joint}{name}", space.unwrap_or_default());
    if whole.len() <= LONGEST_NAME {
        return whole;
    }
    // FNV-1a: the same name in every request of a conversation, whatever program made it.
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = whole.bytes().fold(0x811c_9dc5, fnv);
    format!("{}_{hash:08x}", &whole[..whole.floor_char_boundary(LONGEST_NAME - 9)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_stay_apart_and_short_enough() {
        assert_eq!(flat_name(Some("mcp__files__"), "read"), "mcp__files__read");
        assert_eq!(flat_name(Some("files"), "read"), "files__read");
        let (one, two) = (flat_name(Some(&"x".repeat(70)), "a"), flat_name(Some(&"x".repeat(70)), "b"));
        assert!(one != two && one.len() == LONGEST_NAME && two.len() == LONGEST_NAME);
    }
}
