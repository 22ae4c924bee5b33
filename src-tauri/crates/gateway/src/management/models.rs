//! Commands `models.…` about models and their names.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode, NoArgs};
use protocol::is_model_name;
use upstreams::{ListedModel, UpstreamId, UpstreamSet};

/// A name that clients can send as `model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct ModelView {
    pub id: String,
    pub owner: String,
    /// Upstreams that can serve the model.
    pub by: Vec<UpstreamId>,
    pub served_now: bool,
    /// Model behind an alias of the user.
    pub alias_of: Option<String>,
    /// Context length, tokens.
    pub context: Option<u64>,
    /// Maximum length of a reply, tokens.
    pub max_output: Option<u64>,
    /// Price of prompts, US dollars per million tokens.
    pub input_cost: Option<f64>,
    /// Price of replies, US dollars per million tokens.
    pub output_cost: Option<f64>,
    pub vision: Option<bool>,
    pub tools: Option<bool>,
    pub reasoning: Option<bool>,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct AliasArgs {
    /// Model name that clients send. A `*` at its end matches any text.
    name: String,
    /// Model that is requested instead.
    target: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct AliasName {
    name: String,
}

/// Every model name that clients can send, including those that no account serves now.
pub(super) async fn list(control: &Control, _: NoArgs) -> Result<Vec<ModelView>, ControlError> {
    let available = control.accounts.enabled_upstreams();
    Ok(control.models.listed().iter().map(|listed| model_view(listed, &available)).collect())
}

/// Fetches the model catalog again.
pub(super) async fn refresh(control: &Control, _: NoArgs) -> Result<Vec<ModelView>, ControlError> {
    let fetched = control.upstreams.fetch_catalog(SystemTime::now()).await;
    let catalogue = fetched.map_err(|failure| ControlError::new(ErrorCode::Upstream, failure.detail))?;
    control.models.catalog().publish(Some(catalogue));
    // The catalog refresher saves the catalog when the accounts change.
    control.accounts.notify_changed();
    list(control, NoArgs {}).await
}

/// Adds an alias, in force from the next request on.
pub(super) async fn set_alias(control: &Control, args: AliasArgs) -> Result<(), ControlError> {
    let AliasArgs { name, target } = args;
    let fits = |text: &str| is_model_name(text) && text.trim() == text;
    let stars = name.strip_suffix('*').unwrap_or(&name).contains('*') || target.contains('*');
    if !fits(&name) || !fits(&target) || stars || name == target {
        let message = "a name and what it stands for are 1 to 200 printable characters each, and differ; \
                       only the name may end in a *";
        return Err(ControlError::new(ErrorCode::BadArguments, message));
    }
    control.save(|settings| settings.set(&["aliases", &name], target.as_str()))?;
    control.models.update_settings(|wishes| drop(wishes.aliases.insert(name, target)));
    Ok(())
}

/// Removes an alias.
pub(super) async fn remove_alias(control: &Control, args: AliasName) -> Result<(), ControlError> {
    if !control.models.aliases().contains_key(&args.name) {
        return Err(ControlError::new(ErrorCode::NotFound, "there is no name of your own like this"));
    }
    control.save(|settings| settings.unset(&["aliases", &args.name]))?;
    control.models.update_settings(|wishes| drop(wishes.aliases.remove(&args.name)));
    Ok(())
}

fn model_view(listed: &ListedModel, available: &UpstreamSet) -> ModelView {
    let info = listed.model.info.clone().unwrap_or_default();
    let serving = listed.model.serving_upstreams();
    let million = |cost: Option<f64>| cost.map(|cost| cost * 1e6);
    ModelView {
        id: listed.name.clone(),
        owner: listed.owner.clone(),
        served_now: !serving.is_disjoint(available),
        by: serving.into_iter().collect(),
        alias_of: listed.alias_of.clone(),
        context: info.context,
        max_output: info.max_output,
        input_cost: million(info.input_cost),
        output_cost: million(info.output_cost),
        vision: info.vision,
        tools: info.tools,
        reasoning: info.reasoning,
    }
}
