//! Which models can be asked for, by which names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::upstreams::web::models as web;

/// The model table with the user's own names. A cheap handle.
#[derive(Debug, Clone, Default)]
pub struct Models {
    settings: Arc<Settings>,
}

#[derive(Debug, Default)]
struct Settings {
    aliases: BTreeMap<String, String>,
    unlimited: Option<Vec<String>>,
}

/// A model as an upstream knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Model {
    /// The platform's id.
    pub(super) id: String,
    /// What a limit on it applies to.
    pub(super) scope: String,
}

impl Models {
    /// `aliases` are the user's names with what they stand for; `unlimited` replaces the built-in list of platform ids
    /// that no plan limits.
    pub fn new(aliases: Vec<(String, String)>, unlimited: Option<Vec<String>>) -> Self {
        let aliases = aliases.into_iter().collect();
        Self { settings: Arc::new(Settings { aliases, unlimited }) }
    }

    /// The model behind a name; a name that nobody knows is passed on as it is.
    pub(super) fn resolve(&self, name: &str) -> Model {
        let id = web::resolve(name, &self.settings.aliases);
        let scope = if self.unlimited(&id) { id.clone() } else { web::family(&id).to_owned() };
        Model { id, scope }
    }

    /// The names that are listed, each with its family as owner.
    pub(super) fn listed(&self) -> Vec<(String, String)> {
        let aliases = self.settings.aliases.keys().map(String::as_str);
        let known = web::listed().filter(|name| !self.settings.aliases.contains_key(*name));
        let listed = |name: &str| (name.to_owned(), self.owner(name));
        aliases.map(listed).chain(known.map(listed)).collect()
    }

    fn owner(&self, name: &str) -> String {
        web::family(&web::resolve(name, &self.settings.aliases)).to_owned()
    }

    fn unlimited(&self, id: &str) -> bool {
        match &self.settings.unlimited {
            Some(list) => list.iter().any(|model| model == id),
            None => web::unlimited(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_come_first_and_unknown_names_pass() {
        let models = Models::new(vec![("fast".into(), "openai-gpt-4o-mini".into())], None);
        assert_eq!(models.resolve("fast").id, "openai-gpt-4o-mini");
        assert_eq!(models.resolve("fast").scope, "openai-gpt-4o-mini");
        assert_eq!(models.resolve("gpt-5").scope, "openai");
        assert_eq!(models.resolve("somebody-new").id, "somebody-new");
        assert_eq!(models.listed()[0].0, "fast");
    }
}
