//! Dialects: the wire formats in which clients ask a model, and the registry of them.

use std::fmt::Debug;

use bytes::Bytes;

use crate::encode::{ReplyContext, ReplyOptions};
use crate::{ApiFamily, Encode, InvalidRequest};
use protocol::Request;

/// All dialects. The most frequent come first, because routing compares paths in this order.
pub const DIALECTS: &[&dyn Dialect] = &[
    &crate::openai_chat::OpenAiChat,
    &crate::anthropic::Anthropic,
    &crate::openai_responses::OpenAiResponses,
    &crate::ollama::OllamaChat,
    &crate::ollama::OllamaGenerate,
    &crate::openai_completions::OpenAiCompletions,
];

/// A wire format in which clients ask a model with `POST`.
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

/// The identity of a reply.
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
    /// Names of fields that were understood or unknown but have no effect, in the client's order.
    pub ignored: Vec<String>,
    /// Names of fields that have an effect only at an upstream with an API of its own.
    pub api_only_params: Vec<&'static str>,
    /// The request asks for the model to be loaded, not for a reply. Ollama's clients send it.
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
