//! Lookup of the host's model for a name: the one that the catalog lists, else the client's name.

use super::super::model_registry::dated_names;
use super::super::resolved_model::{ModelQuery, UpstreamModel};

/// The scope of a key's limits: all models share one budget.
const BUDGET_SCOPE: &str = "budget";

/// Returns the model for a name.
pub(super) fn find(query: &ModelQuery<'_>) -> UpstreamModel {
    let ModelQuery { name, settings, catalog, match_dated_names } = *query;
    let dated = match_dated_names.then(|| dated_names::nearest_in_catalog(name, catalog)).flatten();
    let id = dated.unwrap_or(name);
    let info = catalog.get(id).cloned();
    let max_output = info.as_ref().and_then(|info| info.max_output);
    UpstreamModel {
        id: id.to_owned(),
        is_listed: (!catalog.is_empty()).then_some(info.is_some()),
        scope: BUDGET_SCOPE.to_owned(),
        max_tokens: max_output.filter(|_| settings.fill_max_tokens),
        info,
    }
}
