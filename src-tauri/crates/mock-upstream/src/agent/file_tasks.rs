//! File tasks with the offered tools: selection of the tool and of its argument names.

use serde_json::{Map, Value, json};

use super::{AgentAction, OfferedTool};

const READ_TOOLS: [&str; 7] = ["read", "read_file", "readfile", "read_files", "view", "cat", "open_file"];
const EDIT_TOOLS: [&str; 13] = [
    "edit",
    "edit_file",
    "editfile",
    "replace",
    "str_replace",
    "search_replace",
    "replace_in_file",
    "edit_existing_file",
    "multiedit",
    "single_find_and_replace",
    "str_replace_editor",
    "str_replace_based_edit_tool",
    "replace_file_content",
];
const WRITE_TOOLS: [&str; 6] =
    ["write", "write_file", "writefile", "write_to_file", "create_file", "create_new_file"];
const PATCH_TOOLS: [&str; 2] = ["apply_patch", "applypatch"];
/// Codex's tool that runs JavaScript, which calls its other tools.
const SCRIPT_TOOLS: [&str; 1] = ["exec"];
const SHELL_TOOLS: [&str; 10] = [
    "bash",
    "shell",
    "exec_command",
    "shell_command",
    "run_shell_command",
    "execute_command",
    "run_terminal_command",
    "local_shell",
    "run_command",
    "run_commands",
];
const FINISH_TOOLS: [&str; 2] = ["attempt_completion", "finish"];

const PATH_ARGUMENTS: [&str; 10] = [
    "file_path",
    "filePath",
    "filepath",
    "absolute_path",
    "absolutePath",
    "path",
    "target_file",
    "filename",
    "file",
    "file_name",
];
const OLD_TEXT_ARGUMENTS: [&str; 8] =
    ["old_string", "oldString", "old_str", "old_text", "oldText", "search", "target_content", "old"];
const NEW_TEXT_ARGUMENTS: [&str; 8] =
    ["new_string", "newString", "new_str", "new_text", "newText", "replace", "replacement_content", "new"];
const CONTENT_ARGUMENTS: [&str; 6] = ["content", "contents", "text", "file_text", "fileText", "file_content"];
const COMMAND_ARGUMENTS: [&str; 4] = ["command", "cmd", "script", "commands"];

/// A change of one file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FileTask {
    path: String,
    /// `None` for a new file.
    old: Option<String>,
    new: String,
}

impl FileTask {
    /// Parses the task of a line. Agents quote the user's text, so other text may precede it.
    pub(super) fn parse(line: &str) -> Option<Self> {
        if let Some((before, rest)) = line.split_once("edit: ") {
            let (path, change) = rest.split_once(" :: ")?;
            let (old, new) = change.split_once(" => ")?;
            return Some(Self {
                path: path.trim().to_owned(),
                old: Some(old.to_owned()),
                new: strip_outer_quote(before, new),
            });
        }
        let (before, rest) = line.split_once("create: ")?;
        let (path, text) = rest.split_once(" :: ")?;
        Some(Self { path: path.trim().to_owned(), old: None, new: strip_outer_quote(before, text) })
    }

    /// The next step: read, change, report. Every earlier call counts as a step, whatever its result.
    pub(super) fn next_action(
        &self,
        offers: &[OfferedTool],
        called: &[&str],
        results: &[&str],
    ) -> Option<AgentAction> {
        let Some(change) = self.change_call(offers, results) else {
            return Some(AgentAction::Say("I have no tool that can change a file.".to_owned()));
        };
        let look = self.old.as_ref().and_then(|_| self.read_call(offers));
        let steps = called.iter().filter(|name| !is_planning(name)).count();
        match (steps, look) {
            (0, Some(look)) => Some(AgentAction::Call(vec![look])),
            (0, None) | (1, Some(_)) => Some(AgentAction::Call(vec![change])),
            _ => Some(self.report_action(offers, called)),
        }
    }

    fn read_call(&self, offers: &[OfferedTool]) -> Option<(String, Value)> {
        if let Some(tool) = find_tool(offers, &READ_TOOLS) {
            return Some(build_call(tool, &[(&PATH_ARGUMENTS, json!(self.path))]));
        }
        command_call(offers, &format!("cat {}", shell_quoted(&self.path)))
    }

