//! Encoding of replies.

use std::time::Duration;

use crate::ResponsesState;
use protocol::{CompleteReply, Event, Part};

/// The encoder of one reply.
pub trait Encode: Send {
    /// Returns the frames of one event of a stream. Those of `Done` include the dialect's end marker.
    fn encode_event(&mut self, event: &Event) -> String;
    /// Returns the frames of an interrupted stream: an error event without an end marker.
    fn encode_error(&mut self, code: &str, message: &str) -> String;
    /// Returns the body of a reply that is not streamed.
    fn encode_complete(&mut self, answer: &CompleteReply) -> String;
    /// Sets the time to the first event and the time of the whole reply. Called before the last event, or the
    /// complete reply, is encoded.
    fn set_timings(&mut self, _first: Duration, _whole: Duration) {}
    /// Returns the state of a reply of the Responses API; `None` in other dialects.
    fn responses_state(&mut self) -> Option<&mut ResponsesState> {
        None
    }
    /// Returns the response to store, once the last event or the complete reply is encoded; `None` if the
    /// client does not ask for that.
    fn stored_response(&mut self) -> Option<StoredResponse> {
        None
    }
}

/// A stored reply, which its client can retrieve or continue.
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
    /// Whether the client asked for a usage chunk at the end of a stream.
    pub(crate) include_usage: bool,
    /// The prompt to repeat before the reply. Legacy completions only.
    pub(crate) echo: Option<String>,
    /// Whether the client asked for the reasoning, in dialects that do not always include it.
    pub(crate) include_reasoning: bool,
    /// Whether the request only loads the model. Ollama only.
    pub(crate) load_only: bool,
    /// State of the Responses API. Responses only.
    pub(crate) responses: Option<Box<ResponsesState>>,
}

/// Parts of a reply that do not come from the model.
#[derive(Debug, Clone)]
pub(crate) struct ReplyContext {
    /// The part of the id after the dialect's prefix.
    pub(crate) id: String,
    /// Creation time, Unix seconds.
    pub(crate) created: u64,
    /// The model as the client named it.
    pub(crate) model: String,
    pub(crate) options: ReplyOptions,
}
