//! Client of api.mammouth.ai with an API key: chat completions and embeddings in OpenAI's form, behind a LiteLLM proxy.
//!
//! A chat completion request is passed through: its bytes are forwarded except for a few fields, and the response bytes
//! are returned unchanged and only observed. Any other request is translated both ways. The module also reads the model
//! catalog and the budget of a key. All facts about the host are in it. It does not retry.

#[cfg(test)]
mod chunking_tests;
mod client;
mod decode;
mod encode;
mod error_mapping;
mod event_stream;
mod key_info;
mod line_buffer;
mod model_catalog;
mod models;
mod passthrough;
mod request_rewrite;
mod tool_call_assembler;
mod upstream;
mod usage_observer;

pub use model_catalog::{CatalogCache, ModelCatalog, ModelInfo};
pub use passthrough::{CompleteResponse, Passthrough};
pub use upstream::ID;
pub use usage_observer::Observed;

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;

use self::client::{ApiClient, ResponseHead};
use self::decode::ChunkDecoder;
use self::event_stream::EventStream;
use self::request_rewrite::RewrittenBody;
use self::usage_observer::UsageObserver;
use super::transport::client::{ClientError, HttpSettings};
use super::transport::offload::offload_if_large;
use super::transport::outbound::Outbound;
use super::transport::prompt_tokens::{text_bytes, total_bytes};
use super::{
    Credential, EventReply, FollowUpCall, Quota, UpstreamError, UpstreamErrorKind, UpstreamResponse,
    check_model,
};
use protocol::Request;

/// Reason why the settings of an [`ApiUpstream`] are invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiBuildError {
    #[error(
        "the address of the official API must be https, or http to this machine, without user name or query"
    )]
    Base,
    #[error("an extra root certificate is not valid PEM")]
    Roots,
    #[error(
        "the HTTP client cannot be built; are the system's root certificates (ca-certificates) installed?"
    )]
    Client,
}

impl From<ClientError> for ApiBuildError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Base => Self::Base,
            ClientError::Roots => Self::Roots,
            ClientError::Client => Self::Client,
        }
    }
}

/// Model of a request, with what the catalog says about it.
#[derive(Debug, Clone, Copy)]
pub struct ModelParams<'a> {
    /// The id in the catalog, or the client's name if the catalog does not have it.
    pub model: &'a str,
    /// Value of `max_tokens` if the client sent none.
    pub max_tokens: Option<u64>,
    /// Whether the model accepts `reasoning_effort`; `None` if the catalog does not say.
    pub supports_reasoning: Option<bool>,
}

/// Client of the official API. One instance serves all keys and keeps no data of one for another.
pub struct ApiUpstream {
    client: ApiClient,
}

impl ApiUpstream {
    /// Checks the settings and builds the client. Nothing is connected to yet.
    ///
    /// # Errors
    /// The invalid setting.
    pub fn new(settings: HttpSettings) -> Result<Self, ApiBuildError> {
        Ok(Self { client: ApiClient::new(settings)? })
    }

    /// Replaces the rules for outbound connections. Running calls keep theirs.
    ///
    /// # Errors
    /// The invalid rule; nothing is changed then.
    pub fn set_outbound(&self, outbound: &Outbound) -> Result<(), ApiBuildError> {
        Ok(self.client.http.replace(outbound)?)
    }

    /// Calls a model. Resolves at the first event of a streamed reply, or at the end of a complete one.
    ///
    /// # Errors
    /// Any error until then. A later error is the last event of the reply.
    pub async fn chat(
        &self,
        credential: &Credential,
        request: Arc<Request>,
        params: ModelParams<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        check_model(params.model)?;
        match &request.raw_fields {
            Some(fields) => {
                let rewritten = request_rewrite::chat(fields, &request, params);
                self.passthrough(credential, request, rewritten).await
            }
            None => self.translate(credential, request, params).await.map(UpstreamResponse::Events),
        }
    }

