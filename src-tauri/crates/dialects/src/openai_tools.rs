//! OpenAI's tools, tool choices and response formats. Chat completions nest the fields that the Responses API
//! has at the top level, and clients mix both forms, so both are accepted.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use super::InvalidRequest;
use super::json_fields::{CappedVec, JsonFields};
use protocol::{ResponseFormat, Tool, ToolChoice};

/// Maximum number of tools, more than any client sends.
pub(super) const MAX_TOOLS: usize = 2_000;

/// A tool of the request body.
#[derive(Deserialize)]
pub(super) struct WireTool<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) function: Option<WireFunction<'a>>,
    /// Tools of a namespace.
    #[serde(borrow, default)]
    pub(super) tools: Option<Vec<WireTool<'a>>>,
    #[serde(borrow, default)]
    pub(super) name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) description: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) parameters: Option<Value>,
    #[serde(default)]
    pub(super) strict: Option<bool>,
    /// Executor of the tool, `client` or `server`, for kinds that allow both.
    #[serde(borrow, default)]
    pub(super) execution: Option<Cow<'a, str>>,
    /// Required format of a custom tool's text.
    #[serde(default)]
    pub(super) format: Option<Value>,
}

/// Definition of a function.
#[derive(Deserialize)]
pub(super) struct WireFunction<'a> {
    #[serde(borrow)]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) description: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) parameters: Option<Value>,
    #[serde(default)]
    pub(super) strict: Option<bool>,
}

impl<'a> WireTool<'a> {
    /// Returns the function that the tool defines, nested or not.
    pub(super) fn into_function(self, param: &str) -> Result<WireFunction<'a>, InvalidRequest> {
        let Self { name, description, parameters, strict, .. } = self;
        let flat = name.map(|name| WireFunction { name, description, parameters, strict });
        self.function.or(flat).ok_or_else(|| InvalidRequest::new(param.to_owned(), "the tool has no name"))
    }
}

/// Validates the name and the schema of a function. Returns it as a [`Tool`].
pub(super) fn parse_tool(param: &str, wire: WireFunction<'_>) -> Result<Tool, InvalidRequest> {
    let name = check_tool_name(param, &wire.name)?;
    let parameters = match wire.parameters {
        None | Some(Value::Null) => json!({ "type": "object", "properties": {} }),
        Some(schema) if schema.is_object() => schema,
        Some(_) => {
            return Err(InvalidRequest::new(param.to_owned(), "the tool's schema must be an object"));
        }
    };
    let description = wire.description.filter(|text| !text.is_empty()).map(Cow::into_owned);
    Ok(Tool { name, description, parameters, strict: wire.strict.unwrap_or(false) })
}

/// Validates a tool's name: 1 to 256 bytes without control characters.
pub(super) fn check_tool_name(param: &str, name: &str) -> Result<String, InvalidRequest> {
    let fits = !name.is_empty() && name.len() <= 256 && !name.chars().any(char::is_control);
    if fits {
        Ok(name.to_owned())
    } else {
        Err(InvalidRequest::new(param.to_owned(), "a tool's name must be 1 to 256 printable characters"))
    }
}

/// Reads a list of tools.
pub(super) fn read_tools<'a>(
    fields: &mut JsonFields<'a>,
    name: &str,
) -> Result<Vec<WireTool<'a>>, InvalidRequest> {
    Ok(fields.optional::<CappedVec<WireTool<'a>, MAX_TOOLS>>(name)?.map_or_else(Vec::new, |tools| tools.0))
}

