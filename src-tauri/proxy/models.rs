//! Which model a request means, who can serve it, and which models are listed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Inner;
use crate::accounts::{AccountKind, KindSet};
use crate::chat::Request;
use crate::dialects::{SuffixMatch, split_effort_suffix};
use crate::upstreams::{ListedModel, ModelRegistry, ResolvedModel};

/// How a wish for more or less thought is named that stood in the model's name.
pub(super) const EFFORT_IN_NAME: &str = "model.effort";

/// The model that a request means. An effort at the end of its name is taken off and becomes the request's own, which
/// then is no longer what the client's body says.
pub(super) fn meant(names: &ModelRegistry, request: &mut Request) -> ResolvedModel {
    if let Some((base, effort, certainty)) = split_effort_suffix(&request.model)
        && !names.knows(&request.model)
        && (certainty == SuffixMatch::Certain || names.knows(base))
    {
        request.effort = Some(effort);
        request.raw_body = None;
        request.model.truncate(base.len());
    }
    names.resolve(&request.model)
}

/// The id by which accounts of a kind are asked.
pub(super) fn id(model: &ResolvedModel, kind: AccountKind) -> &str {
    match kind {
        AccountKind::Web => &model.web_id,
        AccountKind::Api => &model.api_id,
    }
}

/// Who can serve a model. A name that nobody knows goes to whoever is there.
pub(super) fn kinds(model: &ResolvedModel) -> KindSet {
    let (web, api) = (model.in_web, model.in_api);
    KindSet { web: web || api != Some(true), api: !web || api != Some(false) }
}

/// As [`kinds`], but where no account of those is there, the others may try.
pub(super) fn kinds_at_hand(model: &ResolvedModel, there: KindSet) -> KindSet {
    let kinds = kinds(model);
    if kinds.intersection(there).is_empty() { KindSet::ANY } else { kinds }
}

/// The models that can be served now, by name, as a client's list shows them. Waits a short time for the first catalogue
/// of this run, as questions do: clients keep the list that they read when they start.
pub(super) async fn listed_soon(proxy: &Inner) -> Vec<(ListedModel, KindSet)> {
    proxy.parts.names.catalog().wait_for_first().await;
    listed(proxy)
}

fn listed(proxy: &Inner) -> Vec<(ListedModel, KindSet)> {
    let there = proxy.parts.accounts.enabled_kinds();
    let listed = proxy.parts.names.listed().into_iter();
    // Without any account the list is what there could be: clients want to be set up before accounts are.
    let shown = if there.is_empty() { KindSet::ANY } else { there };
    let by = |listed: ListedModel| {
        let by = served_by(&listed).intersection(shown);
        (listed, by)
    };
    listed.map(by).filter(|(_, by)| !by.is_empty()).collect()
}

fn served_by(listed: &ListedModel) -> KindSet {
    let embeds = listed.model.info.as_ref().is_some_and(|info| info.embeds);
    if embeds { KindSet::API } else { kinds(&listed.model) }
}

/// What stands in the list beside id and owner, where it is known. Names as the clients that read them know them.
pub(super) fn facts(listed: &ListedModel, by: KindSet) -> Map<String, Value> {
    let mut facts = BTreeMap::new();
    let by = [("api", by.api), ("web", by.web)].into_iter().filter(|(_, has)| *has).map(|(name, _)| name);
    facts.insert("served_by", json!(by.collect::<Vec<_>>()));
    if let Some(info) = &listed.model.info {
        let number = |value: Option<u64>| value.map_or(Value::Null, Value::from);
        facts.insert("created", number(info.created));
        facts.insert("context_length", number(info.context));
        facts.insert("max_output_tokens", number(info.max_output));
        if let (Some(input), Some(output)) = (info.input_cost, info.output_cost) {
            facts.insert("pricing", json!({"prompt": price(input), "completion": price(output)}));
        }
    }
    facts
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// Dollars a token as a text, which is how clients read it.
fn price(cost: f64) -> String {
    format!("{cost:.12}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstreams::ModelSettings;
    use crate::upstreams::api::CatalogCache;

    #[test]
    fn an_effort_in_the_name_is_taken_off_where_it_is_no_part_of_it() {
        use crate::chat::ReasoningEffort;
        let aliases = [("mine-high".to_owned(), "openai-gpt-5".to_owned())].into();
        let names = ModelRegistry::new(
            ModelSettings { aliases, ..ModelSettings::default() },
            CatalogCache::default(),
        );
        for (name, base, effort) in [
            ("gpt-4.1:high", "gpt-4.1", Some(ReasoningEffort::High)),
            ("gpt-4.1-low", "gpt-4.1", Some(ReasoningEffort::Low)),
            ("mine-high", "mine-high", None),
            ("somebody-new-medium", "somebody-new-medium", None),
            ("gpt-4.1", "gpt-4.1", None),
        ] {
            let mut request = Request { model: name.into(), ..Request::default() };
            meant(&names, &mut request);
            assert_eq!((request.model.as_str(), request.effort), (base, effort), "{name}");
        }
    }

    #[test]
    fn who_knows_a_model_serves_it_and_strangers_go_to_everybody() {
        let of = |in_web, in_api| kinds(&ResolvedModel { in_web, in_api, ..ResolvedModel::default() });
        assert_eq!(of(true, Some(true)), KindSet::ANY);
        assert_eq!(of(true, Some(false)), KindSet::WEB);
        assert_eq!(of(false, Some(true)), KindSet::API);
        assert_eq!(of(false, Some(false)), KindSet::ANY);
        assert_eq!((of(true, None), of(false, None)), (KindSet::ANY, KindSet::ANY));
        let only_web = ResolvedModel { in_web: true, in_api: Some(false), ..ResolvedModel::default() };
        assert_eq!(kinds_at_hand(&only_web, KindSet::API), KindSet::ANY);
    }

    #[test]
    fn prices_are_plain_numbers() {
        assert_eq!([price(0.000_003), price(0.0), price(1.0)], ["0.000003", "0", "1"]);
    }
}
