//! Models that clients can be set up with.

use super::super::{Control, ControlError, ErrorCode};
use super::view::ModelChoice;
use client_setup::{Connection, Model};
use protocol::is_model_name;
use upstreams::ListedModel;

/// Parts of names of models that are good at code, the best first.
const PROPOSED_MODELS: &[&str] = &["sonnet", "gpt-5", "opus", "gpt"];
/// Parts of names of models that are fast and cheap.
const PROPOSED_SMALL_MODELS: &[&str] = &["haiku", "flash", "mini"];

/// The models to choose from.
pub(super) fn choices(control: &Control) -> Vec<ModelChoice> {
    let available = control.accounts.enabled_upstreams();
    let listed = control.models.listed().into_iter().filter(|listed| !embeds(listed));
    listed
        .map(|listed| ModelChoice {
            served_now: !listed.model.serving_upstreams().is_disjoint(&available),
            id: listed.name,
        })
        .collect()
}

/// The model that is proposed to a user who has not chosen one.
pub(super) fn proposed(choices: &[ModelChoice]) -> Option<String> {
    highest_version(choices, PROPOSED_MODELS).or_else(|| Some(choices.first()?.id.clone()))
}

/// The model that is proposed for titles and summaries.
pub(super) fn proposed_small(choices: &[ModelChoice]) -> Option<String> {
    highest_version(choices, PROPOSED_SMALL_MODELS)
}

/// Returns the choice that contains the first matching part. Of several choices the last by name is returned,
/// which has the highest version. Models that are served now are preferred.
fn highest_version(choices: &[ModelChoice], parts: &[&str]) -> Option<String> {
    let with = |part: &&str, served: bool| {
        let names = choices.iter().filter(|choice| choice.served_now || !served).map(|choice| &choice.id);
        names.filter(|id| id.contains(*part)).max().cloned()
    };
    parts.iter().find_map(|part| with(part, true)).or_else(|| parts.iter().find_map(|part| with(part, false)))
}

/// Returns the models for a client: the requested ones, otherwise its current ones, otherwise the proposed
/// ones.
///
/// # Errors
/// `bad_arguments`: a text that is no name of a model.
pub(super) fn chosen(
    control: &Control,
    model: Option<&str>,
    small_model: Option<&str>,
    recorded: Option<&Connection>,
) -> Result<(Model, Option<Model>), ControlError> {
    let choices = choices(control);
    let model = match (model, recorded) {
        (Some(id), _) => with_limits(control, id)?,
        (None, Some(recorded)) => recorded.model.clone(),
        (None, None) => with_limits(control, &proposed(&choices).unwrap_or_default())?,
    };
    let small = match (small_model, recorded) {
        (Some(id), _) => Some(with_limits(control, id)?),
        (None, Some(recorded)) => recorded.small_model.clone(),
        (None, None) => proposed_small(&choices).map(|id| with_limits(control, &id)).transpose()?,
    };
    Ok((model, small))
}

/// Returns a model with its limits from the catalog.
fn with_limits(control: &Control, id: &str) -> Result<Model, ControlError> {
    if !is_model_name(id) {
        return Err(ControlError::new(ErrorCode::BadArguments, "this is no name of a model"));
    }
    let mut model = Model::named(id);
    if let Some(info) = control.models.resolve(id).info {
        model.context_window = info.context.unwrap_or(model.context_window);
        model.max_output = info.max_output.unwrap_or(model.max_output);
        model.images = info.vision.unwrap_or(model.images);
        model.tools = info.tools.unwrap_or(model.tools);
        model.reasoning = info.reasoning.unwrap_or(model.reasoning);
    }
    Ok(model)
}

fn embeds(listed: &ListedModel) -> bool {
    listed.model.info.as_ref().is_some_and(|info| info.embeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(ids: &[(&str, bool)]) -> Vec<ModelChoice> {
        ids.iter().map(|(id, served)| ModelChoice { id: (*id).to_owned(), served_now: *served }).collect()
    }

    #[test]
    fn the_newest_served_model_of_the_best_family_is_proposed() {
        let all = choices(&[
            ("gpt-4.1-mini", true),
            ("claude-sonnet-4", true),
            ("claude-sonnet-4-5", true),
            ("claude-sonnet-9", false),
            ("claude-haiku-4-5", true),
        ]);
        assert_eq!(proposed(&all).as_deref(), Some("claude-sonnet-4-5"));
        assert_eq!(proposed_small(&all).as_deref(), Some("claude-haiku-4-5"));
    }

    #[test]
    fn without_a_known_family_the_first_model_is_proposed() {
        let all = choices(&[("mistral-large", false), ("llama", false)]);
        assert_eq!(proposed(&all).as_deref(), Some("mistral-large"));
        assert_eq!(proposed_small(&all), None);
        assert_eq!(proposed(&[]), None);
    }
}
