//! The official API as an upstream.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::upstream::{
    BuildSettings, CompletionCall, EmbeddingsCall, Upstream, UpstreamBuildError, UpstreamFuture,
};
use super::super::{
    Capability, Credential, CredentialKind, HttpSettings, Identity, Outbound, ProxyServer, Quota, UpstreamId,
    UpstreamInfo, UpstreamResponse,
};
use super::{ApiBuildError, ApiUpstream, CompleteResponse, ModelCatalog, ModelParams, models};
use storage::config::API_HOST;

/// The upstream's fixed properties.
pub const ID: UpstreamId = UpstreamId::new(&UpstreamInfo {
    name: "api",
    display_name: "Mammouth API",
    credential: CredentialKind::ApiKey,
    capabilities: &[Capability::ApiParams, Capability::Embeddings, Capability::Catalog, Capability::Billing],
    settings_table: "api_accounts",
    default_host: API_HOST,
    url: |config| &config.api_url,
    credentials: |config| &config.api_keys,
    model_names: |catalog| catalog.iter().map(|(id, _)| id).collect(),
    find_model: models::find,
    no_account: "this needs an account with an official API key, and there is none that may be used: set API_KEYS, or add \
                 one with 'mammouth-proxy accounts add'; the setting 'prefer' must not be only-web",
    build,
});

fn build(settings: BuildSettings<'_>) -> Result<Arc<dyn Upstream>, UpstreamBuildError> {
    let BuildSettings { config, base } = settings;
    Ok(Arc::new(ApiUpstream::new(HttpSettings::from_config(base.clone(), config))?))
}

impl From<ApiBuildError> for UpstreamBuildError {
    fn from(error: ApiBuildError) -> Self {
        match error {
            ApiBuildError::Client => Self::Client(error.to_string()),
            ApiBuildError::Base | ApiBuildError::Roots => Self::Settings(error.to_string()),
        }
    }
}

impl Upstream for ApiUpstream {
    fn id(&self) -> UpstreamId {
        ID
    }

    fn start(self: Arc<Self>, call: CompletionCall) -> UpstreamFuture<'static, UpstreamResponse> {
        Box::pin(async move {
            let CompletionCall { credential, request, model, .. } = call;
            let params = ModelParams {
                model: &model.id,
                max_tokens: model.max_tokens,
                supports_reasoning: model.info.as_ref().and_then(|info| info.reasoning),
            };
            self.chat(&credential, request, params).await
        })
    }

    fn embed(self: Arc<Self>, call: EmbeddingsCall) -> UpstreamFuture<'static, CompleteResponse> {
        Box::pin(async move { self.embeddings(&call.credential, &call.body, &call.model).await })
    }

    /// A key is valid if the host lists its models. The host does not name its owner.
    fn identify<'a>(&'a self, credential: &'a Credential) -> UpstreamFuture<'a, Identity> {
        Box::pin(async move { self.check(credential).await.map(|()| Identity::default()) })
    }

    fn quota<'a>(&'a self, credential: &'a Credential) -> UpstreamFuture<'a, Quota> {
        Box::pin(self.quota(credential))
    }

    fn fetch_catalog(&self, now: SystemTime) -> UpstreamFuture<'_, ModelCatalog> {
        Box::pin(self.fetch_catalog(now))
    }

    fn probe(&self) -> UpstreamFuture<'_, Option<SystemTime>> {
        Box::pin(self.probe())
    }

    fn proxy(&self) -> Option<ProxyServer> {
        self.client.http.get().proxy.clone()
    }

    fn set_outbound(&self, outbound: &Outbound) -> Result<(), UpstreamBuildError> {
        Ok(self.set_outbound(outbound)?)
    }
}
