//! The languages clients speak, one file each: wire types and translation both ways. Pure: no I/O, no clock.
//!
//! Decoding turns a body into a [`chat::Request`](protocol::Request) and says what could not be honoured; encoding
//! turns [`chat::Event`](protocol::Event)s into the bytes a client expects. HTTP statuses, headers and the decision
//! which dialect is spoken are left to `proxy`.

#![cfg_attr(
    test,
    allow(clippy::wildcard_enum_match_arm, reason = "a test that meets another variant fails anyway")
)]

mod anthropic;
mod file;
mod image;
mod json_fields;
pub mod ollama;
mod ollama_error;
mod openai_chat;
mod openai_completions;
mod openai_error;
mod openai_models;
mod openai_responses;
mod openai_tools;
mod reasoning_effort;
mod shared_params;
mod sse;

pub use anthropic::{
    error_body as anthropic_error, model as anthropic_model, models as anthropic_models,
    token_count as anthropic_count,
};
pub use ollama_error::error_body as ollama_error;
pub use openai_error::error_body as openai_error;
pub use openai_models::{ModelEntry, model as openai_model, models as openai_models};
pub use openai_responses::{ItemTools, ResponsesState, delete_body as response_deleted};
pub use reasoning_effort::{SuffixMatch, split_effort_suffix};

use std::time::Duration;

use bytes::Bytes;

use protocol::{CompleteReply, Event, Part, Request};

/// A dialect that asks a model something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `POST /v1/chat/completions`
    OpenAiChat,
    /// `POST /v1/completions` (legacy)
    OpenAiCompletions,
    /// `POST /v1/messages`
    Anthropic,
    /// `POST /v1/responses`
    OpenAiResponses,
    /// `POST /api/chat`
    OllamaChat,
    /// `POST /api/generate`
    OllamaGenerate,
}

impl Dialect {
    /// The name that stands in the request log.
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenAiChat => "openai-chat",
            Self::OpenAiCompletions => "openai-completions",
            Self::Anthropic => "anthropic",
            Self::OpenAiResponses => "openai-responses",
            Self::OllamaChat => "ollama-chat",
            Self::OllamaGenerate => "ollama-generate",
        }
    }

    /// Reads a request body.
    ///
    /// # Errors
    /// [`InvalidRequest`] names the field that is wrong; its message repeats nothing of what was sent but field names.
    pub fn decode(self, body: &Bytes) -> Result<Decoded, InvalidRequest> {
        match self {
            Self::OpenAiChat => openai_chat::decode(body),
            Self::OpenAiCompletions => openai_completions::decode(body),
            Self::Anthropic => anthropic::decode(body),
            Self::OpenAiResponses => openai_responses::decode(body),
            Self::OllamaChat => ollama::decode_chat(body),
            Self::OllamaGenerate => ollama::decode_generate(body),
        }
    }

    /// The media type of a streamed reply.
    pub fn stream_type(self) -> &'static str {
        match self {
            Self::OpenAiChat | Self::OpenAiCompletions | Self::Anthropic | Self::OpenAiResponses => {
                "text/event-stream; charset=utf-8"
            }
            Self::OllamaChat | Self::OllamaGenerate => "application/x-ndjson",
        }
    }

    /// The encoder for one reply.
    pub fn encoder(self, context: ReplyContext) -> Box<dyn Encode> {
        match self {
            Self::OpenAiChat => Box::new(openai_chat::Encoder::new(context)),
            Self::OpenAiCompletions => Box::new(openai_completions::Encoder::new(context)),
            Self::Anthropic => Box::new(anthropic::Encoder::new(context)),
            Self::OpenAiResponses => Box::new(openai_responses::Encoder::new(context)),
            Self::OllamaChat => Box::new(ollama::Encoder::new(context, ollama::OllamaEndpoint::Chat)),
            Self::OllamaGenerate => Box::new(ollama::Encoder::new(context, ollama::OllamaEndpoint::Generate)),
        }
    }
}

/// A decoded request, and what its dialect wants to remember for the reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    pub request: Request,
    /// Names of fields that were understood or unknown but have no effect, in the client's order.
    pub ignored: Vec<String>,
    /// Names of fields that have an effect only at an upstream with an API of its own.
    pub api_only_params: Vec<&'static str>,
    pub options: ReplyOptions,
}

/// What a dialect wants to know again when the reply comes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReplyOptions {
    /// The client asked for a usage chunk at the end of a stream.
    pub include_usage: bool,
    /// Legacy completions only: the prompt, to be repeated before the reply.
    pub echo: Option<String>,
    /// The client wants to see what was thought, where its dialect does not show it to everybody.
    pub include_reasoning: bool,
    /// Ollama only: there is nothing to answer, the model is only to be got ready.
    pub load_only: bool,
    /// Responses only.
    pub responses: Option<Box<ResponsesState>>,
}

/// A reply that its client may come back to.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResponse {
    pub id: String,
    /// The body that is given when it is asked for again.
    pub body: String,
    /// What the model said.
    pub parts: Vec<Part>,
}

/// What a reply says about itself.
#[derive(Debug, Clone)]
pub struct ReplyContext {
    /// The part of the id after the dialect's prefix.
    pub id: String,
    /// Unix time in seconds.
    pub created: u64,
    /// The model as the client named it.
    pub model: String,
    pub options: ReplyOptions,
}

/// Turns events into the bytes of one reply.
pub trait Encode: Send {
    /// The frames of one event of a stream; after `Done` they include the dialect's end mark.
    fn encode_event(&mut self, event: &Event) -> String;
    /// The frames that tell a client its stream broke off: an error event and no end mark.
    fn encode_error(&mut self, code: &str, message: &str) -> String;
    /// The body of a reply that is not streamed.
    fn encode_complete(&mut self, answer: &CompleteReply) -> String;
    /// Tells how long the first event and the whole reply took, before the last event, or the whole reply, is written.
    fn set_timings(&mut self, _first: Duration, _whole: Duration) {}
    /// After the last event, or the whole reply: what its client may ask for again.
    fn stored_response(&mut self) -> Option<StoredResponse> {
        None
    }
}

/// The kind of complaint about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvalidCode {
    /// The body does not have the dialect's form.
    InvalidRequest,
    /// A wish that would change the meaning of the reply and cannot be honoured.
    UnsupportedParameter,
    /// An image that cannot be used.
    InvalidImage,
    /// A conversation that Anthropic's servers would keep.
    ThreadUnsupported,
}

/// Why a request was refused before anything was asked upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidRequest {
    pub code: InvalidCode,
    /// The path of the field, as in `messages[0].content`.
    pub param: Option<String>,
    pub message: String,
}

impl InvalidRequest {
    fn new(param: impl Into<Option<String>>, message: impl Into<String>) -> Self {
        Self { code: InvalidCode::InvalidRequest, param: param.into(), message: message.into() }
    }

    fn unsupported(param: &str, message: impl Into<String>) -> Self {
        Self {
            code: InvalidCode::UnsupportedParameter,
            param: Some(param.to_owned()),
            message: message.into(),
        }
    }

    fn invalid_image(param: impl Into<Option<String>>, message: impl Into<String>) -> Self {
        Self { code: InvalidCode::InvalidImage, param: param.into(), message: message.into() }
    }
}

#[cfg(test)]
mod tests;
