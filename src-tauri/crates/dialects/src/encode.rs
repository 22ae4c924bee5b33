//! The encoding of replies.

use std::time::Duration;

use crate::ResponsesState;
use protocol::{CompleteReply, Event, Part};

/// The encoder of one reply.
pub trait Encode: Send {
    /// The frames of one event of a stream; after `Done` they include the dialect's end mark.
    fn encode_event(&mut self, event: &Event) -> String;
    /// The frames that tell a client that its stream broke off: an error event and no end mark.
    fn encode_error(&mut self, code: &str, message: &str) -> String;
    /// The body of a reply that is not streamed.
    fn encode_complete(&mut self, answer: &CompleteReply) -> String;
    /// Sets how long the first event and the whole reply took. Called before the last event, or the complete reply, is
    /// encoded.
    fn set_timings(&mut self, _first: Duration, _whole: Duration) {}
    /// The state of a reply of the Responses API; `None` in other dialects.
    fn responses_state(&mut self) -> Option<&mut ResponsesState> {
        None
    }
    /// What the client may ask for again. Set after the last event, or the complete reply, is encoded.
    fn stored_response(&mut self) -> Option<StoredResponse> {
        None
    }
}

/// A reply that its client may come back to.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredResponse {
    pub id: String,
    /// The body that is returned when the response is requested again.
    pub body: String,
    /// The content of the model's message.
    pub parts: Vec<Part>,
}

/// Properties of a request that its reply depends on.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ReplyOptions {
    /// The client asked for a usage chunk at the end of a stream.
    pub(crate) include_usage: bool,
    /// Legacy completions only: the prompt, which is repeated before the reply.
    pub(crate) echo: Option<String>,
    /// The client asked for the reasoning, in dialects that do not always include it.
    pub(crate) include_reasoning: bool,
    /// Ollama only: the request asks for the model to be loaded, not for a reply.
    pub(crate) load_only: bool,
    /// Responses only.
    pub(crate) responses: Option<Box<ResponsesState>>,
}

/// What a reply contains beside the model's output.
#[derive(Debug, Clone)]
pub(crate) struct ReplyContext {
    /// The part of the id after the dialect's prefix.
    pub(crate) id: String,
    /// Unix time, seconds.
    pub(crate) created: u64,
    /// The model as the client named it.
    pub(crate) model: String,
    pub(crate) options: ReplyOptions,
}
