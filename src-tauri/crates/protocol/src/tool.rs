//! Tools: their declarations, calls and results.

use serde_json::Value;

use super::Part;

/// A function that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// The JSON schema of the arguments; an object.
    pub parameters: Value,
    /// Whether the client requires arguments that are valid against the schema.
    pub strict: bool,
}

/// Constraint on the tool calls of a reply (OpenAI's `tool_choice`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model calls no tool.
    None,
    /// The model calls at least one tool.
    Required,
    /// The model calls the tool of this name.
    Named(String),
}

/// A call that a model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// Arguments as JSON text, as the model wrote them.
    pub arguments: String,
}

/// The result of a tool call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The [`ToolCall::id`] of the call.
    pub call_id: String,
    /// The tool's name, where the dialect repeats it in results.
    pub name: Option<String>,
    /// The content: texts and images.
    pub parts: Vec<Part>,
    /// Whether the tool reported an error.
    pub failed: bool,
}
