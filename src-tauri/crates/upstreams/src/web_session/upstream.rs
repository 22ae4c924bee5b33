//! The website as an upstream.

use std::sync::Arc;
use std::time::SystemTime;

use super::super::upstream::{BuildSettings, CompletionCall, Upstream, UpstreamBuildError, UpstreamFuture};
use super::super::{
    Capability, Credential, CredentialKind, HttpSettings, Identity, Outbound, ProxyServer, Quota, UpstreamId,
    UpstreamInfo, UpstreamResponse,
};
use super::{SiteProtocol, WebBuildError, WebOptions, WebSettings, WebUpstream, models};
use storage::config::{Config, WEB_HOST};

/// The upstream's fixed properties.
pub const ID: UpstreamId = UpstreamId::new(&UpstreamInfo {
    name: "web",
    display_name: "Mammouth",
    credential: CredentialKind::Session,
    capabilities: &[Capability::Identity, Capability::ServedModel],
    settings_table: "accounts",
    default_host: WEB_HOST,
    url: |config| &config.web_url,
    credentials: |config| &config.cookies,
    model_names: |_| models::names().collect(),
    find_model: models::find,
    no_account: "only web-session accounts may serve this, and there is none: add one (COOKIES), or change the setting \
                 'prefer'",
    build,
});

fn build(settings: BuildSettings<'_>) -> Result<Arc<dyn Upstream>, UpstreamBuildError> {
    let BuildSettings { config, base } = settings;
    let settings = WebSettings {
        http: HttpSettings::from_config(base.clone(), config),
        options: WebOptions::from(config),
        protocol: SiteProtocol::from(&config.web),
    };
    Ok(Arc::new(WebUpstream::new(settings)?))
}

impl From<WebBuildError> for UpstreamBuildError {
    fn from(error: WebBuildError) -> Self {
        match error {
            WebBuildError::Client => Self::Client(error.to_string()),
            WebBuildError::Base | WebBuildError::Protocol(_) | WebBuildError::Roots => {
                Self::Settings(error.to_string())
            }
        }
    }
}

impl Upstream for WebUpstream {
    fn id(&self) -> UpstreamId {
        ID
    }

    fn start(self: Arc<Self>, call: CompletionCall) -> UpstreamFuture<'static, UpstreamResponse> {
        Box::pin(async move {
            let CompletionCall { credential, request, model, allow_follow_up } = call;
            self.chat(&credential, request, &model.id, allow_follow_up).await.map(UpstreamResponse::Events)
        })
    }

    fn identify<'a>(&'a self, credential: &'a Credential) -> UpstreamFuture<'a, Identity> {
        Box::pin(self.check(credential))
    }

    fn quota<'a>(&'a self, credential: &'a Credential) -> UpstreamFuture<'a, Quota> {
        Box::pin(self.quota(credential))
    }

    fn probe(&self) -> UpstreamFuture<'_, Option<SystemTime>> {
        Box::pin(self.probe())
    }

    fn proxy(&self) -> Option<ProxyServer> {
        self.site.http.get().proxy.clone()
    }

    fn set_outbound(&self, outbound: &Outbound) -> Result<(), UpstreamBuildError> {
        Ok(self.set_outbound(outbound)?)
    }

    fn apply_settings(&self, config: &Config) {
        self.set_options(WebOptions::from(config));
    }

    fn forget(&self, account: &str) {
        self.uploads.remove_account(account);
    }
}
