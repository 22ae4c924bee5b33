//! Anthropic's client tools, which its models know by their type alone: a shell, an editor, a memory. Other
//! models get the schemas that Anthropic's documentation describes.

use serde_json::{Value, json};

use protocol::Tool;

/// The tool of a type such as `bash_20250124`, under the name that the client gave it.
pub(super) fn client_tool(kind: &str, name: Option<&str>) -> Option<Tool> {
    let (family, version) = kind.rsplit_once('_')?;
    let (default_name, description, parameters) = match family {
        "bash" => ("bash", BASH_DESCRIPTION, bash_schema()),
        "text_editor" => {
            ("str_replace_based_edit_tool", EDITOR_DESCRIPTION, editor_schema(version >= "20250728"))
        }
        "memory" => ("memory", MEMORY_DESCRIPTION, memory_schema()),
        _ => return None,
    };
    // A name is checked as strictly as that of any other tool.
    let name = crate::openai_tools::check_tool_name("tools", name.unwrap_or(default_name)).ok()?;
    Some(Tool { name, description: Some(description.to_owned()), parameters, strict: false })
}

const BASH_DESCRIPTION: &str =
    "Runs a command in a shell that keeps its state from call to call. Set 'restart' to start it anew.";
const EDITOR_DESCRIPTION: &str = "Views, creates and edits files. 'str_replace' replaces 'old_str', which must occur exactly once, \
                      by 'new_str'; 'insert' puts a text behind the line 'insert_line', 0 being the beginning.";
const MEMORY_DESCRIPTION: &str = "Keeps notes from one conversation to the next in files below /memories. View that folder before \
                      other work, and write down what is worth keeping.";

fn string_schema() -> Value {
    json!({ "type": "string" })
}

fn line_range_schema() -> Value {
    json!({ "type": "array", "items": { "type": "integer" }, "description": "First and last line; -1 is the end." })
}

fn object_schema(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn bash_schema() -> Value {
    object_schema(&json!({ "command": string_schema(), "restart": { "type": "boolean" } }), &[])
}

/// The schema of the text editor. Since version 20250728 the inserted text has a field of its own.
fn editor_schema(inserts_by_own_field: bool) -> Value {
    let commands = ["view", "create", "str_replace", "insert"];
    let mut properties = json!({
        "command": { "type": "string", "enum": commands }, "path": string_schema(), "view_range": line_range_schema(), "file_text": string_schema(),
        "old_str": string_schema(), "new_str": string_schema(), "insert_line": { "type": "integer" },
    });
    if inserts_by_own_field {
        properties["insert_text"] = string_schema();
    }
    object_schema(&properties, &["command", "path"])
}

fn memory_schema() -> Value {
    let commands = ["view", "create", "str_replace", "insert", "delete", "rename"];
    let properties = json!({
        "command": { "type": "string", "enum": commands }, "path": string_schema(), "view_range": line_range_schema(), "file_text": string_schema(),
        "old_str": string_schema(), "new_str": string_schema(), "insert_line": { "type": "integer" }, "insert_text": string_schema(),
        "old_path": string_schema(), "new_path": string_schema(),
    });
    object_schema(&properties, &["command"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_of_the_client_are_known_by_their_kind() {
        let names = |kind: &str| client_tool(kind, None).map(|tool| tool.name);
        assert_eq!(names("bash_20250124").as_deref(), Some("bash"));
        assert_eq!(names("memory_20250818").as_deref(), Some("memory"));
        let old = client_tool("text_editor_20250124", Some("str_replace_editor")).unwrap();
        assert_eq!(
            (old.name.as_str(), old.parameters["properties"].get("insert_text")),
            ("str_replace_editor", None)
        );
        let new = client_tool("text_editor_20250728", None).unwrap();
        assert_eq!(new.parameters["properties"]["insert_text"], json!({ "type": "string" }));
        for other in ["web_search_20250305", "computer_20250124", "bash", "code_execution_20250825"] {
            assert_eq!(client_tool(other, None), None, "{other}");
        }
    }
}
