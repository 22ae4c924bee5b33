//! Tools: what a model may call, its calls, and what came of them.

use serde_json::Value;

use super::Part;

/// A function that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    pub name: String,
    pub description: Option<String>,
    /// The JSON schema of the arguments; an object.
    pub parameters: Value,
    /// The client relies on arguments that fit the schema.
    pub strict: bool,
}

/// Whether the model has to call something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// It must not.
    None,
    /// At least one tool.
    Required,
    /// The tool of this name.
    Named(String),
}

/// A call that a model made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON text, as the model wrote it.
    pub arguments: String,
}

/// What came of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// The [`ToolCall::id`] it belongs to.
    pub call_id: String,
    /// The tool's name, where the dialect repeats it.
    pub name: Option<String>,
    /// Texts and images.
    pub parts: Vec<Part>,
    /// The tool could not do it.
    pub failed: bool,
}
