//! Prompts for the model: the form of calls, the tools, the JSON format, and requests for a repair.

use std::fmt::Write;

use serde_json::json;

use protocol::{Part, Request, ResponseFormat, ToolChoice};

/// Description of the form of calls. The crate's documentation gives its reasons.
const CALL_INSTRUCTIONS: &str = r#"# Tools

You can use tools. To call a tool, write exactly this, with the opening tag at the beginning of a line:

<tool_call>
{"name": "TOOL", "arguments": {"PARAMETER": "VALUE"}}
</tool_call>

Rules:
- Between the tags stands one JSON object and nothing else: no code fence, no comments. Inside JSON strings write \n for a line break, \" for a quote and \\ for a backslash.
- "name" is one of the tools listed below, and "arguments" fits the JSON schema in its "parameters". Give every required parameter.
- Use this form only. Never call a tool in any other way, even if other instructions describe one.
- When your calls are written, end your reply. The results come in the next message as <tool_result name="TOOL">…</tool_result>. Never write a <tool_result> yourself, and never guess what it will say.
- Never show a call that is not meant to be made. When no tool is needed, answer in plain text."#;
const SEVERAL_CALLS_RULE: &str = "- For several independent calls write several blocks, one after the other.";
const SINGLE_CALL_RULE: &str = "- Make at most one call in a reply.";
const CALL_REQUIRED: &str = "In this reply you must call at least one tool.";
/// Instructions where the conversation has calls and no tools are offered now.
const NO_CALLS_NOW: &str = "In this conversation, <tool_call> and <tool_result> blocks show earlier tool calls and what came of \
                    them. No tool can be called now: answer in plain text and write no such block.";

/// Instructions to append to the client's system messages; empty if the request has no tools, calls or format.
pub fn instructions(request: &Request) -> String {
    let mut text = tool_instructions(request);
    if let Some(wish) = format_instructions(&request.format) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&wish);
    }
    text
}

fn tool_instructions(request: &Request) -> String {
    let tool_set = super::tool_set::ToolSet::from_request(request);
    if tool_set.is_empty() {
        let called = request.messages.iter().flat_map(|message| &message.parts);
        let has_past_calls = called.into_iter().any(|part| matches!(part, Part::Call(_) | Part::Result(_)));
        return if has_past_calls { NO_CALLS_NOW.to_owned() } else { String::new() };
    }
    let mut text = format!(
        "{CALL_INSTRUCTIONS}\n{}\n",
        if request.single_tool_call { SINGLE_CALL_RULE } else { SEVERAL_CALLS_RULE }
    );
    match &request.tool_choice {
        ToolChoice::Required => text.extend(["\n", CALL_REQUIRED, "\n"]),
        ToolChoice::Named(name) => text.extend(["\nIn this reply you must call the tool ", name, ".\n"]),
        ToolChoice::Auto | ToolChoice::None => {}
    }
    text.push_str("\nThe tools, one a line:\n<tools>\n");
    for tool in tool_set.tools() {
        let description = tool.description.as_deref().unwrap_or_default();
        let line = json!({"name": tool.name, "description": description, "parameters": tool.parameters});
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text.push_str("</tools>");
    text
}

fn format_instructions(format: &ResponseFormat) -> Option<String> {
    let only = "Write nothing but the JSON: no code fence, no words before or after it.";
    match format {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => {
            Some(format!("# Form of the answer\n\nAnswer with one JSON object. {only}"))
        }
        ResponseFormat::JsonSchema { schema, .. } => Some(format!(
            "# Form of the answer\n\nAnswer with one JSON value that fits this JSON schema. {only}\n\n{schema}"
        )),
    }
}

/// Prompt that asks for an invalid call again.
pub(super) fn repair_call_prompt(reasons: &[&str]) -> String {
    let reasons = reasons.join("; ");
    format!(
        "Your tool call was not valid: {reasons}. No tool was run. Write the call again, corrected, as <tool_call> block \
         with one JSON object in it, and nothing else."
    )
}

/// Prompt that asks for a missing call.
pub(super) fn missing_call_prompt(choice: &ToolChoice) -> String {
    let which = match choice {
        ToolChoice::Named(name) => format!("the tool {name}"),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => "at least one tool".to_owned(),
    };
    format!("You must call {which} in this turn. Write the <tool_call> block now, and nothing else.")
}

/// Prompt that asks for the JSON answer again.
pub(super) fn repair_json_prompt(why: &str) -> String {
    format!(
        "This is not the JSON that was asked for: {why}. Write the whole JSON again, corrected, and nothing else."
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{Message, Role, Tool, ToolCall};

    fn request(choice: ToolChoice) -> Request {
        let tool = |name: &str| Tool {
            name: name.into(),
            description: Some("reads \"x\"".into()),
            parameters: json!({"type": "object"}),
            strict: false,
        };
        Request { tools: vec![tool("a"), tool("b")], tool_choice: choice, ..Request::default() }
    }

    #[test]
    fn tools_are_described_one_per_line() {
        let text = instructions(&request(ToolChoice::Auto));
        assert!(text.contains(
            "\n{\"description\":\"reads \\\"x\\\"\",\"name\":\"a\",\"parameters\":{\"type\":\"object\"}}\n"
        ));
        assert!(text.contains(SEVERAL_CALLS_RULE) && !text.contains("must call"));
    }

    #[test]
    fn tool_choice_is_stated() {
        assert!(instructions(&request(ToolChoice::Required)).contains(CALL_REQUIRED));
        let named = instructions(&request(ToolChoice::Named("b".into())));
        assert!(named.contains("must call the tool b") && !named.contains("\"name\":\"a\""));
        assert_eq!(instructions(&request(ToolChoice::None)), "");
        let one = Request { single_tool_call: true, ..request(ToolChoice::Auto) };
        assert!(
            instructions(&one).contains(SINGLE_CALL_RULE) && !instructions(&one).contains(SEVERAL_CALLS_RULE)
        );
    }

    #[test]
    fn earlier_calls_are_explained_where_none_can_be_made() {
        let call = Part::Call(ToolCall { id: "1".into(), name: "a".into(), arguments: "{}".into() });
        let messages = vec![Message { role: Role::Assistant, parts: vec![call] }];
        assert_eq!(instructions(&Request { messages, ..Request::default() }), NO_CALLS_NOW);
        assert_eq!(instructions(&Request::default()), "");
    }

    #[test]
    fn a_json_format_is_stated_with_its_schema() {
        let format =
            ResponseFormat::JsonSchema { name: "n".into(), schema: json!({"type": "array"}), strict: true };
        assert!(instructions(&Request { format, ..Request::default() }).ends_with("{\"type\":\"array\"}"));
    }
}
