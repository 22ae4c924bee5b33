//! OpenAI's list of models.

use serde_json::{Value, json};

/// The moment given for models whose age nobody tells, Unix seconds. SDKs want a number.
const CREATED: u64 = 1_735_689_600;

/// The body of `GET /v1/models`: ids with their owners.
pub fn models<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let data: Vec<Value> = entries.into_iter().map(|(id, owner)| entry(id, owner)).collect();
    json!({ "object": "list", "data": data }).to_string()
}

/// The body of `GET /v1/models/{id}`.
pub fn model(id: &str, owner: &str) -> String {
    entry(id, owner).to_string()
}

fn entry(id: &str, owner: &str) -> Value {
    json!({ "id": id, "object": "model", "created": CREATED, "owned_by": owner })
}
