//! The interface of an upstream to the rest of the program.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use url::Url;

use super::api_key::{CompleteResponse, ModelCatalog};
use super::{
    Credential, Identity, Outbound, ProxyServer, Quota, UpstreamError, UpstreamErrorKind, UpstreamId,
    UpstreamModel, UpstreamResponse,
};
use protocol::Request;
use storage::config::Config;

/// Running call of an upstream.
pub type UpstreamFuture<'a, T> = BoxFuture<'a, Result<T, UpstreamError>>;

/// Client of one upstream. It serves all accounts of the upstream; nothing of one account is used for another. It makes
/// one call for each request, without retries.
pub trait Upstream: Send + Sync {
    fn id(&self) -> UpstreamId;

    /// Starts a reply. Resolves when its first event has arrived, or all of a reply that is not streamed. An error after
    /// that is the last event of the reply.
    fn start(self: Arc<Self>, call: CompletionCall) -> UpstreamFuture<'static, UpstreamResponse>;

    /// Requests embeddings. Implemented where the upstream has [`Capability::Embeddings`](super::Capability::Embeddings).
    fn embed(self: Arc<Self>, call: EmbeddingsCall) -> UpstreamFuture<'static, CompleteResponse> {
        drop(call);
        Box::pin(ready(Err(unsupported("embeddings"))))
    }

    /// Fetches the owner of a credential. Fails with [`UpstreamErrorKind::LoginRequired`] if it is not valid.
    fn identify<'a>(&'a self, credential: &'a Credential) -> UpstreamFuture<'a, Identity>;

    /// Fetches the used quota of an account.
    fn quota<'a>(&'a self, credential: &'a Credential) -> UpstreamFuture<'a, Quota>;

    /// Fetches the catalog of models. Implemented where the upstream has
    /// [`Capability::Catalog`](super::Capability::Catalog).
    fn fetch_catalog(&self, now: SystemTime) -> UpstreamFuture<'_, ModelCatalog> {
        let _ = now;
        Box::pin(ready(Err(unsupported("a catalog of models"))))
    }

    /// Checks that the host can be reached safely, with any response. Returns the host's time of day, if the
    /// response states it. No credential is sent.
    fn probe(&self) -> UpstreamFuture<'_, Option<SystemTime>>;

    /// The outbound proxy for connections to the host.
    fn proxy(&self) -> Option<ProxyServer>;

    /// Replaces the rules for outbound connections. Running calls keep theirs.
    ///
    /// # Errors
    /// The invalid rule; nothing is changed then.
    fn set_outbound(&self, outbound: &Outbound) -> Result<(), UpstreamBuildError>;

    /// Applies the settings that may change while replies run, from the next request on.
    fn apply_settings(&self, config: &Config) {
        let _ = config;
    }

    /// Drops the cached data of an account.
    fn forget(&self, account: &str) {
        let _ = account;
    }
}

/// Request for a reply by one account.
pub struct CompletionCall {
    pub credential: Credential,
    pub request: Arc<Request>,
    pub model: UpstreamModel,
    /// Whether the reply may make one more call, for a tool call or JSON that was not valid.
    pub allow_follow_up: bool,
}

/// Request for embeddings by one account.
pub struct EmbeddingsCall {
    pub credential: Credential,
    /// The request in OpenAI's form, with the client's name of the model.
    pub body: Bytes,
    /// The upstream's id of the model.
    pub model: String,
}

/// Settings from which an upstream's client is built.
#[derive(Debug, Clone, Copy)]
pub struct BuildSettings<'a> {
    pub config: &'a Config,
    /// Address: the configured one, or that of the mock upstream.
    pub base: &'a Url,
}

/// Error of building an upstream's client. The text names the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamBuildError {
    #[error("{0}")]
    Settings(String),
    /// The HTTP client cannot be built; in practice, the system's root certificates are missing.
    #[error("{0}")]
    Client(String),
}

fn unsupported(what: &str) -> UpstreamError {
    UpstreamError::new(UpstreamErrorKind::Rejected, format!("this upstream does not have {what}"))
}
