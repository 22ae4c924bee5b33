//! Mock of a web model with prompted tools and JSON: parses the prompt and writes calls. The module shares no
//! code with the crate that writes the prompt.

use serde_json::{Map, Value, json};

use super::agent::{self, AgentAction, AgentTurn, OfferedTool};
use super::request::ChatForm;

/// The reply of a model with tools or a JSON format; `None` without instructions.
pub(super) fn reply(ask: &ChatForm) -> Option<String> {
    let (offers, turns) = (offered_tools(&ask.preprompt), turns(ask));
    // A model with an `echo:` directive replies as directed, and makes no call when the request is repeated.
    let is_echo = |turn: &AgentTurn| matches!(turn, AgentTurn::User(text) if text.starts_with("echo:"));
    let has_result = turns.iter().any(is_echo) || matches!(turns.last(), Some(AgentTurn::Result(_)));
    let forced = || if has_result { None } else { required_call(&ask.preprompt, &offers) };
    if !offers.is_empty()
        && let Some(wanted) = agent::next_action(&offers, &turns).or_else(forced)
    {
        return Some(match wanted {
            AgentAction::Say(text) => text,
            AgentAction::Call(calls) => render_calls(&calls),
        });
    }
    requested_schema(&ask.preprompt).map(|schema| sample_value(&schema, 0).to_string())
}

/// A call where the prompt requires one regardless of the user's message.
fn required_call(preprompt: &str, offers: &[OfferedTool]) -> Option<AgentAction> {
    let (_, wish) = preprompt.rsplit_once("\nIn this reply you must call ")?;
    let named = wish.lines().next()?.strip_prefix("the tool ").and_then(|name| name.strip_suffix('.'));
    let offer = offers.iter().find(|offer| named.is_none_or(|name| offer.name == name))?;
    Some(AgentAction::Call(vec![agent::sample_call(offer)]))
}

