//! Model catalog of the platform, with limits, prices and abilities.
//!
//! The catalog is joined from two public lists, neither of them complete: any field may be null or missing,
//! and implausible values count as missing. Only plain ids are accepted, because they are written into
//! headers, pages and files.

mod catalog_cache;

pub use catalog_cache::CatalogCache;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use protocol::is_model_name;

/// Maximum number of models.
const MAX_MODELS: usize = 5_000;
/// Largest plausible price, US dollars per token.
const MAX_COST_PER_TOKEN: f64 = 1.0;
/// Largest plausible limit, tokens.
const MAX_TOKENS: u64 = 1_000_000_000;

/// Known facts about a model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelInfo {
    pub owner: String,
    /// Creation date, Unix seconds.
    pub created: Option<u64>,
    /// Longest prompt, tokens.
    pub context: Option<u64>,
    /// Longest reply, tokens.
    pub max_output: Option<u64>,
    /// Price of the prompt, US dollars per token.
    pub input_cost: Option<f64>,
    pub output_cost: Option<f64>,
    pub vision: Option<bool>,
    pub tools: Option<bool>,
    pub reasoning: Option<bool>,
    /// Whether the model makes embeddings instead of replies.
    pub embeds: bool,
}

impl ModelInfo {
    /// The cost of a request, US dollars; `None` if the prices are not known.
    pub fn cost(&self, prompt_tokens: u64, completion_tokens: u64) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "tokens of one request")]
        let token_cost = |tokens: u64, price: Option<f64>| match (tokens, price) {
            (0, _) => Some(0.0),
            (tokens, price) => Some(tokens as f64 * price?),
        };
        Some(token_cost(prompt_tokens, self.input_cost)? + token_cost(completion_tokens, self.output_cost)?)
    }
}

/// All models by their ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelCatalog {
    models: BTreeMap<String, Arc<ModelInfo>>,
    /// Time of the fetch, Unix seconds.
    pub fetched: u64,
}

impl ModelCatalog {
    /// Joins the two lists; either may be missing.
    pub(crate) fn from_lists(models: Option<&Value>, infos: Option<&Value>, now: SystemTime) -> Self {
        let fetched = storage::unix_seconds(now);
        let mut catalogue = Self { models: BTreeMap::new(), fetched };
        for entry in list_entries(models) {
            catalogue.merge(&entry["id"], entry);
        }
        for entry in list_entries(infos) {
            catalogue.merge(&entry["model_name"], entry);
        }
        catalogue
    }

    /// Parses the format of [`ModelCatalog::to_json`]. The content is checked: any program may have written it.
    pub fn from_json(text: &[u8]) -> Option<Self> {
        let mut catalogue: Self = serde_json::from_slice(text).ok()?;
        catalogue.models.retain(|id, _| is_id(id));
        (!catalogue.is_empty() && catalogue.models.len() <= MAX_MODELS).then_some(catalogue)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    pub fn get(&self, id: &str) -> Option<&Arc<ModelInfo>> {
        self.models.get(id)
    }

    /// Returns all models, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ModelInfo)> {
        self.models.iter().map(|(id, info)| (id.as_str(), &**info))
    }

    /// The ids that begin with `start`, sorted.
    pub(crate) fn ids_starting_with<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        let from = self.models.range::<str, _>((Bound::Included(start), Bound::Unbounded));
        from.map(|(id, _)| id.as_str()).take_while(move |id| id.starts_with(start))
    }

    fn merge(&mut self, id: &Value, entry: &Value) {
        let Some(id) = id.as_str().filter(|id| is_id(id)) else { return };
        if self.models.len() < MAX_MODELS || self.models.contains_key(id) {
            Arc::make_mut(self.models.entry(id.to_owned()).or_default()).merge(entry);
        }
    }
}

