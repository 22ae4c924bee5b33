//! The one inner form that every dialect and every upstream speaks. Pure: no I/O, no clock.
//!
//! A dialect decodes what a client sent into a [`Request`]; an upstream answers it with a stream of [`Event`]s; the
//! dialect encodes those for the client. Nothing here knows HTTP.

mod image;
mod stop;
mod tokens;
mod utf8;

pub use image::{Image, ImageError, ImageKind, MAX_IMAGE_BYTES, MAX_IMAGES};
pub use stop::{StopCut, StopCutter};
pub use tokens::{Admitted, TokenMeter, count_tokens, prompt_tokens};
pub use utf8::{InvalidUtf8, Utf8Joiner};

/// What a client asks of a model, whatever dialect it spoke.
#[derive(Debug, Clone, PartialEq)]
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
}

/// Who speaks in a [`Message`]. OpenAI's `developer` is a system message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    System,
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
    /// An image that the client named by an `https` link; the upstream fetches it.
    ImageLink(url::Url),
}

/// What an upstream says, in this order: any number of `Text`, then one `Done`.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A piece of the reply, never empty, exactly as it came.
    Text(String),
    /// The reply is complete.
    Done { finish: Finish, usage: Usage },
}

/// Why a complete reply ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model was done, or a stop sequence was met.
    Stop,
    /// `max_tokens` was reached.
    Length,
}

/// Tokens of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Counted by us because the upstream does not say.
    pub estimated: bool,
}
