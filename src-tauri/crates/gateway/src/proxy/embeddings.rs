//! Embeddings: `POST /v1/embeddings` passes bytes through to the official API and back. Ollama's requests for
//! embeddings are translated to it.

use std::future::ready;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use http::HeaderValue;
use serde::Deserialize;
use warp::reply::Response;

use super::attempts;
use super::error::ProxyError;
use super::partial_request::PartialRequest;
use super::request_context::RequestContext;
use super::response::{ACCOUNT_HEADER, ATTEMPTS_HEADER, MODEL_HEADER, bytes_response, header_value};
use super::retry::RetryLoop;
use super::{CallerInfo, ProxyInner, cost};
use crate::accounts::{Lease, Unavailable};
use dialects::ollama::{self, EmbedEndpoint};
use dialects::{InvalidCode, InvalidRequest};
use protocol::is_model_name;
use storage::request_log::OpenRecord;
use upstreams::api_key::CompleteResponse;
use upstreams::{Capability, Credential, EmbeddingsCall, UpstreamError, UpstreamErrorKind, UpstreamFuture};

/// The API that the client uses.
#[derive(Debug, Clone, Copy)]
pub(super) enum EmbeddingsApi {
    OpenAi,
    Ollama(EmbedEndpoint),
}

impl EmbeddingsApi {
    /// The dialect's name in the request log.
    fn dialect_name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai-embeddings",
            Self::Ollama(_) => "ollama-embed",
        }
    }

    /// The body for the official API, and the model name.
    fn upstream_request(self, body: &Bytes) -> Result<(Bytes, String), InvalidRequest> {
        match self {
            Self::OpenAi => parse_model_name(body).map(|name| (body.clone(), name)),
            Self::Ollama(kind) => ollama::embed_request(kind, body),
        }
    }

    /// The body of the response to the client.
    fn client_response(self, name: &str, body: &Bytes) -> Result<Bytes, ProxyError> {
        match self {
            Self::OpenAi => Ok(body.clone()),
            Self::Ollama(kind) => ollama::embed_reply(kind, name, body).map(Bytes::from).ok_or_else(|| {
                ProxyError::Upstream(UpstreamError::new(
                    UpstreamErrorKind::BadResponse,
                    "the answer holds no embeddings",
                ))
            }),
        }
    }
}

