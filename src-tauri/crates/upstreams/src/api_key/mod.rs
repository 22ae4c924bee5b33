//! api.mammouth.ai by an API key: chat completions and embeddings in OpenAI's form, behind a LiteLLM proxy.
//!
//! A request that came as a chat completion is relayed: its bytes go on but for a few fields, and the bytes of the answer
//! come back as they are, only observed. Any other request is translated both ways. Beside that the room reads the
//! catalogue of models and the budget of a key. Every fact about the host stands here; it retries nothing.

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
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use url::Url;

use self::client::{ApiClient, ResponseHead};
use self::decode::ChunkDecoder;
use self::event_stream::EventStream;
use self::usage_observer::UsageObserver;
use super::transport::client::ClientError;
use super::transport::offload::offload_if_large;
use super::transport::outbound::Outbound;
use super::transport::prompt_tokens::{text_bytes, total_bytes};
use super::{
    Credential, EventReply, FollowUpCall, Quota, UpstreamError, UpstreamErrorKind, UpstreamResponse,
    check_model,
};
use protocol::Request;

/// How the host is reached and how long we are patient with it.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// `https` anywhere, `http` to this machine only.
    pub base: Url,
    /// Looking the name up, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// From sending a request to the first event of its answer.
    pub first_byte_timeout: Duration,
    /// Between two pieces of an answer.
    pub idle_timeout: Duration,
    /// A streamed reply is cut with a failure above this size.
    pub max_reply_bytes: u64,
    /// The proxy and the extra certificates.
    pub outbound: Outbound,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            base: Url::parse("https://api.mammouth.ai").expect("a constant URL"),
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(120),
            max_reply_bytes: 1024 * 1024 * 1024,
            outbound: Outbound::default(),
        }
    }
}

/// Why [`ApiUpstream::new`] refused its settings.
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
            ClientError::Roots => Self::Roots,
            ClientError::Client => Self::Client,
        }
    }
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy)]
pub struct ModelParams<'a> {
    /// The id in the catalogue, or whatever the client named.
    pub model: &'a str,
    /// Sent as `max_tokens` where the client named none.
    pub max_tokens: Option<u64>,
    /// Whether the model takes `reasoning_effort`, as far as the catalogue says.
    pub supports_reasoning: Option<bool>,
}

/// The official upstream. One of it serves all keys; nothing of one is used for another.
pub struct ApiUpstream {
    client: ApiClient,
}

impl ApiUpstream {
    /// Checks the settings and builds the client. Nothing is connected to yet.
    ///
    /// # Errors
    /// What in the settings cannot work.
    pub fn new(settings: ApiSettings) -> Result<Self, ApiBuildError> {
        Ok(Self { client: ApiClient::new(settings)? })
    }

    /// Replaces the rules for outbound connections. Running calls go on as they began.
    ///
    /// # Errors
    /// What in the rules cannot work; nothing is changed then.
    pub fn set_outbound(&self, outbound: &Outbound) -> Result<(), ApiBuildError> {
        Ok(self.client.http.replace(outbound)?)
    }

    /// Asks a model. Resolves when the first event of the reply is there, or the whole of one that is not streamed.
    ///
    /// # Errors
    /// All that can happen before that; what happens after it is the last event of the reply.
    pub async fn chat(
        &self,
        credential: &Credential,
        request: Arc<Request>,
        params: ModelParams<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        check_model(params.model)?;
        match request.raw_body.clone() {
            Some(body) => self.passthrough(credential, request, &body, params).await,
            None => self.translate(credential, request, params).await.map(UpstreamResponse::Events),
        }
    }

    async fn passthrough(
        &self,
        credential: &Credential,
        request: Arc<Request>,
        body: &Bytes,
        params: ModelParams<'_>,
    ) -> Result<UpstreamResponse, UpstreamError> {
        let rewritten = request_rewrite::chat(body, &request, params).await?;
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

    /// Asks for embeddings: the client's bytes with the model's id in them.
    ///
    /// # Errors
    /// All that can happen.
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

    /// Asks whether a key is valid.
    ///
    /// # Errors
    /// [`UpstreamErrorKind::LoginRequired`] if it is not, and what can happen to any call.
    pub async fn check(&self, credential: &Credential) -> Result<(), UpstreamError> {
        self.client.get(Some(credential), &self.client.models).await.map(|_| ())
    }

    /// Asks what a key has spent and may spend.
    ///
    /// # Errors
    /// What can happen to any call.
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

    /// Fetches the catalogue of models; no key is sent.
    ///
    /// # Errors
    /// If neither of the two lists can be had.
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

    /// Asks whether the host can be reached safely, whatever it answers; gives its time of day where it tells it. No key
    /// is sent.
    ///
    /// # Errors
    /// Why no answer came.
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
