//! The one inner form that every dialect and every upstream speaks. Pure: no I/O, no clock.
//!
//! A dialect decodes what a client sent into a [`Request`]; an upstream answers it with a stream of [`Event`]s; the
//! dialect encodes those for the client. Nothing here knows HTTP.

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
pub use model_name::is_model_name;
pub use stop_sequences::{StopFilterOutput, StopSequenceFilter};
pub use token_count::{TokenCounter, TruncatedText, count_tokens, prompt_tokens};
pub use tokenizer::{Tokenizer, unload_idle_tokenizer};
pub use tool::{Tool, ToolCall, ToolChoice, ToolResult};
pub use utf8::{InvalidUtf8, Utf8StreamDecoder};

use serde_json::Value;

/// What a client asks of a model, whatever dialect it spoke.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Request {
    /// The model's name as the client wrote it.
    pub model: String,
    /// The conversation in the client's order, system messages included.
    pub messages: Vec<Message>,
    /// Whether the client wants the reply as it is made.
    pub stream: bool,
    /// Cut the reply after this many tokens.
    pub max_tokens: Option<u64>,
    /// Cut the reply before any of these texts. None of them is empty.
    pub stop: Vec<String>,
    /// What the model may call.
    pub tools: Vec<Tool>,
    pub tool_choice: ToolChoice,
    /// At most one call a reply.
    pub single_tool_call: bool,
    pub format: ResponseFormat,
    /// How much the model is to think before it speaks; `None` leaves it to the model.
    pub effort: Option<ReasoningEffort>,
    pub sampling: Sampling,
    /// The parameter (as the client's dialect names it) of a wish that only an upstream with an API of its own can
    /// honour, and whose neglect would change the meaning of the reply, such as `n` above 1.
    pub api_only_param: Option<&'static str>,
    /// The body as the client sent it, where it is a chat completion: an upstream that speaks the same form relays it.
    pub raw_body: Option<bytes::Bytes>,
}

/// What the reply has to look like.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum ResponseFormat {
    #[default]
    Text,
    /// One JSON object, whatever is in it.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema { name: String, schema: Value, strict: bool },
}

/// How much a model thinks before it speaks, in steps that every dialect's own scale is mapped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReasoningEffort {
    /// Not at all.
    Off,
    Minimal,
    Low,
    Medium,
    High,
    /// As much as the model can.
    Max,
}

/// Numbers that steer how a model chooses its words. Upstreams without an API of their own ignore them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sampling {
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u64>,
    pub presence_penalty: Option<f64>,
    pub frequency_penalty: Option<f64>,
    pub seed: Option<i64>,
}

/// Who speaks in a [`Message`]. OpenAI's `developer` is a system message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
    /// The person, and the tools: their results are parts of a user's message.
    User,
    Assistant,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    pub role: Role,
    pub parts: Vec<Part>,
}

/// One piece of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text(String),
    /// An image whose bytes came with the request.
    Image(Image),
    ImageLink(ImageLink),
    /// A document that is neither text nor image.
    File(File),
    /// What the model thought; only in an assistant's message.
    Reasoning(String),
    /// A call the model made; only in an assistant's message.
    Call(ToolCall),
    /// What came of a call; only in a user's message.
    Result(ToolResult),
}

impl Part {
    /// What is said, where it is text.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// What is thought, where it is that.
    pub fn reasoning(&self) -> Option<&str> {
        if let Self::Reasoning(thought) = self { Some(thought) } else { None }
    }

    pub fn call(&self) -> Option<&ToolCall> {
        if let Self::Call(call) = self { Some(call) } else { None }
    }
}

/// What an upstream says: any number of pieces, then one `Done`.
///
/// Calls come one after the other: `CallArguments` belong to the latest `Call`, and whatever else follows ends it.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A piece of the reply, never empty, exactly as it came.
    Text(String),
    /// A piece of what the model thinks, never empty.
    Reasoning(String),
    /// The model begins a call. The id is unique in its conversation.
    Call { id: String, name: String },
    /// A piece of the JSON text of the latest call's arguments, never empty.
    CallArguments(String),
    /// An image the model made, as a data URL.
    Image(String),
    /// The reply is complete.
    Done { finish: FinishReason, usage: Usage },
}

/// Why a complete reply ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum FinishReason {
    /// The model was done, or a stop sequence was met and nobody says which.
    #[default]
    Stop,
    /// This one of the request's stop sequences was met. It is not part of the reply.
    StopSequence(String),
    /// `max_tokens` was reached.
    Length,
    /// The model waits for the results of its calls.
    ToolCalls,
    /// The upstream held the rest back.
    ContentFilter,
}

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub prompt_tokens: u64,
    /// Of the prompt's tokens, those that the upstream had in a cache.
    pub cached_tokens: u64,
    pub completion_tokens: u64,
    /// Of the completion's tokens, those that were thought and not said.
    pub reasoning_tokens: u64,
    /// Counted by us because the upstream does not say.
    pub estimated: bool,
    /// What the log has to know of how the reply came about, in one word; nothing of the conversation.
    pub note: Option<&'static str>,
}
