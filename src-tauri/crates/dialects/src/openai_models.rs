//! OpenAI's model list.

use serde_json::{Map, Value, json};

/// Creation time that is reported for all models, whose real one is unknown, Unix seconds. SDKs require a
/// number.
const PLACEHOLDER_CREATED: u64 = 1_735_689_600;

/// One model of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelEntry<'a> {
    pub id: &'a str,
    pub owner: &'a str,
    /// Additional fields, which some clients read.
    pub extra: Map<String, Value>,
}

/// The body of `GET /v1/models`.
pub fn models<'a>(entries: impl IntoIterator<Item = ModelEntry<'a>>) -> String {
    let data: Vec<Value> = entries.into_iter().map(model_object).collect();
    json!({ "object": "list", "data": data }).to_string()
}

/// The body of `GET /v1/models/{id}`.
pub fn model(model: ModelEntry<'_>) -> String {
    model_object(model).to_string()
}

fn model_object(model: ModelEntry<'_>) -> Value {
    let mut entry =
        json!({ "id": model.id, "object": "model", "created": PLACEHOLDER_CREATED, "owned_by": model.owner });
    if let Some(fields) = entry.as_object_mut() {
        fields.extend(model.extra);
    }
    entry
}