    fn change_call(&self, offers: &[OfferedTool], results: &[&str]) -> Option<(String, Value)> {
        let old = match &self.old {
            None => return self.create_call(offers),
            Some(old) => old,
        };
        if let Some(tool) = find_tool(offers, &EDIT_TOOLS) {
            return Some(self.edit_call(tool, old));
        }
        if let Some(tool) = find_tool(offers, &PATCH_TOOLS) {
            let line = |text: &str, sign: char| {
                text.lines().map(|line| format!("{sign}{line}\n")).collect::<String>()
            };
            let (old, new) = whole_lines(results, old, &self.new);
            let hunk = format!("{}{}", line(&old, '-'), line(&new, '+'));
            return Some(patch_call(tool, &format!("*** Update File: {}\n@@\n{hunk}", self.path)));
        }
        let change = shell_quoted(&format!("s/{}/{}/g", sed_escaped(old), sed_escaped(&self.new)));
        if let Some(call) = command_call(offers, &format!("sed -i {change} {}", shell_quoted(&self.path))) {
            return Some(call);
        }
        let whole = without_line_numbers(results.last().copied().unwrap_or_default()).replace(old, &self.new);
        find_tool(offers, &WRITE_TOOLS).map(|tool| {
            build_call(tool, &[(&PATH_ARGUMENTS, json!(self.path)), (&CONTENT_ARGUMENTS, json!(whole))])
        })
    }

    fn edit_call(&self, tool: &OfferedTool, old: &str) -> (String, Value) {
        if find_property(&tool.parameters, &["diff"]).is_some() {
            let diff = format!("------- SEARCH\n{old}\n=======\n{}\n+++++++ REPLACE\n", self.new);
            return build_call(tool, &[(&PATH_ARGUMENTS, json!(self.path)), (&["diff"], json!(diff))]);
        }
        let new = json!(self.new);
        build_call(
            tool,
            &[
                (&["command"], json!("str_replace")),
                (&PATH_ARGUMENTS, json!(self.path)),
                (&OLD_TEXT_ARGUMENTS, json!(old)),
                (&NEW_TEXT_ARGUMENTS, new),
            ],
        )
    }

    fn create_call(&self, offers: &[OfferedTool]) -> Option<(String, Value)> {
        if let Some(tool) = find_tool(offers, &WRITE_TOOLS) {
            return Some(build_call(
                tool,
                &[(&PATH_ARGUMENTS, json!(self.path)), (&CONTENT_ARGUMENTS, json!(self.new))],
            ));
        }
        if let Some(tool) = find_tool(offers, &PATCH_TOOLS) {
            let lines: String = self.new.lines().map(|line| format!("+{line}\n")).collect();
            return Some(patch_call(tool, &format!("*** Add File: {}\n{lines}", self.path)));
        }
        command_call(
            offers,
            &format!("printf '%s\\n' {} > {}", shell_quoted(&self.new), shell_quoted(&self.path)),
        )
    }

    fn report_action(&self, offers: &[OfferedTool], called: &[&str]) -> AgentAction {
        let text = format!("Done: I changed {}.", self.path);
        let already_reported = called.iter().any(|name| FINISH_TOOLS.contains(&name.to_lowercase().as_str()));
        match find_tool(offers, &FINISH_TOOLS).filter(|_| !already_reported) {
            Some(tool) => {
                AgentAction::Call(vec![build_call(tool, &[(&["result", "message", "summary"], json!(text))])])
            }
            None => AgentAction::Say(text),
        }
    }
}

/// Whether a tool keeps a to-do list; such tools change no file.
fn is_planning(name: &str) -> bool {
    let name = name.to_lowercase();
    ["todo", "plan", "progress"].iter().any(|word| name.contains(word))
}

/// Finds the first of these names that is offered, without regard to case and prefix.
fn find_tool<'a>(offers: &'a [OfferedTool], names: &[&str]) -> Option<&'a OfferedTool> {
    let bare = |offer: &OfferedTool| {
        let name = offer.name.to_lowercase();
        name.rsplit(['.', '/']).next().unwrap_or_default().to_owned()
    };
    names.iter().find_map(|name| offers.iter().find(|offer| bare(offer) == *name))
}

/// Builds a call. Each argument gets the name that the schema has; other required ones get a sample value.
pub(super) fn build_call(tool: &OfferedTool, given: &[(&[&str], Value)]) -> (String, Value) {
    let mut arguments = Map::new();
    for (names, value) in given {
        if let Some(name) = find_property(&tool.parameters, names) {
            arguments.insert(name.to_owned(), value.clone());
        } else if let Some((list, name)) = find_list_property(&tool.parameters, names) {
            arguments.entry(list).or_insert_with(|| json!([{}]))[0][name] = value.clone();
        }
    }
    let required = tool.parameters["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for name in required.iter().filter_map(Value::as_str) {
        if !arguments.contains_key(name) {
            arguments.insert(name.to_owned(), sample_value(&tool.parameters["properties"][name]));
        }
    }
    (tool.name.clone(), Value::Object(arguments))
}

