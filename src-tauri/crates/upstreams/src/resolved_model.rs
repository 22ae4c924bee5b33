//! A model's name as the upstreams know it.

use std::sync::Arc;

use super::api_key::{ModelCatalog, ModelInfo};
use super::model_registry::ModelSettings;
use super::upstream_id::{Capability, UpstreamId, UpstreamSet};

/// Query for a model at an upstream.
#[derive(Debug, Clone, Copy)]
pub struct ModelQuery<'a> {
    /// The name, once aliases are applied.
    pub name: &'a str,
    pub settings: &'a ModelSettings,
    pub catalog: &'a ModelCatalog,
    /// Whether a model whose name differs only in its date is accepted as well.
    pub match_dated_names: bool,
}

/// A model at one upstream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UpstreamModel {
    pub id: String,
    /// Whether the upstream lists the model; `None` as long as it has no list.
    pub is_listed: Option<bool>,
    /// Scope of an account's limit on the model.
    pub scope: String,
    /// Metadata from the catalog, for abilities and prices.
    pub info: Option<Arc<ModelInfo>>,
    /// `max_tokens` for requests without one.
    pub max_tokens: Option<u64>,
}

/// A model with its ids at the upstreams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResolvedModel {
    /// The name, once aliases are applied.
    pub name: String,
    /// The model at each upstream.
    pub models: Vec<(UpstreamId, UpstreamModel)>,
    /// Metadata from the catalog.
    pub info: Option<Arc<ModelInfo>>,
}

impl ResolvedModel {
    /// Returns the upstreams that can serve the model: those that list it or have no list, or all if none
    /// lists it.
    pub fn serving_upstreams(&self) -> UpstreamSet {
        if self.info.as_ref().is_some_and(|info| info.embeds) {
            return self.upstreams_with(Capability::Embeddings);
        }
        let is_listed_anywhere = self.models.iter().any(|(_, model)| model.is_listed == Some(true));
        let serving =
            self.models.iter().filter(|(_, model)| model.is_listed != Some(false) || !is_listed_anywhere);
        serving.map(|(upstream, _)| *upstream).collect()
    }

    /// Returns all upstreams.
    pub fn upstreams(&self) -> UpstreamSet {
        self.models.iter().map(|(upstream, _)| *upstream).collect()
    }

    /// The upstreams with a capability.
    pub fn upstreams_with(&self, capability: Capability) -> UpstreamSet {
        let upstreams = self.models.iter().map(|(upstream, _)| *upstream);
        upstreams.filter(|upstream| upstream.can(capability)).collect()
    }

    /// The model at an upstream.
    pub fn at(&self, upstream: UpstreamId) -> Option<&UpstreamModel> {
        self.models.iter().find(|(id, _)| *id == upstream).map(|(_, model)| model)
    }

    /// The model's id at an upstream.
    pub fn id_at(&self, upstream: UpstreamId) -> &str {
        self.at(upstream).map_or(&self.name, |model| &model.id)
    }

    /// The scope of an account's limit on the model at an upstream.
    pub fn scope_at(&self, upstream: UpstreamId) -> &str {
        self.at(upstream).map_or(&self.name, |model| &model.scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api_key, web_session};

    fn serving(in_web: bool, in_api: Option<bool>, embeds: bool) -> Vec<&'static str> {
        let listed = |is_listed| UpstreamModel { is_listed, ..UpstreamModel::default() };
        let models = [(web_session::ID, listed(Some(in_web))), (api_key::ID, listed(in_api))].into();
        let info = embeds.then(|| Arc::new(ModelInfo { embeds, ..ModelInfo::default() }));
        let model = ResolvedModel { models, info, ..ResolvedModel::default() };
        model.serving_upstreams().into_iter().map(|upstream| upstream.name).collect()
    }

    #[test]
    fn who_can_serve_a_model() {
        assert_eq!(serving(true, Some(true), false), ["api", "web"]);
        assert_eq!(serving(true, Some(false), false), ["web"]);
        assert_eq!(serving(true, Some(true), true), ["api"]);
        assert_eq!(serving(false, Some(true), false), ["api"]);
    }

    #[test]
    fn known_models_go_to_their_upstreams_and_unknown_ones_to_all() {
        assert_eq!(serving(false, Some(false), false), ["api", "web"]);
        assert_eq!(serving(true, None, false), ["api", "web"]);
        assert_eq!(serving(false, None, false), ["api", "web"]);
    }
}
