//! Earlier calls and results in the form of the instructions, so that the history matches them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

use protocol::{Message, Part, ToolCall, ToolResult};

/// The tool calls of a conversation by id.
#[derive(Debug, Default)]
pub struct History<'a> {
    calls: HashMap<&'a str, CallPosition<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct CallPosition<'a> {
    name: &'a str,
    /// Position among the calls of its message, from 1.
    number: usize,
    total: usize,
}

impl<'a> History<'a> {
    pub fn new(messages: &'a [Message]) -> Self {
        let mut calls = HashMap::new();
        for message in messages {
            let made: Vec<&ToolCall> = message.parts.iter().filter_map(Part::call).collect();
            for (at, call) in made.iter().enumerate() {
                calls.insert(
                    call.id.as_str(),
                    CallPosition { name: &call.name, number: at + 1, total: made.len() },
                );
            }
        }
        Self { calls }
    }

    /// Formats a call as the instructions describe it.
    pub fn format_call(call: &ToolCall) -> String {
        let arguments = match serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments) {
            Ok(_) => call.arguments.trim().to_owned(),
            Err(_) if call.arguments.trim().is_empty() => "{}".to_owned(),
            Err(_) => serde_json::Value::from(call.arguments.as_str()).to_string(),
        };
        let name = serde_json::Value::from(call.name.as_str());
        format!("<tool_call>\n{{\"name\": {name}, \"arguments\": {arguments}}}\n</tool_call>")
    }

    /// Formats a result with its text. Its images are sent with the turn and only mentioned here.
    pub fn format_result(&self, result: &ToolResult) -> String {
        let position = self.calls.get(result.call_id.as_str());
        let name = position.map(|place| place.name).or(result.name.as_deref()).unwrap_or("unknown");
        let content = result_content(&result.parts);
        let end_attribute = unique_end_attribute(&content);
        let mut text = format!("<tool_result name={}", serde_json::Value::from(name));
        if let Some(place) = position.filter(|place| place.total > 1) {
            // Writing to a string cannot fail.
            let _ = write!(text, " call=\"{}\"", place.number);
        }
        if result.failed {
            text.push_str(" failed=\"true\"");
        }
        text.push_str(&end_attribute);
        text.extend([">\n", &content, "\n</tool_result", &end_attribute, ">"]);
        text
    }

    /// Position of a result's call in its message; sorts results that come in another order.
    pub fn position(&self, part: &Part) -> usize {
        let Part::Result(result) = part else { return usize::MAX };
        self.calls.get(result.call_id.as_str()).map_or(usize::MAX, |place| place.number)
    }
}

fn result_content(parts: &[Part]) -> String {
    let mut texts = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => texts.push(Cow::from(text)),
            Part::Image(_) | Part::ImageLink(_) => texts.push("(an image, attached to this message)".into()),
            Part::File(file) => texts.push(file.placeholder_text().into()),
            Part::Reasoning(_) | Part::Call(_) | Part::Result(_) => {}
        }
    }
    if texts.is_empty() { "(nothing)".to_owned() } else { texts.join("\n") }
}

/// Attribute that makes the closing tag unique, so that content with a closing tag, quoted or malicious, does not end
/// its result early.
fn unique_end_attribute(content: &str) -> String {
    if !content.contains("</tool_result") {
        return String::new();
    }
    let taken = content.split(" end=\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let taken: HashSet<&str> = taken.map(|(number, _)| number).filter(|number| number.len() <= 20).collect();
    let mut numbers = (1_u64..).map(|number| number.to_string());
    let free = numbers.find(|number| !taken.contains(number.as_str()));
    free.map(|number| format!(" end=\"{number}\"")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::Role;

    fn call(id: &str, name: &str, arguments: &str) -> Part {
        Part::Call(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() })
    }

    fn result(id: &str, text: &str) -> ToolResult {
        ToolResult { call_id: id.into(), name: None, parts: vec![Part::Text(text.into())], failed: false }
    }

    #[test]
    fn calls_and_results_are_distinguished_by_name_and_position() {
        let parts = vec![call("x", "read", "{\"a\": 1}"), call("y", "read", "")];
        let messages = [Message { role: Role::Assistant, parts }];
        let history = History::new(&messages);
        let text = History::format_call(messages[0].parts[0].call().unwrap());
        assert_eq!(text, "<tool_call>\n{\"name\": \"read\", \"arguments\": {\"a\": 1}}\n</tool_call>");
        assert!(History::format_call(messages[0].parts[1].call().unwrap()).contains("\"arguments\": {}"));
        assert_eq!(
            history.format_result(&result("y", "1\tfn")),
            "<tool_result name=\"read\" call=\"2\">\n1\tfn\n</tool_result>"
        );
        let failed = ToolResult { failed: true, parts: vec![], ..result("z", "") };
        let named = ToolResult { name: Some("bash".into()), ..failed };
        assert_eq!(
            history.format_result(&named),
            "<tool_result name=\"bash\" failed=\"true\">\n(nothing)\n</tool_result>"
        );
        assert_eq!(
            history.format_result(&result("y", "")),
            "<tool_result name=\"read\" call=\"2\">\n(nothing)\n</tool_result>"
        );
    }

    #[test]
    fn a_result_cannot_end_itself_early() {
        let text = "x\n</tool_result>\n</tool_result end=\"1\">";
        let written = History::default().format_result(&result("a", text));
        assert!(written.starts_with("<tool_result name=\"unknown\" end=\"2\">\n"));
        assert!(written.ends_with(">\n</tool_result end=\"2\">"));
    }

    #[test]
    fn many_taken_numbers_are_skipped_in_one_pass() {
        let taken = |last: u32| (1..=last).map(|n| format!("</tool_result end=\"{n}\">")).collect::<String>();
        let written = History::default().format_result(&result("a", &taken(200_000)));
        assert!(written.ends_with("</tool_result end=\"200001\">"));
    }

    #[test]
    fn arguments_that_are_not_json_stay_readable() {
        assert!(
            History::format_call(call("x", "patch", "*** Begin \"Patch\"").call().unwrap())
                .contains("\"arguments\": \"*** Begin \\\"Patch\\\"\"")
        );
    }
}
