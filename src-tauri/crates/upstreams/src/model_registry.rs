//! Registry of model names: resolves a client's name to the ids of the upstreams, and says which of them have the model.
//!
//! The user's aliases come first: exact ones, then those that end in `*`, the longest first. The web upstream has a table
//! of names, the official API its catalog. A name that neither has is passed on unchanged.

mod dated_names;

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::UPSTREAMS;
use super::api_key::{self, CatalogCache, ModelCatalog, ModelInfo};
use super::upstream::{Capability, UpstreamSet};
use super::web_session::{self, models as web};

/// Settings of model names.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelSettings {
    /// The user's aliases and their targets.
    pub aliases: BTreeMap<String, String>,
    /// Web ids that no plan limits; replaces the built-in list.
    pub unlimited: Option<Vec<String>>,
    /// Whether an unknown dated name is resolved to the nearest known one.
    pub match_dated_names: bool,
    /// Whether requests to the official API without `max_tokens` get the model's maximum.
    pub fill_max_tokens: bool,
}

impl Default for ModelSettings {
    fn default() -> Self {
        Self { aliases: BTreeMap::new(), unlimited: None, match_dated_names: false, fill_max_tokens: true }
    }
}

/// Registry of all names; a handle, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct ModelRegistry {
    settings: Arc<RwLock<Arc<ModelSettings>>>,
    catalog: CatalogCache,
}

/// A model with its ids at the upstreams.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResolvedModel {
    /// Id of the web upstream.
    pub web_id: String,
    /// Scope of a web account's limit on the model.
    pub scope: String,
    /// Id of the official API.
    pub api_id: String,
    /// Whether the web upstream's table has it.
    pub in_web: bool,
    /// Whether the API's catalog has it; `None` before the catalog is loaded.
    pub in_api: Option<bool>,
    /// Metadata from the catalog.
    pub info: Option<ModelInfo>,
    /// Metadata of the API model that corresponds to `web_id`, for the price of a web session's replies.
    pub web_price: Option<ModelInfo>,
    /// `max_tokens` for API requests without one.
    pub max_tokens: Option<u64>,
}

impl ResolvedModel {
    /// The upstreams that can serve the model. A model that no list names may be anywhere.
    pub fn serving_upstreams(&self) -> UpstreamSet {
        if self.info.as_ref().is_some_and(|info| info.embeds) {
            return self.upstreams_with(Capability::Embeddings);
        }
        let (web, api) = (self.in_web, self.in_api);
        let serves = [(web_session::ID, web || api != Some(true)), (api_key::ID, !web || api != Some(false))];
        serves.into_iter().filter(|(_, serves)| *serves).map(|(upstream, _)| upstream).collect()
    }

    /// All upstreams.
    pub fn upstreams(&self) -> UpstreamSet {
        UPSTREAMS.iter().copied().collect()
    }

    /// The upstreams with a capability.
    pub fn upstreams_with(&self, capability: Capability) -> UpstreamSet {
        UPSTREAMS.iter().copied().filter(|upstream| upstream.can(capability)).collect()
    }
}

/// An entry of the model list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedModel {
    pub name: String,
    pub owner: String,
    pub alias_of: Option<String>,
    pub model: ResolvedModel,
}

impl ModelRegistry {
    pub fn new(settings: ModelSettings, catalog: CatalogCache) -> Self {
        Self { settings: Arc::new(RwLock::new(Arc::new(settings))), catalog }
    }

    /// The cache of the catalog.
    pub fn catalog(&self) -> &CatalogCache {
        &self.catalog
    }

