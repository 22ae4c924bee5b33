//! Rewriting of a client's request body: the same bytes except for a few top-level fields. Pure.
//!
//! Fields that control LiteLLM itself (destination, key) never pass: a client of a model must not make Mammouth's proxy
//! call another host.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use reqwest::Body;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::ModelParams;
use crate::transport::offload::offload_if_large;
use crate::{UpstreamError, UpstreamErrorKind};
use protocol::Request;

/// Body fields that LiteLLM reads as its own parameters.
const BLOCKED_LITELLM_PARAMS: [&str; 37] = [
    "api_base",
    "base_url",
    "api_key",
    "api_version",
    "api_type",
    "azure_ad_token",
    "azure_ad_token_provider",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_region_name",
    "aws_bedrock_runtime_endpoint",
    "aws_role_name",
    "aws_profile_name",
    "aws_session_name",
    "aws_web_identity_token",
    "aws_sts_endpoint",
    "vertex_project",
    "vertex_location",
    "vertex_credentials",
    "custom_llm_provider",
    "proxy",
    "extra_headers",
    "headers",
    "extra_body",
    "organization",
    "user_config",
    "fallbacks",
    "context_window_fallbacks",
    "content_policy_fallbacks",
    "model_list",
    "router_settings",
    "mock_response",
    "mock_tool_calls",
    "mock_timeout",
    "deployment_id",
    "no-log",
];
const BLOCKED_PARAM_PREFIXES: [&str; 2] = ["litellm_", "mock_"];

/// A rewritten body.
pub(super) struct RewrittenBody {
    pub(super) body: Body,
    /// Whether only the proxy requested the usage chunk.
    pub(super) drop_usage: bool,
}

/// Rewrites a chat completion: sets the model's id, `max_tokens` if the client sent none, and requests the usage.
pub(super) fn chat(
    original: &[(String, Bytes)],
    request: &Request,
    params: ModelParams<'_>,
) -> RewrittenBody {
    let passed = original.iter().filter(|(name, _)| !is_blocked_param(name));
    let mut fields =
        BodyFields(passed.map(|(name, value)| (name.clone(), BodyField(value.clone()))).collect());
    fields.set("model", &json!(params.model));
    if let Some(max_tokens) = params.max_tokens.filter(|_| request.max_tokens.is_none()) {
        fields.remove(&["max_tokens", "max_completion_tokens"]);
        fields.set("max_tokens", &json!(max_tokens));
    }
    let options = fields.get("stream_options").unwrap_or(Value::Null);
    let usage_requested = options["include_usage"] == true;
    if request.stream && !usage_requested {
        let mut options = options.as_object().cloned().unwrap_or_default();
        options.insert("include_usage".to_owned(), json!(true));
        fields.set("stream_options", &Value::Object(options));
    }
    RewrittenBody { body: fields.into_body(), drop_usage: request.stream && !usage_requested }
}

/// Rewrites an embeddings request: sets the model's id.
///
/// # Errors
/// [`UpstreamErrorKind::Rejected`]: the body is not a JSON object.
pub(super) async fn embeddings(original: &Bytes, model: &str) -> Result<Body, UpstreamError> {
    let mut fields = BodyFields::parse_offloaded(original).await?;
    fields.set("model", &json!(model));
    Ok(fields.into_body())
}

/// Largest value that is copied, bytes.
const MAX_COPIED_BYTES: usize = 16 * 1024;

/// Value of a field: a slice of the client's body, or a new one. Never empty.
struct BodyField(Bytes);

/// The fields of an object in the client's order.
struct BodyFields(Vec<(String, BodyField)>);

impl BodyFields {
    async fn parse_offloaded(original: &Bytes) -> Result<Self, UpstreamError> {
        let original = original.clone();
        offload_if_large(original.len(), move || Self::parse(&original)).await
    }

    fn parse(original: &Bytes) -> Result<Self, UpstreamError> {
        let no_object = |_| UpstreamError::new(UpstreamErrorKind::Rejected, "the body is not a JSON object");
        let raw: RawFields<'_> = serde_json::from_slice(original).map_err(no_object)?;
        let passed = raw.0.into_iter().filter(|(name, _)| !is_blocked_param(name));
        Ok(Self(
            passed.map(|(name, raw)| (name, BodyField(original.slice_ref(raw.get().as_bytes())))).collect(),
        ))
    }

    fn get(&self, name: &str) -> Option<Value> {
        let (_, field) = self.0.iter().find(|(field, _)| field == name)?;
        serde_json::from_slice(&field.0).ok()
    }

    fn set(&mut self, name: &str, value: &Value) {
        let field = BodyField(value.to_string().into());
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = field,
            None => self.0.push((name.to_owned(), field)),
        }
    }

    fn remove(&mut self, names: &[&str]) {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
    }

    /// Writes the object. Large values are not copied; small ones are joined into one chunk, which is faster.
    fn into_body(self) -> Body {
        let mut pieces = VecDeque::new();
        let mut small =
            Vec::with_capacity(self.0.iter().map(|(name, field)| name.len() + field.copied_len() + 8).sum());
        for (at, (name, field)) in self.0.into_iter().enumerate() {
            small.push(if at == 0 { b'{' } else { b',' });
            serde_json::to_writer(&mut small, &name).expect("a text becomes JSON and a buffer takes it");
            small.push(b':');
            if field.copied_len() > 0 {
                small.extend_from_slice(&field.0);
            } else {
                pieces.push_back(std::mem::take(&mut small).into());
                pieces.push_back(field.0);
            }
        }
        small.push(b'}');
        if pieces.is_empty() {
            return small.into();
        }
        pieces.push_back(small.into());
        let left = pieces.iter().map(|piece: &Bytes| piece.len() as u64).sum();
        Body::wrap(ChunkedBody { pieces, left })
    }
}

