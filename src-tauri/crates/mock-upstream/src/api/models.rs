//! The models of the mock API, with metadata that is incomplete in every way the real one is.

use serde_json::{Value, json};

/// Id, vendor, maximum input and output tokens, dollars per million tokens in and out, vision, reasoning.
type ModelRow = (&'static str, &'static str, u64, u64, f64, f64, bool, bool);

const MODELS: [ModelRow; 9] = [
    ("claude-sonnet-4-5", "anthropic", 200_000, 64_000, 3.0, 15.0, true, true),
    ("claude-haiku-4-5", "anthropic", 200_000, 64_000, 1.0, 5.0, true, true),
    ("gpt-5", "openai", 400_000, 128_000, 1.25, 10.0, true, true),
    ("gpt-5-mini", "openai", 400_000, 128_000, 0.25, 2.0, true, true),
    ("gpt-4.1", "openai", 1_047_576, 32_768, 2.0, 8.0, true, false),
    ("gpt-4o-mini", "openai", 128_000, 16_384, 0.15, 0.6, true, false),
    ("gemini-2.5-pro", "google", 1_048_576, 65_535, 1.25, 10.0, true, true),
    ("grok-4", "xai", 256_000, 256_000, 3.0, 15.0, true, true),
    ("deepseek-v3.1", "deepseek", 128_000, 8_192, 0.56, 1.68, false, false),
];
const EMBEDDING_MODELS: [&str; 2] = ["text-embedding-3-small", "text-embedding-3-large"];
/// Models without metadata.
const MODELS_WITHOUT_INFO: [&str; 2] = ["mistral-medium-3.1", "mammouth-recommended"];
const ALIASES: [&str; 2] = ["mammouth", "recommended"];

pub(super) fn is_known(id: &str) -> bool {
    model_ids().any(|known| known == id) || ALIASES.contains(&id)
}

fn model_ids() -> impl Iterator<Item = &'static str> {
    MODELS.iter().map(|model| model.0).chain(EMBEDDING_MODELS).chain(MODELS_WITHOUT_INFO)
}

/// `GET /v1/models`.
pub(super) fn model_list() -> Value {
    let data: Vec<Value> = model_ids()
        .map(|id| json!({"id": id, "object": "model", "created": 1_677_610_602, "owned_by": "openai"}))
        .collect();
    json!({"data": data, "object": "list"})
}

/// `GET /public/models`.
pub(super) fn public_models() -> Value {
    let known = MODELS.iter().map(|(id, maker, context, output, input_cost, output_cost, ..)| {
        json!({"id": id, "object": "model", "created": 1_790_000_000, "owned_by": maker, "model_info": {
            "max_input_tokens": context, "max_output_tokens": output,
            "input_cost_per_token": input_cost / 1e6, "output_cost_per_token": output_cost / 1e6,
        }})
    });
    let bare = EMBEDDING_MODELS
        .into_iter()
        .chain(MODELS_WITHOUT_INFO)
        .map(|id| json!({"id": id, "object": "model", "owned_by": null, "model_info": null}));
    json!({"data": known.chain(bare).collect::<Vec<_>>(), "object": "list"})
}

/// `GET /public/model/info`.
pub(super) fn model_info() -> Value {
    let known = MODELS.iter().map(|(id, _, context, _, _, _, vision, reasoning)| {
        json!({"model_name": id, "model_info": {
            "max_input_tokens": context, "supports_vision": vision, "supports_reasoning": reasoning,
            "supports_function_calling": true, "mode": "chat",
        }})
    });
    let embedders = EMBEDDING_MODELS.map(|id| json!({"model_name": id, "model_info": {"mode": "embedding", "input_cost_per_token": 2e-8, "output_cost_per_token": 0.0}}));
    json!({"data": known.chain(embedders).collect::<Vec<_>>()})
}