/// Rejects a request whose only tools are hosted ones, such as a web search, which the servers of the model's
/// vendor run: without them the model would invent results. `hosted` are the tools' names in the list of
/// ignored fields.
pub(super) fn refuse_hosted_only(
    tools: &[Tool],
    hosted: &[&'static str],
    choice: Option<&Value>,
) -> Result<(), InvalidRequest> {
    let forbidden = choice.is_some_and(|choice| choice == "none" || choice["type"] == "none");
    if hosted.is_empty() || !tools.is_empty() || forbidden {
        return Ok(());
    }
    let kinds: Vec<&str> = hosted.iter().map(|note| note.trim_start_matches("tools.")).collect();
    let message = format!(
        "The tool {} is not available through this proxy: only the model maker's own servers carry it out, so nothing \
         was done. Use a tool that this client runs itself, such as one of an MCP server.",
        kinds.join(", ")
    );
    Err(InvalidRequest::unsupported("tools", message))
}

/// Rejects the choice of a hosted tool, which the servers of the model's vendor run.
pub(super) fn refuse_hosted_choice(choice: Option<&Value>) -> Result<(), InvalidRequest> {
    const SUPPORTED_KINDS: [&str; 8] =
        ["auto", "none", "required", "any", "allowed_tools", "function", "custom", "tool"];
    match choice.and_then(|choice| choice["type"].as_str()) {
        Some(kind) if !SUPPORTED_KINDS.contains(&kind) => {
            let message = "'tool_choice' asks for a tool that only the model maker's own servers carry out";
            Err(InvalidRequest::unsupported("tool_choice", message))
        }
        Some(_) | None => Ok(()),
    }
}

/// Parses `tool_choice` in all its forms. A choice among some of the tools removes the others.
pub(super) fn parse_tool_choice(
    choice: Option<Value>,
    tools: &mut Vec<Tool>,
) -> Result<ToolChoice, InvalidRequest> {
    let param = || "tool_choice".to_owned();
    let wrong = || InvalidRequest::new(param(), "'tool_choice' is not one of the known choices");
    let choice = match choice {
        None => return Ok(ToolChoice::Auto),
        Some(choice) => choice,
    };
    match choice.as_str().or(choice["type"].as_str()) {
        Some("auto") => Ok(ToolChoice::Auto),
        Some("none") => Ok(ToolChoice::None),
        Some("required" | "any") if tools.is_empty() => Ok(ToolChoice::Auto),
        Some("required" | "any") => Ok(ToolChoice::Required),
        Some("allowed_tools") => allowed_choice(&choice, tools),
        Some("function" | "custom" | "tool") => {
            let kind = choice["type"].as_str().unwrap_or_default();
            let name = choice["name"].as_str().or(choice[kind]["name"].as_str()).ok_or_else(wrong)?;
            named_choice(name, tools)
        }
        Some(_) => Ok(ToolChoice::Auto),
        // Legacy functions: the name alone.
        None => named_choice(choice["name"].as_str().ok_or_else(wrong)?, tools),
    }
}

/// Returns the choice of one tool, which must be offered.
pub(super) fn named_choice(name: &str, tools: &[Tool]) -> Result<ToolChoice, InvalidRequest> {
    if tools.iter().any(|tool| tool.name == name) {
        return Ok(ToolChoice::Named(name.to_owned()));
    }
    Err(InvalidRequest::new("tool_choice".to_owned(), "'tool_choice' names a tool that is not in the list"))
}

fn allowed_choice(choice: &Value, tools: &mut Vec<Tool>) -> Result<ToolChoice, InvalidRequest> {
    let choice = if choice["tools"].is_array() { choice } else { &choice["allowed_tools"] };
    let listed = choice["tools"].as_array().map_or(&[][..], Vec::as_slice);
    let names: Vec<&str> = listed
        .iter()
        .filter_map(|tool| tool["name"].as_str().or(tool["function"]["name"].as_str()))
        .collect();
    tools.retain(|tool| names.contains(&tool.name.as_str()));
    match (choice["mode"] == "required", tools.is_empty()) {
        (true, true) => {
            let message = "'tool_choice' requires one of a few tools, of which none is in the list";
            Err(InvalidRequest::new("tool_choice".to_owned(), message))
        }
        (true, false) => Ok(ToolChoice::Required),
        (false, _) => Ok(ToolChoice::Auto),
    }
}

/// Parses `response_format` of chat completions and `text.format` of the Responses API.
pub(super) fn parse_response_format(
    param: &str,
    format: Option<&Value>,
) -> Result<ResponseFormat, InvalidRequest> {
    let wrong = |message: &str| Err(InvalidRequest::new(param.to_owned(), message));
    let Some(format) = format else { return Ok(ResponseFormat::Text) };
    match format["type"].as_str() {
        Some("text") => Ok(ResponseFormat::Text),
        Some("json_object") => Ok(ResponseFormat::JsonObject),
        Some("json_schema") => {
            let inner = if format["json_schema"].is_object() { &format["json_schema"] } else { format };
            if !inner["schema"].is_object() {
                return wrong("the format has no schema");
            }
            let name = inner["name"].as_str().unwrap_or("reply").to_owned();
            let strict = inner["strict"].as_bool().unwrap_or(false);
            Ok(ResponseFormat::JsonSchema { name, schema: inner["schema"].clone(), strict })
        }
        Some(_) | None => wrong("the type must be text, json_object or json_schema"),
    }
}

/// The name of a kind of hosted tool in the list of ignored fields.
pub(super) fn ignored_name_of_kind(kind: &str) -> &'static str {
    const KNOWN: [(&str, &str); 11] = [
        ("web_search", "tools.web_search"),
        ("web_fetch", "tools.web_fetch"),
        ("code_execution", "tools.code_execution"),
        ("code_interpreter", "tools.code_interpreter"),
        ("computer", "tools.computer"),
        ("file_search", "tools.file_search"),
        ("image_generation", "tools.image_generation"),
        ("mcp", "tools.mcp"),
        ("local_shell", "tools.local_shell"),
        ("tool_search", "tools.tool_search"),
        ("advisor", "tools.advisor"),
    ];
    KNOWN.iter().find(|(known, _)| kind.starts_with(known)).map_or("tools.other", |(_, note)| note)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(names: &[&str]) -> Vec<Tool> {
        let tool = |name: &&str| {
            let wire =
                WireFunction { name: (*name).into(), description: None, parameters: None, strict: None };
            parse_tool("tools", wire).unwrap()
        };
        names.iter().map(tool).collect()
    }

    fn chosen(json: Value) -> (Result<ToolChoice, InvalidRequest>, usize) {
        let mut tools = tools(&["a", "b"]);
        (parse_tool_choice(Some(json), &mut tools), tools.len())
    }

    #[test]
    fn every_form_of_tool_choice() {
        let named = |name: &str| Ok(ToolChoice::Named(name.into()));
        assert_eq!(chosen(json!("auto")).0, Ok(ToolChoice::Auto));
        assert_eq!(chosen(json!("none")).0, Ok(ToolChoice::None));
        assert_eq!(chosen(json!("required")).0, Ok(ToolChoice::Required));
        assert_eq!(chosen(json!({ "type": "function", "function": { "name": "b" } })).0, named("b"));
        assert_eq!(chosen(json!({ "type": "function", "name": "b" })).0, named("b"));
        assert_eq!(chosen(json!({ "type": "custom", "name": "a" })).0, named("a"));
        assert_eq!(chosen(json!({ "name": "a" })).0, named("a"));
        let few = json!({ "type": "allowed_tools", "mode": "required", "tools": [{ "type": "function", "name": "a" }] });
        assert_eq!(chosen(few), (Ok(ToolChoice::Required), 1));
        assert!(chosen(json!({ "type": "function", "name": "c" })).0.is_err());
        assert!(chosen(json!(7)).0.is_err());
        assert_eq!(parse_tool_choice(Some(json!("required")), &mut Vec::new()), Ok(ToolChoice::Auto));
    }

    #[test]
    fn hosted_tools_alone_are_refused() {
        let hosted = ["tools.web_search", "tools.code_interpreter"];
        let refused = refuse_hosted_only(&[], &hosted, None).unwrap_err();
        assert!(refused.message.contains("web_search, code_interpreter"), "{}", refused.message);
        assert_eq!(refused.param.as_deref(), Some("tools"));
        assert!(refuse_hosted_only(&[], &[], None).is_ok());
        assert!(refuse_hosted_only(&tools(&["a"]), &hosted, None).is_ok());
        for none in [json!("none"), json!({ "type": "none" })] {
            assert!(refuse_hosted_only(&[], &hosted, Some(&none)).is_ok());
        }
        let chosen = |kind: &str| refuse_hosted_choice(Some(&json!({ "type": kind })));
        assert_eq!(chosen("web_search_preview").unwrap_err().param.as_deref(), Some("tool_choice"));
        assert!(chosen("function").is_ok() && refuse_hosted_choice(Some(&json!("auto"))).is_ok());
        let few = json!({ "type": "allowed_tools", "mode": "required", "tools": [{ "type": "web_search" }] });
        assert!(parse_tool_choice(Some(few), &mut tools(&["a"])).is_err());
    }

    #[test]
    fn formats_nested_and_flat() {
        let expected = ResponseFormat::JsonSchema {
            name: "x".into(),
            schema: json!({ "type": "object" }),
            strict: true,
        };
        let inner = json!({ "name": "x", "schema": { "type": "object" }, "strict": true });
        let nested = json!({ "type": "json_schema", "json_schema": inner });
        let mut flat = inner;
        flat["type"] = json!("json_schema");
        assert_eq!(parse_response_format("f", Some(&nested)), Ok(expected.clone()));
        assert_eq!(parse_response_format("f", Some(&flat)), Ok(expected));
        assert!(parse_response_format("f", Some(&json!({ "type": "json_schema" }))).is_err());
        assert!(parse_response_format("f", Some(&json!({ "type": "grammar" }))).is_err());
    }

    #[test]
    fn a_hosted_kind_has_a_fixed_name() {
        assert_eq!(ignored_name_of_kind("web_search_20250305"), "tools.web_search");
        assert_eq!(ignored_name_of_kind("sk-0123"), "tools.other");
    }
}