    async fn passthrough(
        &self,
        credential: &Credential,
        request: Arc<Request>,
        rewritten: RewrittenBody,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let response = self.client.post(credential, &self.client.chat, rewritten.body).await?;
        if !request.stream {
            return response.complete_chat().await.map(UpstreamResponse::Complete);
        }
        let deadline = response.first_byte;
        let reader = response.into_reader().await?;
        let observer = UsageObserver::for_prompt(text_bytes(&request));
        drop(request);
        let relay = Passthrough::new(reader, credential.secret.clone(), rewritten.drop_usage, observer);
        relay.wait_for_first_event(deadline).await.map(|relay| UpstreamResponse::Passthrough(Box::new(relay)))
    }

    async fn translate(
        &self,
        credential: &Credential,
        request: Arc<Request>,
        params: ModelParams<'_>,
    ) -> Result<EventReply, UpstreamError> {
        let body = encode_offloaded(&request, params).await;
        let response: ResponseHead<'_> = self.client.post(credential, &self.client.chat, body.into()).await?;
        let deadline = response.first_byte;
        let streamed = request.stream;
        let decoder = ChunkDecoder::for_prompt(text_bytes(&request), &request.stop);
        drop(request);
        let stream = if streamed {
            EventStream::from_stream(response.into_reader().await?, credential.secret.clone(), decoder)
        } else {
            EventStream::from_complete(
                &response.complete_chat().await?.body,
                credential.secret.clone(),
                decoder,
            )?
        };
        let stream = stream.wait_for_first_event(deadline).await?;
        let served_model = stream.model().map(str::to_owned);
        Ok(EventReply { served_model, events: Box::pin(stream), follow_up: FollowUpCall::default() })
    }

    /// Requests embeddings, with the client's body and the model's id in it.
    ///
    /// # Errors
    /// Any error of an upstream call.
    pub async fn embeddings(
        &self,
        credential: &Credential,
        original: &Bytes,
        model: &str,
    ) -> Result<CompleteResponse, UpstreamError> {
        check_model(model)?;
        let body = request_rewrite::embeddings(original, model).await?;
        self.client.post(credential, &self.client.embeddings, body).await?.embeddings().await
    }

    /// Checks that a key is valid.
    ///
    /// # Errors
    /// [`UpstreamErrorKind::LoginRequired`] if it is not, or any error of an upstream call.
    pub async fn check(&self, credential: &Credential) -> Result<(), UpstreamError> {
        self.client.get(Some(credential), &self.client.models).await.map(|_| ())
    }

    /// Fetches the spend and the budget of a key.
    ///
    /// # Errors
    /// Any error of an upstream call.
    pub async fn quota(&self, credential: &Credential) -> Result<Quota, UpstreamError> {
        let first = self.client.get(Some(credential), &self.client.key_info).await;
        let info = match first {
            Err(failure) if failure.status == Some(404) => {
                self.client.get(Some(credential), &self.client.key_info_v1).await
            }
            other => other,
        };
        info.map(|info| key_info::parse_quota(&info))
    }

    /// Fetches the model catalog. No key is sent.
    ///
    /// # Errors
    /// Neither of the two lists can be fetched.
    pub async fn fetch_catalog(&self, now: SystemTime) -> Result<ModelCatalog, UpstreamError> {
        let (models, infos) = tokio::join!(
            self.client.get(None, &self.client.public_models),
            self.client.get(None, &self.client.public_info)
        );
        match (models, infos) {
            (Err(failure), Err(_)) => Err(failure),
            (models, infos) => {
                let catalogue = ModelCatalog::from_lists(models.ok().as_ref(), infos.ok().as_ref(), now);
                let empty =
                    || UpstreamError::new(UpstreamErrorKind::BadResponse, "the catalogue holds no model");
                if catalogue.is_empty() { Err(empty()) } else { Ok(catalogue) }
            }
        }
    }

    /// Checks that the host can be reached, with any response. Returns the time of its `Date` header. No key is sent.
    ///
    /// # Errors
    /// The error of a call without a response.
    pub async fn probe(&self) -> Result<Option<SystemTime>, UpstreamError> {
        self.client.probe().await
    }
}

async fn encode_offloaded(request: &Arc<Request>, params: ModelParams<'_>) -> Vec<u8> {
    let (request, model, ModelParams { max_tokens, supports_reasoning: reasons, .. }) =
        (Arc::clone(request), params.model.to_owned(), params);
    offload_if_large(total_bytes(&request), move || {
        encode::encode(&request, ModelParams { model: &model, max_tokens, supports_reasoning: reasons })
    })
    .await
}