fn find_property<'a>(schema: &Value, names: &[&'a str]) -> Option<&'a str> {
    let properties = schema["properties"].as_object()?;
    names.iter().copied().find(|name| properties.contains_key(*name))
}

/// The array property of a tool that takes several files or changes, and the property's name within its items.
fn find_list_property<'a>(schema: &Value, names: &[&'a str]) -> Option<(String, &'a str)> {
    let mut properties = schema["properties"].as_object()?.iter();
    properties.find_map(|(list, schema)| Some((list.clone(), find_property(&schema["items"], names)?)))
}

pub(super) fn sample_value(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
        Some("boolean") => json!(false),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("array") => json!([]),
        Some("object") => sample_object(schema),
        Some(_) | None => json!("as the user asked"),
    }
}

/// A sample object with all properties, because strict schemas require them.
fn sample_object(schema: &Value) -> Value {
    let properties = schema["properties"].as_object().into_iter().flatten();
    Value::Object(properties.map(|(name, schema)| (name.clone(), sample_value(schema))).collect())
}

fn patch_call(tool: &OfferedTool, body: &str) -> (String, Value) {
    let text = format!("*** Begin Patch\n{body}*** End Patch\n");
    match find_property(&tool.parameters, &["input", "patch", "patchText", "patch_text"]) {
        Some(name) => build_call(tool, &[(&[name], json!(text))]),
        None => (tool.name.clone(), Value::String(text)),
    }
}

/// A call of the tool that runs a command.
fn command_call(offers: &[OfferedTool], command: &str) -> Option<(String, Value)> {
    let by_script = || find_tool(offers, &SCRIPT_TOOLS).map(|tool| script_call(tool, command));
    find_tool(offers, &SHELL_TOOLS).map(|tool| shell_call(tool, command)).or_else(by_script)
}

fn script_call(tool: &OfferedTool, command: &str) -> (String, Value) {
    let arguments = json!({"cmd": command});
    let script = format!("const result = await tools.exec_command({arguments});\ntext(result.output);\n");
    build_call(tool, &[(&["input"], json!(script))])
}

fn shell_call(tool: &OfferedTool, command: &str) -> (String, Value) {
    let name = find_property(&tool.parameters, &COMMAND_ARGUMENTS).unwrap_or("command");
    let value = match tool.parameters["properties"][name]["type"].as_str() {
        Some("array") if name == "commands" => json!([command]),
        Some("array") => json!(["bash", "-lc", command]),
        Some(_) | None => json!(command),
    };
    build_call(tool, &[(&[name], value)])
}

fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn sed_escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '/' | '\\' | '&' | '.' | '*' | '[' | ']' | '^' | '$');
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// The complete lines around the change, before and after it, because patches consist of whole lines.
fn whole_lines(results: &[&str], old: &str, new: &str) -> (String, String) {
    let shown: Vec<String> = results.iter().map(|result| text_of_json(result)).collect();
    let read = without_line_numbers(&shown.join("\n"));
    let line = read.lines().find(|line| line.contains(old));
    line.map_or_else(|| (old.to_owned(), new.to_owned()), |line| (line.to_owned(), line.replace(old, new)))
}

/// Extracts the text of a result in JSON.
fn text_of_json(result: &str) -> String {
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().flat_map(texts).collect(),
            Value::Object(members) => members.values().flat_map(texts).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        }
    }
    serde_json::from_str(result).map_or_else(|_| result.to_owned(), |value| texts(&value).join("\n"))
}

/// Removes the line numbers that file readers add.
fn without_line_numbers(text: &str) -> String {
    let bare = |line: &str| {
        let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        let numbered = rest.len() < line.trim_start().len();
        let body = ["\t", "→", "|", " | ", ": "].into_iter().find_map(|sign| rest.strip_prefix(sign));
        body.filter(|_| numbered).unwrap_or(line).to_owned()
    };
    text.lines().map(bare).collect::<Vec<_>>().join("\n")
}

/// Removes a quote around the whole message.
fn strip_outer_quote(before: &str, text: &str) -> String {
    let quote = before.trim_end().chars().next_back().filter(|last| ['"', '`', '\''].contains(last));
    let text = text.trim_end();
    quote.and_then(|quote| text.strip_suffix(quote)).unwrap_or(text).to_owned()
}
