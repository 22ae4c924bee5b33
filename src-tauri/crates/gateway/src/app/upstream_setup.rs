//! Builds the web and API upstreams and the model registry from the configuration.

use super::StartError;
use crate::management;
use mock_upstream::MockUpstream;
use storage::config::{Config, SiteOverrides};
use upstreams::api_key::{self, ApiUpstream, CatalogCache};
use upstreams::web_session::SiteProtocol;
use upstreams::{ModelRegistry, ModelSettings, UPSTREAMS};

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

/// The client of the official API, or of the mock upstream.
pub(super) fn build_api(
    config: &Config,
    simulator: Option<&MockUpstream>,
) -> Result<ApiUpstream, StartError> {
    let base = match simulator {
        Some(simulator) => {
            url::Url::parse(&simulator.base_url()).expect("the simulator's own address is a URL")
        }
        None => config.api_url.clone(),
    };
    let settings = api_key::ApiSettings {
        base,
        connect_timeout: config.connect,
        first_byte_timeout: config.first_byte,
        idle_timeout: config.idle,
        outbound: management::outbound(&config.outbound()),
        ..api_key::ApiSettings::default()
    };
    ApiUpstream::new(settings).map_err(|error| match error {
        api_key::ApiBuildError::Client => StartError::HttpClient(error.to_string()),
        api_key::ApiBuildError::Base | api_key::ApiBuildError::Roots => {
            StartError::Settings(error.to_string())
        }
    })
}

/// The built-in site protocol with the user's overrides.
pub(super) fn site_protocol(overrides: &SiteOverrides) -> SiteProtocol {
    let SiteOverrides {
        request_shape,
        cookie_name,
        chat_path,
        upload_path,
        user_path,
        recent_usage_path,
        current_usage_path,
        model_field,
        preprompt_field,
        messages_field,
        window_cents,
        plan_factors,
    } = overrides.clone();
    let mut protocol = SiteProtocol::default();
    protocol.plan_factors.extend(plan_factors);
    SiteProtocol {
        name: request_shape.unwrap_or(protocol.name),
        cookie: cookie_name.unwrap_or(protocol.cookie),
        chat_path: chat_path.unwrap_or(protocol.chat_path),
        upload_path: upload_path.unwrap_or(protocol.upload_path),
        user_path: user_path.unwrap_or(protocol.user_path),
        recent_usage_path: recent_usage_path.unwrap_or(protocol.recent_usage_path),
        current_usage_path: current_usage_path.unwrap_or(protocol.current_usage_path),
        model_field: model_field.unwrap_or(protocol.model_field),
        preprompt_field: preprompt_field.unwrap_or(protocol.preprompt_field),
        messages_field: messages_field.unwrap_or(protocol.messages_field),
        window_cents: window_cents.unwrap_or(protocol.window_cents),
        ..protocol
    }
}
