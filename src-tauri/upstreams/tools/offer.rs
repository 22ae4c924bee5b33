//! What a request lets a model call, and how a reply may name it.

use std::collections::HashMap;

use crate::chat::{Request, Tool, ToolChoice};

/// Namespaces that models put before a name because other hosts of theirs do.
const NAMESPACES: [&str; 4] = ["functions.", "default_api.", "tools.", "function."];

/// The tools that a reply may call.
#[derive(Debug, Default)]
pub(super) struct Offer {
    tools: Vec<Tool>,
    exact: HashMap<String, usize>,
    /// Without case and with one sign for `-` and `_`; `None` where two tools would be the same.
    similar: HashMap<String, Option<usize>>,
    pub(super) choice: ToolChoice,
    pub(super) one_call: bool,
}

impl Offer {
    pub(super) fn of(request: &Request) -> Self {
        let callable = |tool: &&Tool| match &request.tool_choice {
            ToolChoice::Auto | ToolChoice::Required => true,
            ToolChoice::Named(name) => tool.name == *name,
            ToolChoice::None => false,
        };
        let tools: Vec<Tool> = request.tools.iter().filter(callable).cloned().collect();
        let mut offer = Self {
            choice: request.tool_choice.clone(),
            one_call: request.single_tool_call,
            ..Self::default()
        };
        for (at, tool) in tools.iter().enumerate() {
            offer.exact.entry(tool.name.clone()).or_insert(at);
            let same = offer.similar.entry(similar(&tool.name)).or_insert(Some(at));
            if *same != Some(at) {
                *same = None;
            }
        }
        offer.tools = tools;
        offer
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    pub(super) fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// The tool that a reply means: the name as it is, without a namespace, or written a little differently where that
    /// leaves no doubt.
    pub(super) fn find(&self, name: &str) -> Option<&Tool> {
        let name = name.trim();
        let bare = NAMESPACES.iter().find_map(|space| name.strip_prefix(space)).unwrap_or(name);
        let exact = self.exact.get(name).or_else(|| self.exact.get(bare)).copied();
        let at = exact.or_else(|| self.similar.get(&similar(bare)).copied().flatten())?;
        self.tools.get(at)
    }
}

fn similar(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(names: &[&str], choice: ToolChoice) -> Offer {
        let tool = |name: &&str| Tool {
            name: (*name).to_owned(),
            description: None,
            parameters: json!({}),
            strict: false,
        };
        let tools = names.iter().map(tool).collect();
        Offer::of(&Request { tools, tool_choice: choice, ..Request::default() })
    }

    #[test]
    fn a_name_is_found_where_there_is_no_doubt() {
        let offer = offer(&["Read", "read-file", "bash", "Bash"], ToolChoice::Auto);
        let find = |name| offer.find(name).map(|tool| tool.name.as_str());
        assert_eq!(find("Read"), Some("Read"));
        assert_eq!(find("functions.read_file"), Some("read-file"));
        assert_eq!(find("READ"), Some("Read"));
        assert_eq!(find("Bash"), Some("Bash"));
        assert_eq!(find("BASH"), None);
        assert_eq!(find("NAME"), None);
    }

    #[test]
    fn the_choice_decides_what_is_offered() {
        assert!(offer(&["a"], ToolChoice::None).is_empty());
        let named = offer(&["a", "b"], ToolChoice::Named("b".into()));
        assert_eq!(named.tools().len(), 1);
        assert!(named.find("a").is_none());
    }
}