fn offered_tools(preprompt: &str) -> Vec<OfferedTool> {
    let Some((_, list)) = preprompt.rsplit_once("\n<tools>\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| *line != "</tools>");
    let offer = |line: &str| {
        let tool: Value = serde_json::from_str(line).ok()?;
        Some(OfferedTool { name: tool["name"].as_str()?.to_owned(), parameters: tool["parameters"].clone() })
    };
    lines.filter_map(offer).collect()
}

/// The schema of the answer, if it must be JSON.
fn requested_schema(preprompt: &str) -> Option<Value> {
    let (_, wish) = preprompt.rsplit_once("# Form of the answer\n")?;
    let schema = wish.find("\n\n{").and_then(|at| serde_json::from_str(wish[at..].trim()).ok());
    Some(schema.unwrap_or_else(|| json!({"type": "object", "properties": {"demo": {"type": "boolean"}}})))
}

/// The turns of the conversation; they alternate, the user's first.
fn turns(ask: &ChatForm) -> Vec<AgentTurn> {
    let texts = ask.messages.iter().filter_map(|message| message["content"].as_str());
    let sides =
        texts.enumerate().map(|(at, text)| if at % 2 == 0 { user_turns(text) } else { model_turns(text) });
    sides.flatten().collect()
}

fn user_turns(text: &str) -> Vec<AgentTurn> {
    let mut turns = Vec::new();
    let mut rest = text;
    while let Some((before, block)) = rest.split_once("<tool_result ") {
        push_user_text(before, &mut turns);
        let (head, body) = block.split_once(">\n").unwrap_or((block, ""));
        let end = head.split_once("end=").map(|(_, end)| format!(" end={end}")).unwrap_or_default();
        let (content, after) = body.split_once(&format!("\n</tool_result{end}>")).unwrap_or((body, ""));
        turns.push(AgentTurn::Result(content.to_owned()));
        rest = after;
    }
    push_user_text(rest, &mut turns);
    turns
}

fn push_user_text(text: &str, turns: &mut Vec<AgentTurn>) {
    if !text.trim().is_empty() {
        turns.push(AgentTurn::User(text.trim().to_owned()));
    }
}

fn model_turns(text: &str) -> Vec<AgentTurn> {
    let blocks = text.split("<tool_call>").skip(1).filter_map(|block| {
        let call: Value = serde_json::from_str(block.split("\n</tool_call>").next()?.trim()).ok()?;
        Some(AgentTurn::Called(call["name"].as_str()?.to_owned()))
    });
    blocks.collect()
}

fn render_calls(calls: &[(String, Value)]) -> String {
    let blocks = calls.iter().map(|(name, arguments)| {
        let name = json!(name);
        format!("<tool_call>\n{{\"name\": {name}, \"arguments\": {arguments}}}\n</tool_call>")
    });
    format!("I use a tool.\n\n{}", blocks.collect::<Vec<_>>().join("\n"))
}

/// A small value that is valid against a schema.
fn sample_value(schema: &Value, depth: usize) -> Value {
    if let Some(choice) = schema.get("const").or_else(|| schema["enum"].get(0)) {
        return choice.clone();
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind.filter(|_| depth < 16) {
        Some("object") => {
            let properties = schema["properties"].as_object().into_iter().flatten();
            let fields = properties.map(|(name, schema)| (name.clone(), sample_value(schema, depth + 1)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some("array") => Value::Array(vec![sample_value(&schema["items"], depth + 1)]),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some(_) | None => json!("demo"),
    }
}

/// Mistakes of a model in a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolMistake {
    /// A quote inside a string is not escaped.
    BrokenJson,
    /// The call is in a code fence.
    Fenced,
    /// The call is described in words.
    Prose,
}

impl ToolMistake {
    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "broken-json" => Some(Self::BrokenJson),
            "fenced" => Some(Self::Fenced),
            "prose" => Some(Self::Prose),
            _ => None,
        }
    }

    /// Rewrites a reply with this mistake.
    pub(super) fn apply(self, text: &str) -> String {
        match self {
            Self::BrokenJson => text.replace("\"}}\n</tool_call>", "\" and \"more\" of it\"}}\n</tool_call>"),
            Self::Fenced => text.replace("<tool_call>", "```json").replace("</tool_call>", "```"),
            Self::Prose => "I will use the tool that fits best and tell you what it says.".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(preprompt: &str, texts: &[&str]) -> ChatForm {
        let message = |text: &&str| json!({"content": text, "imagesData": [], "documentsData": []});
        let messages = texts.iter().map(message).collect();
        ChatForm { model: "m".into(), preprompt: preprompt.into(), messages }
    }

    const TOOLS: &str = "Be brief.\n\n# Tools\n<tools>\n{\"name\":\"now\",\"parameters\":{}}\n</tools>";

    #[test]
    fn a_prompt_with_tools_is_followed() {
        let call = reply(&ask(TOOLS, &["call: now {\"zone\": \"UTC\"}"])).unwrap();
        assert_eq!(
            call,
            "I use a tool.\n\n<tool_call>\n{\"name\": \"now\", \"arguments\": {\"zone\":\"UTC\"}}\n</tool_call>"
        );
        let result = "<tool_result name=\"now\" end=\"1\">\n12:00 </tool_result>\n</tool_result end=\"1\">";
        let told = reply(&ask(TOOLS, &["call: now {}", &call, result])).unwrap();
        assert_eq!(told, "The tools said: 12:00 </tool_result>");
        assert_eq!(reply(&ask(TOOLS, &["hello"])), None);
        assert_eq!(reply(&ask("", &["call: now {}"])), None);
    }

    #[test]
    fn a_call_that_must_be_made_is_made() {
        let must = |what: &str| {
            TOOLS.replace("<tools>", &format!("\nIn this reply you must call {what}.\n\n<tools>"))
        };
        for what in ["the tool now", "at least one tool"] {
            assert!(reply(&ask(&must(what), &["hello"])).unwrap().contains("\"name\": \"now\""), "{what}");
        }
        assert_eq!(reply(&ask(&must("the tool other"), &["hello"])), None);
        let result = "<tool_result name=\"now\">\n12:00\n</tool_result>";
        assert_eq!(reply(&ask(&must("at least one tool"), &["hello", "x", result])), None);
    }

    #[test]
    fn json_is_made_to_fit() {
        let wish = "# Form of the answer\n\nJSON.\n\n{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}}}";
        assert_eq!(reply(&ask(wish, &["hello"])).unwrap(), "{\"n\":1}");
        assert_eq!(reply(&ask("# Form of the answer\n\nJSON.", &["hello"])).unwrap(), "{\"demo\":true}");
    }

    #[test]
    fn mistakes_change_the_written_call() {
        let call = render_calls(&[("a".to_owned(), json!({"b": "c"}))]);
        assert!(ToolMistake::BrokenJson.apply(&call).contains("\"c\" and \"more\" of it\"}}"));
        assert!(ToolMistake::Fenced.apply(&call).contains("```json\n{"));
    }
}
