//! Anthropic's model list and token count.

use std::borrow::Cow;

use serde_json::{Value, json};

/// Creation time that is reported for all models, whose real one is unknown.
const PLACEHOLDER_CREATED: &str = "2025-01-01T00:00:00Z";

/// The body of `GET /v1/models`, from ids and display names. All models are on one page.
pub fn models<'a>(models: impl IntoIterator<Item = (Cow<'a, str>, &'a str)>) -> String {
    let data: Vec<Value> = models.into_iter().map(|(id, name)| model_object(&id, name)).collect();
    let end = |entry: Option<&Value>| entry.map_or(Value::Null, |entry| entry["id"].clone());
    json!({ "data": data, "has_more": false, "first_id": end(data.first()), "last_id": end(data.last()) })
        .to_string()
}

/// The body of `GET /v1/models/{id}`.
pub fn model(id: &str, display_name: &str) -> String {
    model_object(id, display_name).to_string()
}

/// The body of `POST /v1/messages/count_tokens`.
pub fn token_count(tokens: u64) -> String {
    json!({ "input_tokens": tokens }).to_string()
}

fn model_object(id: &str, display_name: &str) -> Value {
    json!({ "type": "model", "id": id, "display_name": display_name, "created_at": PLACEHOLDER_CREATED })
}
