//! Which models can be asked for, by which names.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chat::Request;
use crate::dialects::{Certainty, split_effort};
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

    /// The model that a request means. An effort at the end of its name is taken off and becomes the request's own,
    /// which then is no longer what the client's body says.
    pub(super) fn meant(&self, request: &mut Request) -> Model {
        if let Some((base, effort, certainty)) = split_effort(&request.model)
            && !self.knows(&request.model)
            && (certainty == Certainty::Sure || self.knows(base))
        {
            request.effort = Some(effort);
            request.original = None;
            request.model.truncate(base.len());
        }
        self.resolve(&request.model)
    }

    fn knows(&self, name: &str) -> bool {
        self.listed().iter().any(|(listed, _)| listed == name)
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

    #[test]
    fn an_effort_in_the_name_is_taken_off_where_it_is_no_part_of_it() {
        use crate::chat::Effort;
        let models = Models::new(vec![("mine-high".into(), "openai-gpt-5".into())], None);
        for (name, base, effort) in [
            ("gpt-4.1:high", "gpt-4.1", Some(Effort::High)),
            ("gpt-4.1-low", "gpt-4.1", Some(Effort::Low)),
            ("mine-high", "mine-high", None),
            ("somebody-new-medium", "somebody-new-medium", None),
            ("gpt-4.1", "gpt-4.1", None),
        ] {
            let mut request = Request { model: name.into(), ..Request::default() };
            models.meant(&mut request);
            assert_eq!((request.model.as_str(), request.effort), (base, effort), "{name}");
        }
    }
}
