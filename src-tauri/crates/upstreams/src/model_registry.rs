//! Registry of model names: resolves a client's name to the ids of the upstreams, and says which of them have the model.
//!
//! The user's aliases come first: exact ones, then those that end in `*`, the longest first. The web upstream has a table
//! of names, the official API its catalog. A name that neither has is passed on unchanged.

pub(crate) mod dated_names;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::RwLock;
use protocol::MAX_MODEL_NAME_CHARACTERS;

use super::UPSTREAMS;
use super::api_key::{CatalogCache, ModelCatalog};
use super::resolved_model::{ModelQuery, ResolvedModel, UpstreamModel};
use super::upstream_id::{Capability, UpstreamId};
use super::web_session::models::family;

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
#[derive(Debug, Clone)]
pub struct ModelRegistry {
    upstreams: Arc<[UpstreamId]>,
    settings: Arc<RwLock<Arc<ModelSettings>>>,
    catalog: CatalogCache,
}

/// An entry of the model list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedModel {
    pub name: String,
    pub owner: String,
    pub alias_of: Option<String>,
    pub model: ResolvedModel,
}

impl Default for ModelRegistry {
    fn default() -> Self {
        Self::new(ModelSettings::default(), CatalogCache::default(), UPSTREAMS)
    }
}

impl ModelRegistry {
    pub fn new(settings: ModelSettings, catalog: CatalogCache, upstreams: &[UpstreamId]) -> Self {
        Self { upstreams: upstreams.into(), settings: Arc::new(RwLock::new(Arc::new(settings))), catalog }
    }

    /// The cache of the catalog.
    pub fn catalog(&self) -> &CatalogCache {
        &self.catalog
    }

    /// Changes the settings for all later requests.
    pub fn update_settings(&self, with: impl FnOnce(&mut ModelSettings)) {
        let mut settings = self.settings.write();
        with(Arc::make_mut(&mut settings));
    }

    /// Resolves a name.
    pub fn resolve(&self, name: &str) -> ResolvedModel {
        self.resolve_by(&self.settings(), &self.catalog.latest(), name)
    }

    /// Whether the name is an alias, or an upstream lists it.
    pub fn knows(&self, name: &str) -> bool {
        let catalog = self.catalog.latest();
        self.settings().aliases.contains_key(name) || self.names(&catalog).any(|known| known == name)
    }

    /// Returns all names: aliases, then those of each upstream.
    pub fn listed(&self) -> Vec<ListedModel> {
        let (settings, catalog) = (self.settings(), self.catalog.latest());
        let aliases = settings.aliases.keys().filter(|name| !name.ends_with('*')).map(String::as_str);
        let mut seen = BTreeSet::new();
        let listed = self.names(&catalog).filter(|name| !settings.aliases.contains_key(*name));
        let listed = listed.filter(|name| seen.insert(*name));
        aliases.chain(listed).map(|name| self.list(&settings, &catalog, name)).collect()
    }

    /// Finds an entry of the model list.
    pub fn find(&self, name: &str) -> Option<ListedModel> {
        self.knows(name).then(|| self.list(&self.settings(), &self.catalog.latest(), name))
    }

    fn names<'a>(&'a self, catalog: &'a ModelCatalog) -> impl Iterator<Item = &'a str> {
        self.upstreams.iter().flat_map(|upstream| (upstream.model_names)(catalog))
    }

    fn list(&self, settings: &ModelSettings, catalog: &ModelCatalog, name: &str) -> ListedModel {
        let model = self.resolve_by(settings, catalog, name);
        let owner = model.info.as_ref().map(|info| info.owner.clone()).filter(|owner| !owner.is_empty());
        ListedModel {
            name: name.to_owned(),
            owner: owner.unwrap_or_else(|| family(&model.name).to_owned()),
            alias_of: settings.aliases.get(name).cloned(),
            model,
        }
    }

    fn resolve_by(&self, settings: &ModelSettings, catalog: &ModelCatalog, name: &str) -> ResolvedModel {
        let name = resolve_alias(&settings.aliases, name);
        let find = |match_dated_names| {
            let query = ModelQuery { name, settings, catalog, match_dated_names };
            self.upstreams.iter().map(|upstream| (*upstream, (upstream.find_model)(&query))).collect()
        };
        let mut models: Vec<(UpstreamId, UpstreamModel)> = find(false);
        let is_listed = models.iter().any(|(_, model)| model.is_listed == Some(true));
        if settings.match_dated_names && !is_listed {
            models = find(true);
        }
        let in_catalog = models.iter().find(|(upstream, _)| upstream.can(Capability::Catalog));
        let info = in_catalog.and_then(|(_, model)| model.info.clone());
        ResolvedModel { name: name.to_owned(), models, info }
    }

