//! Registry of the upstreams.

use std::sync::Arc;
use std::time::SystemTime;

use url::Url;

use super::api_key::ModelCatalog;
use super::{
    BuildSettings, Capability, Outbound, ProxyServer, Upstream, UpstreamBuildError, UpstreamError,
    UpstreamErrorKind, UpstreamId, api_key, web_session,
};
use storage::config::Config;

/// Every upstream.
pub const UPSTREAMS: &[UpstreamId] = &[web_session::ID, api_key::ID];

/// The names of all upstreams.
pub(super) const UPSTREAM_NAMES: &[&str] = &{
    let mut names = [""; UPSTREAMS.len()];
    let mut index = 0;
    while index < names.len() {
        names[index] = UPSTREAMS[index].name();
        index += 1;
    }
    names
};

/// The clients of the upstreams. Cheap to clone.
#[derive(Clone)]
pub struct Upstreams(Arc<[Arc<dyn Upstream>]>);

impl Upstreams {
    pub fn new(clients: Vec<Arc<dyn Upstream>>) -> Self {
        Self(clients.into())
    }

    /// Builds the client of every upstream. `base` replaces the configured addresses.
    ///
    /// # Errors
    /// The invalid setting.
    pub fn build(config: &Config, base: Option<&Url>) -> Result<Self, UpstreamBuildError> {
        let build = |upstream: &UpstreamId| {
            let base = base.unwrap_or_else(|| (upstream.url)(config));
            (upstream.build)(BuildSettings { config, base })
        };
        UPSTREAMS.iter().map(build).collect::<Result<_, _>>().map(Self)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Upstream>> {
        self.0.iter()
    }

    /// The client of an upstream.
    ///
    /// # Errors
    /// The program was started without this upstream.
    pub fn get(&self, id: UpstreamId) -> Result<&Arc<dyn Upstream>, UpstreamError> {
        let missing = || {
            let detail = format!("this program has no upstream '{}'", id.name);
            UpstreamError::new(UpstreamErrorKind::NoSuchModel, detail)
        };
        self.iter().find(|upstream| upstream.id() == id).ok_or_else(missing)
    }

    /// Fetches the catalog of models from the upstream that publishes it.
    ///
    /// # Errors
    /// The catalog could not be fetched.
    pub async fn fetch_catalog(&self, now: SystemTime) -> Result<ModelCatalog, UpstreamError> {
        let publisher = self.iter().find(|upstream| upstream.id().can(Capability::Catalog));
        let missing =
            || UpstreamError::new(UpstreamErrorKind::NoSuchModel, "no upstream has a catalog of models");
        publisher.ok_or_else(missing)?.fetch_catalog(now).await
    }

    /// The outbound proxy. All upstreams have the same.
    pub fn proxy(&self) -> Option<ProxyServer> {
        self.iter().find_map(|upstream| upstream.proxy())
    }

    /// Replaces the rules for outbound connections of all upstreams.
    ///
    /// # Errors
    /// The invalid rule.
    pub fn set_outbound(&self, outbound: &Outbound) -> Result<(), UpstreamBuildError> {
        self.iter().try_for_each(|upstream| upstream.set_outbound(outbound))
    }

    /// Applies the settings that may change while replies run.
    pub fn apply_settings(&self, config: &Config) {
        self.iter().for_each(|upstream| upstream.apply_settings(config));
    }

    /// Drops the cached data of an account.
    pub fn forget(&self, account: &str) {
        self.iter().for_each(|upstream| upstream.forget(account));
    }
}
