//! Embeddings: translates Ollama's two requests to OpenAI's request, and OpenAI's response back.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::json_fields::JsonFields;
use crate::{InvalidRequest, shared_params};

/// Endpoint for embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbedEndpoint {
    /// `POST /api/embed`, with a list of texts.
    Embed,
    /// `POST /api/embeddings`, the older endpoint, with one prompt.
    Embeddings,
}

/// Returns OpenAI's request for the same embeddings, and the name of the model.
///
/// # Errors
/// [`InvalidRequest`] names the field that is missing or wrong.
pub fn embed_request(kind: EmbedEndpoint, body: &Bytes) -> Result<(Bytes, String), InvalidRequest> {
    let mut fields = JsonFields::parse(body)?;
    let model = shared_params::model(&mut fields)?;
    let model = model.strip_suffix(":latest").unwrap_or(&model).to_owned();
    let input: Value = match kind {
        EmbedEndpoint::Embed => fields.required("input")?,
        EmbedEndpoint::Embeddings => fields.required::<String>("prompt")?.into(),
    };
    let texts = input.as_array().is_some_and(|texts| !texts.is_empty() && texts.iter().all(Value::is_string));
    if !input.is_string() && !texts {
        return Err(InvalidRequest::new("input".to_owned(), "'input' must be a text or a list of texts"));
    }
    let mut wanted = json!({ "model": model, "input": input, "encoding_format": "float" });
    if let Some(dimensions) = fields.optional::<u32>("dimensions")? {
        wanted["dimensions"] = dimensions.into();
    }
    Ok((wanted.to_string().into(), model))
}

/// Returns the response body, from OpenAI's; `None` if that cannot be parsed.
pub fn embed_reply(kind: EmbedEndpoint, model: &str, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Wire {
        data: Vec<Vector>,
        #[serde(default)]
        usage: Option<Usage>,
    }
    #[derive(Deserialize)]
    struct Vector {
        #[serde(default)]
        index: usize,
        embedding: Vec<f32>,
    }
    #[derive(Deserialize)]
    struct Usage {
        #[serde(default)]
        prompt_tokens: u64,
    }
    let mut wire: Wire = serde_json::from_slice(body).ok()?;
    wire.data.sort_by_key(|vector| vector.index);
    let vectors: Vec<Vec<f32>> = wire.data.into_iter().map(|vector| vector.embedding).collect();
    let answer = match kind {
        EmbedEndpoint::Embed => json!({
            "model": model,
            "embeddings": vectors,
            "total_duration": 0,
            "load_duration": 0,
            "prompt_eval_count": wire.usage.map_or(0, |usage| usage.prompt_tokens),
        }),
        EmbedEndpoint::Embeddings => json!({ "embedding": vectors.first()? }),
    };
    Some(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_requests_become_openais_and_its_answer_theirs() {
        let asked = |kind, body: &'static [u8]| embed_request(kind, &Bytes::from_static(body));
        let (wanted, model) =
            asked(EmbedEndpoint::Embed, br#"{"model":"m:latest","input":["a","b"],"dimensions":3}"#).unwrap();
        let wanted: Value = serde_json::from_slice(&wanted).unwrap();
        let expected =
            json!({ "model": "m", "input": ["a", "b"], "encoding_format": "float", "dimensions": 3 });
        assert_eq!((wanted, model.as_str()), (expected, "m"));
        assert!(asked(EmbedEndpoint::Embeddings, br#"{"model":"m","prompt":"a"}"#).is_ok());
        for body in
            [&br#"{"model":"m"}"#[..], br#"{"model":"m","input":[1]}"#, br#"{"model":"m","input":[]}"#]
        {
            assert_eq!(asked(EmbedEndpoint::Embed, body).unwrap_err().param.as_deref(), Some("input"));
        }
        let answer = br#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[0.5]}],"usage":{"prompt_tokens":4}}"#;
        let texts: Value =
            serde_json::from_str(&embed_reply(EmbedEndpoint::Embed, "m", answer).unwrap()).unwrap();
        assert_eq!((&texts["embeddings"], &texts["prompt_eval_count"]), (&json!([[0.5], [2.0]]), &json!(4)));
        assert_eq!(
            embed_reply(EmbedEndpoint::Embeddings, "m", answer).as_deref(),
            Some(r#"{"embedding":[0.5]}"#)
        );
        assert_eq!(embed_reply(EmbedEndpoint::Embed, "m", b"{}"), None);
    }
}