impl ModelInfo {
    fn merge(&mut self, entry: &Value) {
        let info = &entry["model_info"];
        let tokens = |name: &str| parse_tokens(&info[name]);
        let flag = |name: &str| info[name].as_bool();
        if let Some(owner) = entry["owned_by"].as_str().filter(|owner| is_id(owner)) {
            owner.clone_into(&mut self.owner);
        }
        self.created = entry["created"].as_u64().or(self.created);
        self.context = tokens("max_input_tokens").or(self.context);
        self.max_output = tokens("max_output_tokens").or_else(|| tokens("max_tokens")).or(self.max_output);
        self.input_cost = parse_cost(&info["input_cost_per_token"]).or(self.input_cost);
        self.output_cost = parse_cost(&info["output_cost_per_token"]).or(self.output_cost);
        self.vision = flag("supports_vision").or(self.vision);
        self.tools = flag("supports_function_calling").or(self.tools);
        self.reasoning = flag("supports_reasoning").or(self.reasoning);
        self.embeds |=
            info["mode"] == "embedding" || entry["id"].as_str().is_some_and(|id| id.contains("embedding"));
    }
}

fn list_entries(list: Option<&Value>) -> impl Iterator<Item = &Value> {
    list.and_then(|list| list["data"].as_array()).into_iter().flatten().take(MAX_MODELS)
}

/// Whether a text is a valid model id: visible ASCII without special meaning in HTML or JSON.
fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/@+".contains(&byte);
    is_model_name(id) && id.bytes().all(plain)
}

fn parse_tokens(value: &Value) -> Option<u64> {
    let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number.filter(|tokens| (1..=MAX_TOKENS).contains(tokens))
}

fn parse_cost(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()));
    number.filter(|cost: &f64| (0.0..=MAX_COST_PER_TOKEN).contains(cost))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::time::UNIX_EPOCH;

    use super::*;

    fn read(models: Value, infos: Value) -> ModelCatalog {
        ModelCatalog::from_lists(Some(&json!({"data": models})), Some(&json!({"data": infos})), UNIX_EPOCH)
    }

    #[test]
    fn the_two_lists_complete_each_other() {
        let info = json!({"max_input_tokens": 200_000, "max_output_tokens": null, "input_cost_per_token": 0.000_003});
        let more = json!({"max_output_tokens": 64_000, "output_cost_per_token": "0.000015", "supports_vision": true});
        let catalogue = read(
            json!([{"id": "claude-x", "owned_by": "anthropic", "created": 7, "model_info": info}, {"id": "bare", "model_info": null}]),
            json!([{"model_name": "claude-x", "model_info": more}, {"model_name": "only-here"}]),
        );
        let model = catalogue.get("claude-x").unwrap();
        assert_eq!(
            (model.context, model.max_output, model.vision, model.tools),
            (Some(200_000), Some(64_000), Some(true), None)
        );
        assert_eq!(model.cost(1_000_000, 0), Some(3.0));
        assert_eq!(catalogue.get("bare").unwrap().cost(1, 1), None);
        assert_eq!(catalogue.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["bare", "claude-x", "only-here"]);
    }

    #[test]
    fn r08_implausible_values_are_left_out() {
        let odd = json!({"max_input_tokens": -1, "max_output_tokens": 1e30, "input_cost_per_token": "NaN", "output_cost_per_token": 7});
        let ids = ["<img src=x>", "a\nb", "", "ü", "a b"].map(|id| json!({"id": id}));
        let mut models = vec![json!({"id": "fine/id:1@x", "model_info": odd}), json!(3), json!({"id": 5})];
        models.extend(ids);
        models.push(json!({"id": "x".repeat(201)}));
        let catalogue = read(json!(models), json!("none"));
        assert_eq!(catalogue.iter().count(), 1);
        assert_eq!(catalogue.get("fine/id:1@x").map(|info| &**info), Some(&ModelInfo::default()));
        let many: Vec<Value> = (0..6_000).map(|n| json!({"id": format!("m{n}")})).collect();
        assert_eq!(read(json!(many), json!([])).iter().count(), MAX_MODELS);
    }

    #[test]
    fn it_survives_a_restart_and_a_damaged_file_is_ignored() {
        let catalogue = read(json!([{"id": "a", "owned_by": "o"}]), json!([]));
        assert_eq!(ModelCatalog::from_json(catalogue.to_json().as_bytes()), Some(catalogue));
        for text in ["", "{}", "{\"models\":{\"<b>\":{}}}", "[1]"] {
            assert_eq!(ModelCatalog::from_json(text.as_bytes()), None, "{text}");
        }
    }
}
