//! Dialects: the wire formats of model requests, and their registry.

use std::fmt::Debug;

use bytes::Bytes;

use crate::encode::{ReplyContext, ReplyOptions};
use crate::{ApiFamily, Encode, InvalidRequest};
use protocol::Request;

/// All dialects, the most frequent first, because routing compares paths in this order.
pub const DIALECTS: &[&dyn Dialect] = &[
    &crate::openai_chat::OpenAiChat,
    &crate::anthropic::Anthropic,
    &crate::openai_responses::OpenAiResponses,
    &crate::ollama::OllamaChat,
    &crate::ollama::OllamaGenerate,
    &crate::openai_completions::OpenAiCompletions,
];

/// A wire format of model requests, which clients send with `POST`.
pub trait Dialect: Debug + Sync {
    /// The name in the request log.
    fn name(&self) -> &'static str;
    /// The canonical path of the route, such as `/v1/chat/completions`.
    fn path(&self) -> &'static str;
    /// The API family whose format errors have.
    fn api_family(&self) -> ApiFamily;
    /// The media type of a streamed reply.
    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }
    /// Decodes a request body. `reply` identifies the reply that the encoder will write.
    ///
    /// # Errors
    /// [`InvalidRequest`] names the field that is wrong; its message repeats nothing of the body but field names.
    fn decode(&self, body: &Bytes, reply: ReplyMeta) -> Result<Decoded, InvalidRequest>;
}

/// Identity of a reply.
#[derive(Debug, Clone, Default)]
pub struct ReplyMeta {
    /// The part of the reply's id after the dialect's prefix.
    pub id: String,
    /// The time of the reply: Unix time, seconds.
    pub created: u64,
}

/// A decoded request and the encoder of its reply.
pub struct Decoded {
    pub request: Request,
    /// Names of fields that have no effect, in the client's order.
    pub ignored: Vec<String>,
    /// Names of fields that have an effect only at the official API.
    pub api_only_params: Vec<&'static str>,
    /// Whether the request only loads the model, as Ollama's clients do. There is no reply then.
    pub load_only: bool,
    pub encoder: Box<dyn Encode>,
}

/// A decoded request without the encoder.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DecodedRequest {
    pub(crate) request: Request,
    pub(crate) ignored: Vec<String>,
    pub(crate) api_only_params: Vec<&'static str>,
    pub(crate) options: ReplyOptions,
}

impl DecodedRequest {
    /// Adds the encoder that `new` makes.
    pub(crate) fn with_encoder<E: Encode + 'static>(
        self,
        reply: ReplyMeta,
        new: impl FnOnce(ReplyContext) -> E,
    ) -> Decoded {
        let Self { request, ignored, api_only_params, options } = self;
        let load_only = options.load_only;
        let context =
            ReplyContext { id: reply.id, created: reply.created, model: request.model.clone(), options };
        Decoded { request, ignored, api_only_params, load_only, encoder: Box::new(new(context)) }
    }
}
