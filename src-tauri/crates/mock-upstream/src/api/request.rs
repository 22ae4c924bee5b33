//! Strict parsers of the API's requests.

use serde_json::{Map, Value};

use super::super::agent::{AgentTurn, OfferedTool};
use super::super::reply::MessageDirectives;

/// Fields that control the LiteLLM proxy behind the API. A client must not send them.
const FORBIDDEN_FIELDS: [&str; 9] = [
    "api_base",
    "base_url",
    "api_key",
    "proxy",
    "extra_headers",
    "organization",
    "user_config",
    "fallbacks",
    "mock_response",
];

/// `POST /v1/chat/completions`.
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Value>,
    /// All other fields.
    pub(super) fields: Map<String, Value>,
    pub(super) directives: MessageDirectives,
    pub(super) last_text: String,
}

impl ChatRequest {
    /// Parses the request. The error is a sentence about the first violation.
    pub(super) fn parse(json: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = json else { return Err("the body is not an object".to_owned()) };
        if let Some(name) = FORBIDDEN_FIELDS.into_iter().find(|name| fields.contains_key(*name)) {
            return Err(format!("the body holds {name}"));
        }
        let model = required_text(&fields, "model")?;
        let messages = match fields.remove("messages") {
            Some(Value::Array(messages)) if !messages.is_empty() => messages,
            _ => return Err("the body has no messages".to_owned()),
        };
        check_order(&messages)?;
        fields.remove("model");
        let last_text = last_user_text(&messages);
        let wish = MessageDirectives::parse(&last_text)?;
        Ok(Self { model, messages, fields, directives: wish, last_text })
    }

    pub(super) fn streams(&self) -> bool {
        self.fields.get("stream") == Some(&Value::Bool(true))
    }

    pub(super) fn wants_usage(&self) -> bool {
        self.fields.get("stream_options").is_some_and(|options| options["include_usage"] == true)
    }

    /// Maximum number of words; the API's default is low.
    pub(super) fn max_words(&self) -> usize {
        let named = ["max_tokens", "max_completion_tokens"]
            .into_iter()
            .find_map(|name| self.fields.get(name)?.as_u64());
        usize::try_from(named.unwrap_or(2048)).unwrap_or(usize::MAX)
    }

    /// The stop sequences.
    pub(super) fn stop_sequences(&self) -> Vec<&str> {
        match self.fields.get("stop") {
            Some(Value::String(text)) => vec![text],
            Some(Value::Array(texts)) => texts.iter().filter_map(Value::as_str).collect(),
            Some(_) | None => Vec::new(),
        }
    }

    /// The tools that may be called.
    pub(super) fn offered_tools(&self) -> Vec<OfferedTool> {
        if self.fields.get("tool_choice").is_some_and(|choice| choice == "none") {
            return Vec::new();
        }
        let tools = self.fields.get("tools").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let offer = |tool: &Value| {
            let name = tool["function"]["name"].as_str()?.to_owned();
            Some(OfferedTool { name, parameters: tool["function"]["parameters"].clone() })
        };
        tools.iter().filter_map(offer).collect()
    }

    /// The name of the tool that must be called; empty if any tool is allowed.
    pub(super) fn required_tool(&self) -> Option<&str> {
        let choice = self.fields.get("tool_choice")?;
        if choice == "required" { Some("") } else { choice["function"]["name"].as_str() }
    }

    pub(super) fn turns(&self) -> Vec<AgentTurn> {
        let mut turns = Vec::new();
        for message in &self.messages {
            match message["role"].as_str() {
                Some("user") => turns.push(AgentTurn::User(message_text(message))),
                Some("tool") => turns.push(AgentTurn::Result(message_text(message))),
                Some("assistant") => {
                    let calls = message["tool_calls"].as_array().into_iter().flatten();
                    turns.extend(
                        calls
                            .filter_map(|call| call["function"]["name"].as_str())
                            .map(|name| AgentTurn::Called(name.to_owned())),
                    );
                }
                _ => {}
            }
        }
        turns
    }

    /// The images of the conversation.
    pub(super) fn images(&self) -> Vec<Value> {
        let parts = self.messages.iter().filter_map(|message| message["content"].as_array()).flatten();
        parts.filter_map(|part| part["image_url"]["url"].as_str()).map(Value::from).collect()
    }
}

/// `POST /v1/embeddings`.
pub(super) struct EmbeddingsRequest {
    pub(super) model: String,
    pub(super) inputs: Vec<String>,
    pub(super) dimensions: usize,
    pub(super) base64: bool,
}

impl EmbeddingsRequest {
    /// Parses the request. The error is a sentence about the first violation.
    pub(super) fn parse(json: &Value) -> Result<Self, String> {
        let fields = json.as_object().ok_or("the body is not an object")?;
        let inputs = match fields.get("input") {
            Some(Value::Array(list)) if list.iter().all(Value::is_number) => {
                vec![Value::from(list.clone()).to_string()]
            }
            Some(Value::Array(list)) => {
                list.iter().map(|one| one.as_str().map_or(one.to_string(), str::to_owned)).collect()
            }
            Some(Value::String(text)) => vec![text.clone()],
            _ => return Err("the body has no input".to_owned()),
        };
        let dimensions = fields.get("dimensions").and_then(Value::as_u64).unwrap_or(8).clamp(1, 3072);
        let base64 = fields.get("encoding_format").is_some_and(|format| format == "base64");
        Ok(Self {
            model: required_text(fields, "model")?,
            inputs,
            dimensions: usize::try_from(dimensions).unwrap_or(8),
            base64,
        })
    }
}

fn required_text(fields: &Map<String, Value>, name: &str) -> Result<String, String> {
    let text = fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("the body has no {name}"))
}

/// Checks that every tool result has a call in the preceding assistant message, and every call a result.
fn check_order(messages: &[Value]) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    for message in messages {
        let role = message["role"].as_str().ok_or("a message without a role")?;
        if role == "tool" {
            let id = message["tool_call_id"].as_str().ok_or("a tool message without tool_call_id")?;
            let at =
                open.iter().position(|known| *known == id).ok_or("a tool message that answers no call")?;
            open.remove(at);
            continue;
        }
        if !open.is_empty() {
            return Err("a call without a result".to_owned());
        }
        if !["system", "developer", "user", "assistant"].contains(&role) {
            return Err(format!("a message of role {role:?}"));
        }
        let calls = message["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        open = calls
            .iter()
            .map(|call| call["id"].as_str().ok_or("a call without id"))
            .collect::<Result<_, _>>()?;
    }
    Ok(())
}

fn last_user_text(messages: &[Value]) -> String {
    messages.iter().rev().find(|message| message["role"] == "user").map(message_text).unwrap_or_default()
}

/// The text of a message, whichever form it has.
pub(super) fn message_text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(messages: Value) -> Result<ChatRequest, String> {
        ChatRequest::parse(json!({"model": "m", "messages": messages, "temperature": 1}))
    }

    #[test]
    fn results_must_follow_their_calls() {
        let user = json!({"role": "user", "content": "hi"});
        let call = json!({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f"}}]});
        let result = json!({"role": "tool", "tool_call_id": "a", "content": "x"});
        let chat = read(json!([user, call, result, user])).unwrap();
        assert_eq!((chat.turns().len(), chat.last_text.as_str(), chat.fields.len()), (4, "hi", 1));
        for bad in [
            json!([user, result]),
            json!([user, call, user]),
            json!([call, result, result]),
            json!([]),
            json!([{"role": "x"}]),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
        assert!(ChatRequest::parse(json!({"model": "m", "messages": [user], "api_base": "x"})).is_err());
    }
}