/// Handles a request for embeddings.
pub(super) async fn handle_embeddings<S, B>(
    proxy: Arc<ProxyInner>,
    client_api: EmbeddingsApi,
    caller: CallerInfo,
    content_length: Option<u64>,
    stream: S,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf,
{
    let mut context = RequestContext::begin(proxy, caller, client_api.dialect_name());
    let body = match context.proxy.read_body(content_length, stream).await {
        Ok(body) => body,
        Err(problem) => return context.fail(&problem, 0),
    };
    context.entry.record_request_body(&body);
    let (body, name) = match client_api.upstream_request(&body) {
        Ok(asked) => asked,
        Err(invalid) => {
            PartialRequest::parse(&body).record(&mut context.entry);
            return context.fail(&ProxyError::Invalid(invalid), 0);
        }
    };
    context.entry.set_requested_model(&name, false);
    if let Some(problem) = context.proxy.key_limit_error(&context.caller.client, &name) {
        return context.fail(&problem, 0);
    }
    let closing = context.closing();
    let result = tokio::select! {
        answered = call_api(&context.proxy, client_api, &mut context.entry, &body, &name) => answered,
        () = closing => Err((ProxyError::Stopping, 0)),
    };
    match result {
        Ok(response) => {
            context.finish();
            response
        }
        Err((problem, attempts)) => context.fail(&problem, attempts),
    }
}

/// The model name, if the body has the required fields.
fn parse_model_name(body: &[u8]) -> Result<String, InvalidRequest> {
    #[derive(Deserialize)]
    struct Wire {
        model: String,
        #[serde(rename = "input")]
        _input: serde::de::IgnoredAny,
    }
    let invalid = |param: Option<&str>, message: &str| InvalidRequest {
        code: InvalidCode::InvalidRequest,
        param: param.map(str::to_owned),
        message: message.to_owned(),
    };
    let wire: Wire = serde_json::from_slice(body)
        .map_err(|_| invalid(None, "the body must be JSON with the fields 'model' and 'input'"))?;
    let Wire { model, .. } = wire;
    if is_model_name(&model) {
        Ok(model)
    } else {
        Err(invalid(Some("model"), "'model' must be 1 to 200 printable characters"))
    }
}

/// The error if no account has an API key. It is a 400, as for all features that need a key, since clients repeat a 503
/// for minutes.
fn api_key_required() -> InvalidRequest {
    let message = "embeddings need an account with an official API key, and there is none that may be used: set API_KEYS, \
                   or add one with 'mammouth-proxy accounts add'; the setting 'prefer' must not be only-web";
    InvalidRequest {
        code: InvalidCode::UnsupportedParameter,
        param: Some("model".to_owned()),
        message: message.to_owned(),
    }
}

async fn call_api(
    proxy: &ProxyInner,
    client_api: EmbeddingsApi,
    entry: &mut OpenRecord,
    body: &Bytes,
    name: &str,
) -> Result<Response, (ProxyError, usize)> {
    let model = proxy.parts.models.resolve(name);
    let call = |lease: &Lease, credential: Credential, _| {
        let id = lease.account.upstream;
        let call = EmbeddingsCall { credential, body: body.clone(), model: model.id_at(id).to_owned() };
        let future: UpstreamFuture<'static, CompleteResponse> = match proxy.parts.upstreams.get(id) {
            Ok(upstream) => Arc::clone(upstream).embed(call),
            Err(error) => Box::pin(ready(Err(error))),
        };
        future
    };
    let upstreams = model.upstreams_with(Capability::Embeddings);
    let retry_loop = RetryLoop { proxy, model: &model, conversation: None, upstreams };
    let served =
        retry_loop.run(entry, call, |whole: &CompleteResponse| whole.observed.model.as_deref()).await;
    let (complete, mut lease, attempts) = served.map_err(|(problem, calls)| {
        let no_api_key = matches!(problem, ProxyError::NoAccount(Unavailable::NoneOfUpstream(_)));
        (if no_api_key { ProxyError::Invalid(api_key_required()) } else { problem }, calls)
    })?;
    attempts::record_completion(proxy, &mut lease);
    let served = complete.observed.model.as_deref().unwrap_or_else(|| model.id_at(lease.account.upstream));
    entry.set_served_model(served);
    entry.record_first_byte();
    if let Some(usage) = complete.observed.usage {
        let upstream = lease.account.upstream;
        let info = model.at(upstream).and_then(|model| model.info.as_deref());
        cost::record_usage(entry, info, upstream, usage);
    }
    let client_body =
        client_api.client_response(name, &complete.body).map_err(|problem| (problem, attempts))?;
    entry.record_response_bytes(&client_body);
    let mut response = bytes_response(200, "application/json", client_body);
    let headers = response.headers_mut();
    headers.insert(ACCOUNT_HEADER, header_value(&lease.account.label));
    headers.insert(ATTEMPTS_HEADER, HeaderValue::from(attempts));
    headers.insert(MODEL_HEADER, header_value(served));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p05_a_request_without_model_or_input_is_invalid() {
        assert_eq!(
            parse_model_name(br#"{"model":"m","input":"x","encoding_format":"base64"}"#).unwrap(),
            "m"
        );
        for body in [
            r#"{"model":"m"}"#,
            r#"{"input":"x"}"#,
            "[]",
            "",
            r#"{"model":"","input":"x"}"#,
            r#"{"model":"a\nb","input":1}"#,
        ] {
            assert!(parse_model_name(body.as_bytes()).is_err(), "{body}");
        }
    }
}
