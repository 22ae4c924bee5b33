//! Model routing: resolves the requested model, the upstreams that serve it, and the list of models.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::ProxyInner;
use dialects::{SuffixMatch, split_effort_suffix};
use protocol::Request;
use upstreams::{ListedModel, ModelRegistry, ResolvedModel, UpstreamSet};

/// The parameter name with which a reasoning effort in the model name is reported.
pub(super) const EFFORT_IN_MODEL_NAME: &str = "model.effort";

/// The suffix under which Claude Code is shown models of other vendors. It lists only ids that contain `claude`, and takes
/// an id that begins with `claude-` for a model whose context length it knows
/// (<https://code.claude.com/docs/en/llm-gateway-protocol>).
const CLAUDE_CODE_SUFFIX: &str = "@claude-code";

/// The id under which Claude Code lists a model.
pub(super) fn claude_code_id(name: &str) -> Cow<'_, str> {
    let is_listed = ["claude", "anthropic"].iter().any(|part| name.contains(part));
    if is_listed { name.into() } else { format!("{name}{CLAUDE_CODE_SUFFIX}").into() }
}

/// The model's own name.
pub(super) fn without_claude_code_suffix(id: &str) -> &str {
    id.strip_suffix(CLAUDE_CODE_SUFFIX).filter(|name| !name.is_empty()).unwrap_or(id)
}

/// Resolves the requested model. A reasoning effort at the end of the name moves to `request.effort`. The raw fields are
/// then discarded, since they no longer match the request.
pub(super) fn resolve_model(registry: &ModelRegistry, request: &mut Request) -> ResolvedModel {
    if let Some((base, effort, certainty)) = split_effort_suffix(&request.model)
        && !registry.knows(&request.model)
        && (certainty == SuffixMatch::Certain || registry.knows(base))
    {
        request.effort = Some(effort);
        request.raw_fields = None;
        request.model.truncate(base.len());
    }
    registry.resolve(&request.model)
}

/// The upstreams that serve the model, or all upstreams if no account of those is enabled.
pub(super) fn available_upstreams(model: &ResolvedModel, enabled: &UpstreamSet) -> UpstreamSet {
    let serving = model.serving_upstreams();
    if serving.is_disjoint(enabled) { model.upstreams() } else { serving }
}

/// The models that can be served now, sorted by name. Waits a short time for the first catalog of this run, as
/// completions do, since clients keep the list that they read at their start.
pub(super) async fn wait_for_listed_models(proxy: &ProxyInner) -> Vec<(ListedModel, UpstreamSet)> {
    proxy.parts.models.catalog().wait_for_first().await;
    listed_models(proxy)
}

fn listed_models(proxy: &ProxyInner) -> Vec<(ListedModel, UpstreamSet)> {
    let enabled = proxy.parts.accounts.enabled_upstreams();
    let listed = proxy.parts.models.listed().into_iter();
    let with_upstreams = |listed: ListedModel| {
        let mut serving = listed.model.serving_upstreams();
        // Without any account, list the models of all upstreams: clients are often set up before accounts are.
        if !enabled.is_empty() {
            serving.retain(|upstream| enabled.contains(upstream));
        }
        (listed, serving)
    };
    listed.map(with_upstreams).filter(|(_, serving)| !serving.is_empty()).collect()
}

/// Known metadata of a model in the list besides id and owner, with the field names that clients read.
pub(super) fn model_metadata(listed: &ListedModel, serving: &UpstreamSet) -> Map<String, Value> {
    let mut metadata = BTreeMap::new();
    metadata.insert("served_by", json!(serving));
    if let Some(info) = &listed.model.info {
        let number = |value: Option<u64>| value.map_or(Value::Null, Value::from);
        metadata.insert("created", number(info.created));
        metadata.insert("context_length", number(info.context));
        metadata.insert("max_output_tokens", number(info.max_output));
        if let (Some(input), Some(output)) = (info.input_cost, info.output_cost) {
            metadata.insert(
                "pricing",
                json!({"prompt": format_price(input), "completion": format_price(output)}),
            );
        }
    }
    metadata
        .into_iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

/// A price in US dollars per token as decimal text, as clients expect.
fn format_price(cost: f64) -> String {
    format!("{cost:.12}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use upstreams::api_key::{self, CatalogCache};
    use upstreams::{ModelSettings, UPSTREAMS, UpstreamModel, web_session};

    #[test]
    fn an_effort_suffix_is_removed_unless_it_belongs_to_the_name() {
        use protocol::ReasoningEffort;
        let aliases = [("mine-high".to_owned(), "openai-gpt-5".to_owned())].into();
        let names = ModelRegistry::new(
            ModelSettings { aliases, ..ModelSettings::default() },
            CatalogCache::default(),
            UPSTREAMS,
        );
        for (name, base, effort) in [
            ("gpt-4.1:high", "gpt-4.1", Some(ReasoningEffort::High)),
            ("gpt-4.1-low", "gpt-4.1", Some(ReasoningEffort::Low)),
            ("mine-high", "mine-high", None),
            ("somebody-new-medium", "somebody-new-medium", None),
            ("gpt-4.1", "gpt-4.1", None),
        ] {
            let mut request = Request { model: name.into(), ..Request::default() };
            resolve_model(&names, &mut request);
            assert_eq!((request.model.as_str(), request.effort), (base, effort), "{name}");
        }
    }

    #[test]
    fn a_model_may_go_anywhere_if_no_upstream_that_serves_it_is_enabled() {
        let listed = |is_listed| UpstreamModel { is_listed: Some(is_listed), ..UpstreamModel::default() };
        let models = [(web_session::ID, listed(true)), (api_key::ID, listed(false))].into();
        let only_web = ResolvedModel { models, ..ResolvedModel::default() };
        let (web, api) = (UpstreamSet::from([web_session::ID]), UpstreamSet::from([api_key::ID]));
        assert_eq!(available_upstreams(&only_web, &api), only_web.upstreams());
        assert_eq!(available_upstreams(&only_web, &web), web);
    }

    #[test]
    fn claude_code_lists_other_vendors_under_an_id_that_it_accepts() {
        assert_eq!(claude_code_id("gpt-5"), "gpt-5@claude-code");
        assert_eq!(claude_code_id("claude-sonnet-4-5"), "claude-sonnet-4-5");
        assert_eq!(without_claude_code_suffix("gpt-5@claude-code"), "gpt-5");
        assert_eq!(without_claude_code_suffix("@claude-code"), "@claude-code");
    }

    #[test]
    fn prices_are_plain_numbers() {
        assert_eq!([format_price(0.000_003), format_price(0.0), format_price(1.0)], ["0.000003", "0", "1"]);
    }
}
