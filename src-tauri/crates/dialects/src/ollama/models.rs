//! Ollama's model information, version and other responses that are not replies of a model.

use jiff::Timestamp;
use serde_json::{Value, json};

/// Version of Ollama whose API is served. Clients request it and reject versions that lack a feature.
pub const EMULATED_VERSION: &str = "0.13.0";

/// Properties of a model.
#[derive(Debug, Clone, Copy)]
pub struct OllamaModel<'a> {
    pub name: &'a str,
    pub family: &'a str,
    /// Context length, tokens.
    pub context: u64,
    pub vision: bool,
    pub tools: bool,
    pub reasoning: bool,
}

/// The body of `GET /api/version`.
pub fn version() -> String {
    json!({ "version": EMULATED_VERSION }).to_string()
}

/// The body of `GET /api/tags`.
pub fn tags<'a>(models: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let models: Vec<Value> = models.into_iter().map(|(name, family)| entry(name, family)).collect();
    json!({ "models": models }).to_string()
}

/// The body of `GET /api/ps`: no model is ever loaded.
pub fn running() -> String {
    json!({ "models": [] }).to_string()
}

/// The body of `POST /api/show`.
pub fn show(model: &OllamaModel<'_>) -> String {
    let abilities = [("vision", model.vision), ("tools", model.tools), ("thinking", model.reasoning)];
    let able = abilities.iter().filter(|(_, able)| *able).map(|(name, _)| *name);
    let capabilities: Vec<&str> = std::iter::once("completion").chain(able).collect();
    json!({
        "modelfile": "",
        "parameters": "",
        "template": "{{ .Prompt }}",
        "license": "",
        "modified_at": rfc3339(0),
        "details": details(model.family),
        "model_info": {
            "general.architecture": "mammouth",
            "general.basename": model.name,
            "general.parameter_count": 0,
            "mammouth.context_length": model.context,
        },
        "capabilities": capabilities,
    })
    .to_string()
}

fn entry(name: &str, family: &str) -> Value {
    json!({
        "name": name,
        "model": name,
        "modified_at": rfc3339(0),
        "size": 0,
        "digest": "",
        "details": details(family),
    })
}

fn details(family: &str) -> Value {
    json!({
        "parent_model": "",
        "format": "api",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    })
}

/// An RFC 3339 timestamp in UTC, from Unix seconds.
pub(super) fn rfc3339(unix_seconds: u64) -> String {
    let timestamp = i64::try_from(unix_seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_over_leap_days_and_years() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