impl BodyField {
    /// Number of bytes to copy; 0 if the value is too large.
    fn copied_len(&self) -> usize {
        if self.0.len() <= MAX_COPIED_BYTES { self.0.len() } else { 0 }
    }
}

fn is_blocked_param(name: &str) -> bool {
    let begins_with =
        |begin: &str| name.get(..begin.len()).is_some_and(|start| start.eq_ignore_ascii_case(begin));
    BLOCKED_LITELLM_PARAMS.iter().any(|blocked| name.eq_ignore_ascii_case(blocked))
        || BLOCKED_PARAM_PREFIXES.into_iter().any(begins_with)
}

/// Body of known length in chunks.
struct ChunkedBody {
    pieces: VecDeque<Bytes>,
    left: u64,
}

impl http_body::Body for ChunkedBody {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let piece = self.pieces.pop_front();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Unparsed fields of an object.
struct RawFields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for RawFields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawFields<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry::<String, &RawValue>()? {
            fields.push(field);
        }
        Ok(RawFields(fields))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    const ASK: ModelParams<'_> = ModelParams { model: "real-id", max_tokens: None, supports_reasoning: None };

    async fn sent(original: &str, request: &Request, ask: ModelParams<'_>) -> (String, bool) {
        let fields = BodyFields::parse(&Bytes::from(original.to_owned())).unwrap();
        let fields: Vec<(String, Bytes)> =
            fields.0.into_iter().map(|(name, value)| (name, value.0)).collect();
        let rewritten = chat(&fields, request, ask);
        let body = rewritten.body.collect().await.unwrap().to_bytes();
        (String::from_utf8(body.to_vec()).unwrap(), rewritten.drop_usage)
    }

    fn request(stream: bool, max_tokens: Option<u64>) -> Request {
        Request { stream, max_tokens, ..Request::default() }
    }

    #[tokio::test]
    async fn what_the_client_wrote_stays_byte_for_byte() {
        let original = r#"{"messages": [ {"role":"user","content":"\u00e4  b"} ],"x":1e5,"model":"alias"}"#;
        let (body, drop_usage) = sent(original, &request(false, None), ASK).await;
        assert_eq!(
            body,
            r#"{"messages":[ {"role":"user","content":"\u00e4  b"} ],"x":1e5,"model":"real-id"}"#
        );
        assert!(!drop_usage);
    }

    #[tokio::test]
    async fn max_tokens_is_filled_in_only_where_none_was_given() {
        let ask = ModelParams { max_tokens: Some(64_000), ..ASK };
        let (body, _) = sent(r#"{"model":"a","max_tokens":null}"#, &request(false, None), ask).await;
        assert_eq!(body, r#"{"model":"real-id","max_tokens":64000}"#);
        let (body, _) =
            sent(r#"{"model":"a","max_completion_tokens":5}"#, &request(false, Some(5)), ask).await;
        assert_eq!(body, r#"{"model":"real-id","max_completion_tokens":5}"#);
    }

    #[tokio::test]
    async fn the_usage_chunk_is_requested_and_dropped() {
        let (body, drop_usage) = sent(r#"{"model":"a","stream":true}"#, &request(true, None), ASK).await;
        assert!(drop_usage && body.ends_with(r#""stream_options":{"include_usage":true}}"#), "{body}");
        let asked = r#"{"model":"a","stream":true,"stream_options":{"include_usage":true}}"#;
        assert!(!sent(asked, &request(true, None), ASK).await.1);
    }

    #[tokio::test]
    async fn p18_params_that_control_the_litellm_proxy_are_dropped() {
        let mut fields: Vec<String> =
            BLOCKED_LITELLM_PARAMS.iter().map(|name| format!(r#""{name}":"https://evil.example""#)).collect();
        fields.extend([r#""litellm_params":{}"#.into(), r#""API_BASE":"x""#.into(), r#""model":"a""#.into()]);
        let (body, _) = sent(&format!("{{{}}}", fields.join(",")), &request(false, None), ASK).await;
        assert_eq!(body, r#"{"model":"real-id"}"#);
    }

    #[tokio::test]
    async fn large_values_are_not_copied() {
        let long = "x".repeat(MAX_COPIED_BYTES);
        let original = format!(r#"{{"a":1,"model":"m","long":"{long}","b":[2],"more":"{long}"}}"#);
        let (body, _) = sent(&original, &request(false, None), ASK).await;
        assert!(body == original.replace(r#""m""#, r#""real-id""#), "{} bytes", body.len());
    }

    #[tokio::test]
    async fn only_a_json_object_is_accepted() {
        for text in ["[]", "", "{\"a\":1} x", "{\"a\":}"] {
            let refused = embeddings(&Bytes::from_static(text.as_bytes()), "m").await;
            assert_eq!(refused.err().unwrap().kind, UpstreamErrorKind::Rejected, "{text}");
        }
    }
}
