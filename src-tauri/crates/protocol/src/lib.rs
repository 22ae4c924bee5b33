//! The internal form of requests and replies, shared by all dialects and upstreams. Pure: no I/O, no clock.
//!
//! A dialect decodes a client's body into a [`Request`]; an upstream answers it with a stream of [`Event`]s; the
//! dialect encodes the events for the client. This crate does not depend on HTTP.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

pub mod allocator;
mod complete_reply;
mod file;
mod image;
mod model_name;
mod stop_sequences;
mod token_count;
mod tokenizer;
mod tool;
mod utf8;

pub use complete_reply::CompleteReply;
pub use file::File;
pub use image::{Image, ImageDetail, ImageError, ImageKind, ImageLink, MAX_IMAGE_BYTES, MAX_IMAGES};
pub use model_name::{MAX_MODEL_NAME_CHARACTERS, is_model_name};
pub use stop_sequences::{StopFilterOutput, StopSequenceFilter};
pub use token_count::{TokenCounter, TruncatedText, count_tokens, prompt_tokens};
pub use tokenizer::{Tokenizer, unload_idle_tokenizer};
pub use tool::{Tool, ToolCall, ToolChoice, ToolResult};
pub use utf8::{InvalidUtf8, Utf8StreamDecoder};

use serde_json::Value;

/// A chat request, independent of the client's dialect.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The model's name as the client wrote it.
    pub model: String,
    /// The conversation in the client's order, system messages included.
    pub messages: Vec<Message>,
    /// Whether the client asked for a streamed reply.
    pub stream: bool,
    /// Maximum length of the reply in tokens.
    pub max_tokens: Option<u64>,
    /// Stop sequences: the reply ends before the first of them. None is empty.
    pub stop: Vec<String>,
    /// The tools that the model may call.
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    /// Whether the reply may hold at most one tool call.
    pub single_tool_call: bool,
    pub format: ResponseFormat,
    /// Reasoning effort; `None` is the model's default.
    pub effort: Option<ReasoningEffort>,
    pub sampling: Sampling,
    /// Name, in the client's dialect, of a parameter that only the API upstream supports and that must not be ignored
    /// because the reply would mean something else, such as `n` above 1.
    pub api_only_param: Option<&'static str>,
    /// The fields of the client's body, by name, where it is an OpenAI chat completion: the API upstream passes them
    /// through.
    pub raw_fields: Option<Vec<(String, bytes::Bytes)>>,
}

/// Required format of the reply.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ResponseFormat {
    #[default]
    Text,
    /// A JSON object of any content.
    JsonObject,
    /// JSON that is valid against a schema.
    JsonSchema { name: String, schema: Value, strict: bool },
}

/// Reasoning effort, in steps that the scale of every dialect is mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasoningEffort {
    /// No reasoning.
    Off,
    Minimal,
    Low,
    Medium,
    High,
    /// The model's maximum.
    Max,
}

/// Sampling parameters. The web upstream ignores them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub seed: Option<i64>,
}

/// Role of a [`Message`]. OpenAI's `developer` is mapped to system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    /// The user, and the tools: their results are parts of a user message.
    User,
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
}

/// One part of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(String),
    /// An image whose bytes are in the request.
    Image(Image),
    ImageLink(ImageLink),
    /// A document that is neither text nor image.
    File(File),
    /// Reasoning text; only in an assistant message.
    Reasoning(String),
    /// A tool call; only in an assistant message.
    Call(ToolCall),
    /// The result of a tool call; only in a user message.
    Result(ToolResult),
}

impl Part {
    /// The text of a [`Part::Text`].
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The text of a [`Part::Reasoning`].
    pub fn reasoning(&self) -> Option<&str> {
        if let Self::Reasoning(thought) = self { Some(thought) } else { None }
    }

    pub fn call(&self) -> Option<&ToolCall> {
        if let Self::Call(call) = self { Some(call) } else { None }
    }
}

/// An event of a reply: any number of deltas, then one `Done`.
///
/// Calls do not interleave: `CallArguments` belongs to the latest `Call`, and any other event ends that call.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A delta of the reply's text, unchanged and never empty.
    Text(String),
    /// A delta of the reasoning text, never empty.
    Reasoning(String),
    /// The start of a tool call. Its id is unique in the conversation.
    Call { id: String, name: String },
    /// A delta of the JSON arguments of the latest call, never empty.
    CallArguments(String),
    /// A generated image, as a data URL.
    Image(String),
    /// The reply is complete.
    Done { finish: FinishReason, usage: Usage },
}

/// Reason why a complete reply ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FinishReason {
    /// The model ended its turn, or met a stop sequence that the upstream does not name.
    #[default]
    Stop,
    /// This stop sequence of the request was met. The reply does not contain it.
    StopSequence(String),
    /// `max_tokens` was reached.
    Length,
    /// The reply ends in tool calls.
    ToolCalls,
    /// The upstream's content filter withheld the rest.
    ContentFilter,
}

/// Token usage of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub prompt_tokens: u64,
    /// Tokens of the prompt that the upstream read from its cache.
    pub cached_tokens: u64,
    pub completion_tokens: u64,
    /// Tokens of the completion that are reasoning.
    pub reasoning_tokens: u64,
    /// Whether the proxy counted the tokens because the upstream reports no usage.
    pub estimated: bool,
    /// A remark for the request log, one word; contains no part of the conversation.
    pub note: Option<&'static str>,
}