    /// The aliases and their targets.
    pub fn aliases(&self) -> BTreeMap<String, String> {
        self.settings().aliases.clone()
    }

    fn settings(&self) -> Arc<ModelSettings> {
        Arc::clone(&self.settings.read())
    }
}

/// Resolves an alias; aliases of aliases are not followed. The beginnings of the name are looked up, from the longest on,
/// so that many aliases cost no more than few.
fn resolve_alias<'a>(aliases: &'a BTreeMap<String, String>, name: &'a str) -> &'a str {
    if aliases.is_empty() {
        return name;
    }
    if let Some(target) = aliases.get(name) {
        return target;
    }
    let ends = name.char_indices().map(|(index, _)| index).chain([name.len()]);
    let ends: Vec<usize> = ends.take(MAX_MODEL_NAME_CHARACTERS).collect();
    let mut pattern = name.to_owned();
    let target = ends.into_iter().rev().find_map(|end| {
        pattern.truncate(end);
        pattern.push('*');
        aliases.get(&pattern)
    });
    target.map_or(name, String::as_str)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;
    use crate::{api_key, web_session};

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
            UPSTREAMS,
        )
    }

    fn ids(names: &ModelRegistry, name: &str) -> (String, String) {
        let model = names.resolve(name);
        (model.id_at(web_session::ID).to_owned(), model.id_at(api_key::ID).to_owned())
    }

    #[test]
    fn a_web_id_has_the_price_of_the_apis_counterpart() {
        let names = names(&[], false, &["gpt-4.1", "grok-4", "claude-sonnet-4", "openai-odd"]);
        let owner = |name: &str| names.resolve(name).at(web_session::ID).unwrap().info.is_some();
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
            ("é*", "m"),
        ];
        let names = names(&aliases, false, &["gpt-5", "m"]);
        assert_eq!(names.resolve("fast").scope_at(web_session::ID), "openai-gpt-4o-mini");
        assert_eq!(ids(&names, "claude-opus"), ("openai-gpt-5".into(), "gpt-5".into()));
        assert_eq!(names.resolve("claude-haiku-4").id_at(web_session::ID), "xai-grok-4-0709");
        assert_eq!(names.resolve("claude-x").id_at(api_key::ID), "m");
        assert_eq!(names.resolve("somebody-new").id_at(api_key::ID), "somebody-new");
        for name in ["é", "éé", &"é".repeat(300)] {
            assert_eq!(names.resolve(name).id_at(api_key::ID), "m", "{name}");
        }
        names.update_settings(|wishes| drop(wishes.aliases.remove("claude-x")));
        assert_eq!(names.resolve("claude-x").id_at(api_key::ID), "gpt-5");
    }

    #[test]
    fn who_has_a_model_is_known_once_there_is_a_catalogue() {
        let names = names(&[], false, &["gpt-5", "only-there"]);
        let knows = |name: &str| {
            let model = names.resolve(name);
            (model.at(web_session::ID).unwrap().is_listed, model.at(api_key::ID).unwrap().is_listed)
        };
        assert_eq!(knows("gpt-5"), (Some(true), Some(true)));
        assert_eq!(knows("openai-gpt-5"), (Some(true), Some(false)));
        assert_eq!(knows("only-there"), (Some(false), Some(true)));
        assert_eq!(knows("nowhere"), (Some(false), Some(false)));
        assert_eq!(ModelRegistry::default().resolve("only-there").at(api_key::ID).unwrap().is_listed, None);
    }

    #[test]
    fn dated_names_go_to_the_nearest_only_if_the_user_wants_that() {
        let ids = ["claude-sonnet-4-5", "gpt-4.1-2025-04-14"];
        let wanted = names(&[], true, &ids);
        assert_eq!(wanted.resolve("claude-sonnet-4-5-20250929").id_at(api_key::ID), "claude-sonnet-4-5");
        assert_eq!(wanted.resolve("gpt-4.1-latest").id_at(api_key::ID), "gpt-4.1-2025-04-14");
        assert_eq!(
            wanted.resolve("claude-sonnet-4-20990101").id_at(web_session::ID),
            "anthropic-claude-4-2025-05-14"
        );
        let exact = names(&[], false, &ids);
        assert_eq!(
            exact.resolve("claude-sonnet-4-5-20250929").id_at(api_key::ID),
            "claude-sonnet-4-5-20250929"
        );
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