    /// Changes the settings for all later requests.
    pub fn update_settings(&self, with: impl FnOnce(&mut ModelSettings)) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        with(Arc::make_mut(&mut settings));
    }

    /// Resolves a name.
    pub fn resolve(&self, name: &str) -> ResolvedModel {
        let (settings, catalogue) = (self.settings(), self.catalog.latest());
        resolve(&settings, &catalogue, resolve_alias(&settings.aliases, name))
    }

    /// Whether the name is an alias or in the table or the catalog.
    pub fn knows(&self, name: &str) -> bool {
        let settings = self.settings();
        settings.aliases.contains_key(name)
            || web::names().any(|known| known == name)
            || self.catalog.latest().get(name).is_some()
    }

    /// All names: aliases, table, catalog.
    pub fn listed(&self) -> Vec<ListedModel> {
        let (settings, catalogue) = (self.settings(), self.catalog.latest());
        let own = settings.aliases.keys().filter(|name| !name.ends_with('*')).cloned();
        let table = web::names().filter(|name| !settings.aliases.contains_key(*name)).map(str::to_owned);
        let known = |id: &str| settings.aliases.contains_key(id) || web::names().any(|name| name == id);
        let rest = catalogue.iter().map(|(id, _)| id.to_owned()).filter(|id| !known(id));
        own.chain(table).chain(rest).map(|name| listed(&settings, &catalogue, &name)).collect()
    }

    /// Finds an entry of the model list.
    pub fn find(&self, name: &str) -> Option<ListedModel> {
        self.knows(name).then(|| listed(&self.settings(), &self.catalog.latest(), name))
    }

    /// The aliases and their targets.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        self.settings().aliases.clone()
    }

    fn settings(&self) -> Arc<ModelSettings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Resolves an alias; aliases of aliases are not followed.
fn resolve_alias<'a>(aliases: &'a BTreeMap<String, String>, name: &'a str) -> &'a str {
    if let Some(target) = aliases.get(name) {
        return target;
    }
    let patterns = aliases.iter().filter_map(|(alias, target)| Some((alias.strip_suffix('*')?, target)));
    let fitting = patterns.filter(|(begin, _)| name.starts_with(begin));
    fitting.max_by_key(|(begin, _)| begin.len()).map_or(name, |(_, target)| target)
}

fn resolve(settings: &ModelSettings, catalogue: &ModelCatalog, name: &str) -> ResolvedModel {
    let mut in_web = web::is_known(name);
    let mut web_name = name;
    let mut api_id = name;
    if settings.match_dated_names && !in_web && catalogue.get(name).is_none() {
        if let Some(near) = dated_names::nearest(name, web::names()) {
            (web_name, in_web) = (near, true);
        }
        api_id = dated_names::nearest(name, catalogue.iter().map(|(id, _)| id)).unwrap_or(name);
    }
    let web_id = web::resolve(web_name);
    let free = match &settings.unlimited {
        Some(list) => list.contains(&web_id),
        None => web::is_unlimited(&web_id),
    };
    let scope = if free { web_id.clone() } else { web::family(&web_id).to_owned() };
    let info = catalogue.get(api_id).cloned();
    let in_api = (!catalogue.is_empty()).then_some(info.is_some());
    let web_price = api_counterpart(catalogue, &web_id).cloned();
    let max_tokens = info.as_ref().and_then(|info| info.max_output).filter(|_| settings.fill_max_tokens);
    ResolvedModel { web_id, scope, api_id: api_id.to_owned(), in_web, in_api, info, web_price, max_tokens }
}

/// The catalog's model for a web id: by the names of the id, by the id without its vendor, or by one that differs only
/// in its date.
fn api_counterpart<'a>(catalogue: &'a ModelCatalog, web_id: &str) -> Option<&'a ModelInfo> {
    let known = web::names_of(web_id).map(String::from);
    let candidates: Vec<String> =
        known.chain([web_id, web::without_maker(web_id)].map(str::to_owned)).collect();
    let ids = || catalogue.iter().map(|(id, _)| id);
    let exact = candidates.iter().find_map(|name| catalogue.get(name));
    exact.or_else(|| candidates.iter().find_map(|name| catalogue.get(dated_names::nearest(name, ids())?)))
}

