//! Model ids of the site, and the model families that share a quota.

use std::sync::Arc;

use super::super::api_key::{ModelCatalog, ModelInfo};
use super::super::model_registry::dated_names;
use super::super::resolved_model::{ModelQuery, UpstreamModel};

/// Clients' names of models and the site's ids. Source: public clients' code; a name that is missing here is
/// passed through.
const MODEL_IDS: [(&str, &str); 13] = [
    ("claude-sonnet-4-20250514", "anthropic-claude-4-2025-05-14"),
    ("claude-3-7-sonnet-latest", "anthropic-claude-3-7-sonnet-latest"),
    ("gpt-5", "openai-gpt-5"),
    ("gpt-5-mini", "openai-gpt-5-mini"),
    ("gpt-5-thinking", "openai-gpt-5-thinking"),
    ("gpt-4.1", "openai-gpt-4.1"),
    ("gpt-4o-mini", "openai-gpt-4o-mini"),
    ("o4-mini", "openai-o4-mini"),
    ("gemini-2.5-pro", "google-gemini-2.5-pro"),
    ("gemini-2.5-pro-preview-05-06", "google-gemini-2.5-pro"),
    ("grok-4", "xai-grok-4-0709"),
    ("grok-3", "xai-grok-3-beta"),
    ("llama-4.0-maverick", "fireworks-llama-4.0-maverick"),
];

/// Ids that no plan limits. Source: the same clients.
const UNLIMITED_IDS: [&str; 1] = ["openai-gpt-4o-mini"];

/// Prefixes of names and ids with their families.
const FAMILIES: [(&str, &str); 24] = [
    ("anthropic", "anthropic"),
    ("claude", "anthropic"),
    ("openai", "openai"),
    ("gpt", "openai"),
    ("chatgpt", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("google", "google"),
    ("gemini", "google"),
    ("gemma", "google"),
    ("xai", "xai"),
    ("grok", "xai"),
    ("meta", "meta"),
    ("llama", "meta"),
    ("mistral", "mistral"),
    ("mistralai", "mistral"),
    ("codestral", "mistral"),
    ("magistral", "mistral"),
    ("deepseek", "deepseek"),
    ("qwen", "qwen"),
    ("perplexity", "perplexity"),
    ("sonar", "perplexity"),
    ("moonshot", "moonshot"),
];

/// Prefixes of ids that name the maker.
const MAKER_PREFIXES: [&str; 5] = ["anthropic-", "openai-", "google-", "xai-", "fireworks-"];

/// Returns the model for a name.
pub(super) fn find(query: &ModelQuery<'_>) -> UpstreamModel {
    let ModelQuery { name, settings, catalog, match_dated_names } = *query;
    let dated = match_dated_names.then(|| dated_names::nearest(name, names())).flatten();
    let id = resolve(dated.unwrap_or(name));
    let unlimited = match &settings.unlimited {
        Some(list) => list.contains(&id),
        None => is_unlimited(&id),
    };
    UpstreamModel {
        is_listed: Some(dated.is_some() || is_known(name)),
        scope: if unlimited { id.clone() } else { family(&id).to_owned() },
        info: api_counterpart(catalog, &id).cloned(),
        max_tokens: None,
        id,
    }
}

/// The catalog's model for a web id: by the names of the id, by the id without its vendor, or by one that differs only
/// in its date.
fn api_counterpart<'a>(catalogue: &'a ModelCatalog, web_id: &str) -> Option<&'a Arc<ModelInfo>> {
    let candidates = || names_of(web_id).chain([web_id, without_maker(web_id)]);
    let exact = candidates().find_map(|name| catalogue.get(name));
    let nearest = |name: &str| catalogue.get(dated_names::nearest_in_catalog(name, catalogue)?);
    exact.or_else(|| candidates().find_map(nearest))
}

/// Returns the site's id for a name: that of the table, else the name itself. Names match exactly.
fn resolve(name: &str) -> String {
    let known = MODEL_IDS.iter().find(|(from, _)| *from == name);
    known.map_or(name, |(_, id)| id).to_owned()
}

/// Whether the name is in the table or has the form of an id of the site.
fn is_known(name: &str) -> bool {
    MODEL_IDS.iter().any(|(from, id)| *from == name || *id == name)
        || MAKER_PREFIXES.iter().any(|maker| name.starts_with(maker))
}

/// The names that stand for an id in the table.
fn names_of(id: &str) -> impl Iterator<Item = &str> {
    MODEL_IDS.iter().filter(move |(_, known)| *known == id).map(|(name, _)| *name)
}

/// An id without the maker's name at its beginning.
fn without_maker(id: &str) -> &str {
    MAKER_PREFIXES.iter().find_map(|maker| id.strip_prefix(maker)).unwrap_or(id)
}

/// The names in the table, for a list of models.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    MODEL_IDS.iter().map(|(name, _)| *name)
}

/// Whether a limited account may still be asked for this id.
fn is_unlimited(id: &str) -> bool {
    UNLIMITED_IDS.contains(&id)
}

/// The brand of a name or id, which is what a quota is kept for; for an unknown one its first word.
pub(crate) fn family(id_or_name: &str) -> &str {
    // Fireworks hosts other makers' models; the maker's name comes next.
    let name = id_or_name.strip_prefix("fireworks-").unwrap_or(id_or_name);
    let first = name.split(['-', '/', ':', '.']).find(|word| !word.is_empty()).unwrap_or(name);
    FAMILIES.iter().find(|(word, _)| *word == first).map_or(first, |(_, family)| family)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_names_resolve() {
        for (name, id) in [
            ("claude-3-7-sonnet-latest", "anthropic-claude-3-7-sonnet-latest"),
            ("gpt-4o-mini", "openai-gpt-4o-mini"),
            ("o4-mini", "openai-o4-mini"),
            ("gemini-2.5-pro-preview-05-06", "google-gemini-2.5-pro"),
            ("grok-3", "xai-grok-3-beta"),
            ("claude-sonnet-4-20250514", "anthropic-claude-4-2025-05-14"),
            ("openai-gpt-4.1-search-preview", "openai-gpt-4.1-search-preview"),
            ("GPT-5", "GPT-5"),
        ] {
            assert_eq!(resolve(name), id);
        }
    }

    #[test]
    fn families_are_the_same_for_names_and_ids() {
        for (name, id) in MODEL_IDS {
            assert_eq!(family(name), family(id), "{name}");
        }
        assert_eq!(family("fireworks-deepseek-v3"), "deepseek");
        assert_eq!(family("something-new"), "something");
        assert_eq!((family("-odd-name"), family("--")), ("odd", "--"));
        assert_eq!(family(""), "");
    }

    #[test]
    fn unlimited_ids_are_known() {
        assert!(is_unlimited("openai-gpt-4o-mini") && !is_unlimited("openai-gpt-5"));
    }
}
