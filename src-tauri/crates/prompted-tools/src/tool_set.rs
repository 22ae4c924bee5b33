//! The tools that a request offers, found by the names that models write.

use std::collections::HashMap;

use protocol::{Request, Tool, ToolChoice};

/// Namespaces that models put before a name because other clients use them.
const NAMESPACES: [&str; 4] = ["functions.", "default_api.", "tools.", "function."];

/// The tools that a reply may call.
#[derive(Debug, Default)]
pub(super) struct ToolSet {
    tools: Vec<Tool>,
    by_name: HashMap<String, usize>,
    /// Tools by normalised name (lower case, `_` for `-`); `None` if two tools have the same one.
    by_similar_name: HashMap<String, Option<usize>>,
    pub(super) choice: ToolChoice,
    pub(super) single_tool_call: bool,
}

impl ToolSet {
    pub(super) fn from_request(request: &Request) -> Self {
        let callable = |tool: &&Tool| match &request.tool_choice {
            ToolChoice::Auto | ToolChoice::Required => true,
            ToolChoice::Named(name) => tool.name == *name,
            ToolChoice::None => false,
        };
        let tools: Vec<Tool> = request.tools.iter().filter(callable).cloned().collect();
        let mut tool_set = Self {
            choice: request.tool_choice.clone(),
            single_tool_call: request.single_tool_call,
            ..Self::default()
        };
        for (at, tool) in tools.iter().enumerate() {
            tool_set.by_name.entry(tool.name.clone()).or_insert(at);
            let same = tool_set.by_similar_name.entry(normalized_name(&tool.name)).or_insert(Some(at));
            if *same != Some(at) {
                *same = None;
            }
        }
        tool_set.tools = tools;
        tool_set
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    pub(super) fn tools(&self) -> &[Tool] {
        &self.tools
    }

    /// Finds a tool by its exact name, without a namespace, or by a similar spelling if that is unambiguous.
    pub(super) fn find(&self, name: &str) -> Option<&Tool> {
        let name = name.trim();
        let bare = NAMESPACES.iter().find_map(|space| name.strip_prefix(space)).unwrap_or(name);
        let exact = self.by_name.get(name).or_else(|| self.by_name.get(bare)).copied();
        let at = exact.or_else(|| self.by_similar_name.get(&normalized_name(bare)).copied().flatten())?;
        self.tools.get(at)
    }
}

fn normalized_name(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn offer(names: &[&str], choice: ToolChoice) -> ToolSet {
        let tool = |name: &&str| Tool {
            name: (*name).to_owned(),
            description: None,
            parameters: json!({}),
            strict: false,
        };
        let tools = names.iter().map(tool).collect();
        ToolSet::from_request(&Request { tools, tool_choice: choice, ..Request::default() })
    }

    #[test]
    fn a_name_is_found_unless_ambiguous() {
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
    fn tool_choice_limits_the_tool_set() {
        assert!(offer(&["a"], ToolChoice::None).is_empty());
        let named = offer(&["a", "b"], ToolChoice::Named("b".into()));
        assert_eq!(named.tools().len(), 1);
        assert!(named.find("a").is_none());
    }
}
