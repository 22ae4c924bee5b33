//! Builds the upstreams and the model registry from the configuration.

use super::StartError;
use mock_upstream::MockUpstream;
use storage::config::Config;
use upstreams::api_key::CatalogCache;
use upstreams::{ModelRegistry, ModelSettings, UPSTREAMS, UpstreamBuildError, Upstreams};

/// The model registry with the user's aliases and settings.
pub(super) fn build_model_registry(config: &Config, catalog: CatalogCache) -> ModelRegistry {
    let settings = ModelSettings {
        aliases: config.aliases.iter().cloned().collect(),
        unlimited: config.unlimited_models.clone(),
        match_dated_names: config.nearest_models,
        fill_max_tokens: config.fill_max_tokens,
    };
    ModelRegistry::new(settings, catalog, UPSTREAMS)
}

/// The clients of all upstreams, or of the mock upstream in their place.
pub(super) fn build_upstreams(
    config: &Config,
    simulator: Option<&MockUpstream>,
) -> Result<Upstreams, StartError> {
    let base = simulator.map(|simulator| {
        url::Url::parse(&simulator.base_url()).expect("the simulator's own address is a URL")
    });
    Upstreams::build(config, base.as_ref()).map_err(|error| match error {
        UpstreamBuildError::Client(text) => StartError::HttpClient(text),
        UpstreamBuildError::Settings(text) => StartError::Settings(text),
    })
}