fn listed(settings: &ModelSettings, catalogue: &ModelCatalog, name: &str) -> ListedModel {
    let model = resolve(settings, catalogue, resolve_alias(&settings.aliases, name));
    let owner = model.info.as_ref().map(|info| info.owner.clone()).filter(|owner| !owner.is_empty());
    ListedModel {
        name: name.to_owned(),
        owner: owner.unwrap_or_else(|| web::family(&model.web_id).to_owned()),
        alias_of: settings.aliases.get(name).cloned(),
        model,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;

    fn names(aliases: &[(&str, &str)], nearest: bool, ids: &[&str]) -> ModelRegistry {
        let aliases = aliases.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
        let cache = CatalogCache::default();
        let list: Vec<_> = ids.iter().map(|id| json!({"id": id, "owned_by": "maker"})).collect();
        cache.publish(Some(ModelCatalog::from_lists(
            Some(&json!({"data": list})),
            None,
            SystemTime::UNIX_EPOCH,
        )));
        ModelRegistry::new(
            ModelSettings { aliases, match_dated_names: nearest, ..ModelSettings::default() },
            cache,
        )
    }

    fn ids(names: &ModelRegistry, name: &str) -> (String, String) {
        let model = names.resolve(name);
        (model.web_id, model.api_id)
    }

    fn serving(in_web: bool, in_api: Option<bool>, embeds: bool) -> Vec<&'static str> {
        let info = embeds.then(|| ModelInfo { embeds, ..ModelInfo::default() });
        let model = ResolvedModel { in_web, in_api, info, ..ResolvedModel::default() };
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

    #[test]
    fn a_web_id_has_the_price_of_the_apis_counterpart() {
        let names = names(&[], false, &["gpt-4.1", "grok-4", "claude-sonnet-4", "openai-odd"]);
        let owner = |name: &str| names.resolve(name).web_price.is_some();
        for name in ["openai-gpt-4.1", "gpt-4.1", "xai-grok-4-0709", "claude-sonnet-4-20250514", "openai-odd"]
        {
            assert!(owner(name), "{name}");
        }
        assert!(!owner("openai-gpt-5") && !owner("somebody-new"));
    }

    #[test]
    fn the_users_own_names_come_first_and_the_longest_pattern_wins() {
        let aliases = [
            ("fast", "openai-gpt-4o-mini"),
            ("claude-*", "gpt-5"),
            ("claude-haiku-*", "grok-4"),
            ("claude-x", "m"),
        ];
        let names = names(&aliases, false, &["gpt-5", "m"]);
        assert_eq!(names.resolve("fast").scope, "openai-gpt-4o-mini");
        assert_eq!(ids(&names, "claude-opus"), ("openai-gpt-5".into(), "gpt-5".into()));
        assert_eq!(names.resolve("claude-haiku-4").web_id, "xai-grok-4-0709");
        assert_eq!(names.resolve("claude-x").api_id, "m");
        assert_eq!(names.resolve("somebody-new").api_id, "somebody-new");
        names.update_settings(|wishes| drop(wishes.aliases.remove("claude-x")));
        assert_eq!(names.resolve("claude-x").api_id, "gpt-5");
    }

    #[test]
    fn who_has_a_model_is_known_once_there_is_a_catalogue() {
        let names = names(&[], false, &["gpt-5", "only-there"]);
        let knows = |name: &str| {
            let model = names.resolve(name);
            (model.in_web, model.in_api)
        };
        assert_eq!(knows("gpt-5"), (true, Some(true)));
        assert_eq!(knows("openai-gpt-5"), (true, Some(false)));
        assert_eq!(knows("only-there"), (false, Some(true)));
        assert_eq!(knows("nowhere"), (false, Some(false)));
        assert_eq!(ModelRegistry::default().resolve("only-there").in_api, None);
    }

    #[test]
    fn dated_names_go_to_the_nearest_only_if_the_user_wants_that() {
        let ids = ["claude-sonnet-4-5", "gpt-4.1-2025-04-14"];
        let wanted = names(&[], true, &ids);
        assert_eq!(wanted.resolve("claude-sonnet-4-5-20250929").api_id, "claude-sonnet-4-5");
        assert_eq!(wanted.resolve("gpt-4.1-latest").api_id, "gpt-4.1-2025-04-14");
        assert_eq!(wanted.resolve("claude-sonnet-4-20990101").web_id, "anthropic-claude-4-2025-05-14");
        let exact = names(&[], false, &ids);
        assert_eq!(exact.resolve("claude-sonnet-4-5-20250929").api_id, "claude-sonnet-4-5-20250929");
    }

    #[test]
    fn the_list_contains_every_name_once() {
        let names = names(
            &[("gpt-4.1", "grok-4"), ("mine", "gpt-5"), ("x-*", "gpt-5")],
            false,
            &["gpt-5", "only-there"],
        );
        let listed = names.listed();
        let count = |name: &str| listed.iter().filter(|listed| listed.name == name).count();
        assert_eq!(
            ["gpt-4.1", "mine", "gpt-5", "only-there", "grok-3", "x-*"].map(count),
            [1, 1, 1, 1, 1, 0]
        );
        let mine = names.find("mine").unwrap();
        assert_eq!((mine.alias_of.as_deref(), mine.owner.as_str()), (Some("gpt-5"), "maker"));
        assert_eq!(names.find("nothing"), None);
    }
}
