//! `POST /v1/embeddings`: the client's bytes to the official API, and its answer back as it is. Ollama's requests for
//! the same become such a one on the way.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use http::HeaderValue;
use serde::Deserialize;
use warp::reply::Response;

use super::answer::{ACCOUNT, ATTEMPTS, Answer, MODEL, header};
use super::exchange::Exchange;
use super::local;
use super::named::Named;
use super::problem::Problem;
use super::retry::{self, Task};
use super::{Caller, Inner, cost};
use crate::accounts::{KindSet, Lease, Unavailable};
use crate::chat::is_model_name;
use crate::dialects::ollama::{self, EmbedEndpoint};
use crate::dialects::{InvalidCode, InvalidRequest};
use crate::journal::Entry;
use crate::upstreams::api::CompleteResponse;
use crate::upstreams::{Credential, UpstreamError, UpstreamErrorKind};

/// Whose request it is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    OpenAi,
    Ollama(EmbedEndpoint),
}

impl Form {
    /// The name in the request log.
    fn dialect(self) -> &'static str {
        match self {
            Self::OpenAi => "openai-embeddings",
            Self::Ollama(_) => "ollama-embed",
        }
    }

    /// The body for the official API, and the model's name.
    fn request(self, body: &Bytes) -> Result<(Bytes, String), InvalidRequest> {
        match self {
            Self::OpenAi => read(body).map(|name| (body.clone(), name)),
            Self::Ollama(kind) => ollama::embed_request(kind, body),
        }
    }

    /// The body for the client.
    fn reply(self, name: &str, body: &Bytes) -> Result<Bytes, Problem> {
        match self {
            Self::OpenAi => Ok(body.clone()),
            Self::Ollama(kind) => ollama::embed_reply(kind, name, body).map(Bytes::from).ok_or_else(|| {
                Problem::Upstream(UpstreamError::new(
                    UpstreamErrorKind::BadResponse,
                    "the answer holds no embeddings",
                ))
            }),
        }
    }
}

/// Answers a request for embeddings.
pub(super) async fn embed<S, B>(
    proxy: Arc<Inner>,
    form: Form,
    caller: Caller,
    announced: Option<u64>,
    stream: S,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: Buf,
{
    let mut exchange = Exchange::begin(proxy, caller, form.dialect());
    let body = match local::read(&exchange.proxy, announced, stream).await {
        Ok(body) => body,
        Err(problem) => return exchange.fail(&problem, 0),
    };
    exchange.entry.received(&body);
    let (body, name) = match form.request(&body) {
        Ok(asked) => asked,
        Err(invalid) => {
            Named::in_body(&body).note(&mut exchange.entry);
            return exchange.fail(&Problem::Invalid(invalid), 0);
        }
    };
    exchange.entry.asked(&name, false);
    if let Some(problem) = exchange.proxy.client_limit(&exchange.caller.client, &name) {
        return exchange.fail(&problem, 0);
    }
    let closing = exchange.closing();
    let answered = tokio::select! {
        answered = ask(&exchange.proxy, form, &mut exchange.entry, &body, &name) => answered,
        () = closing => Err((Problem::Stopping, 0)),
    };
    match answered {
        Ok(response) => {
            exchange.answered();
            response
        }
        Err((problem, attempts)) => exchange.fail(&problem, attempts),
    }
}

/// The model's name, if the body has what a request for embeddings needs.
fn read(body: &[u8]) -> Result<String, InvalidRequest> {
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

/// 400, as for all that needs a key: after 503 clients try again for minutes.
fn needs_key() -> InvalidRequest {
    let message = "embeddings need an account with an official API key, and there is none that may be used: set API_KEYS, \
                   or add one with 'mammouth-proxy accounts add'; the setting 'prefer' must not be only-web";
    InvalidRequest {
        code: InvalidCode::UnsupportedParameter,
        param: Some("model".to_owned()),
        message: message.to_owned(),
    }
}

async fn ask(
    proxy: &Inner,
    form: Form,
    entry: &mut Entry,
    body: &Bytes,
    name: &str,
) -> Result<Response, (Problem, usize)> {
    let model = proxy.parts.names.resolve(name);
    let call = |_: &Lease, credential: &Credential, _| {
        let (api, credential) = (Arc::clone(&proxy.parts.api), credential.clone());
        let (body, id) = (body.clone(), model.api_id.clone());
        let asking: retry::Asking<'static, CompleteResponse> =
            Box::pin(async move { api.embeddings(&credential, &body, &id).await });
        asking
    };
    let task = Task { proxy, model: &model, conversation: None, kinds: KindSet::API };
    let served = task.run(entry, call, |whole: &CompleteResponse| whole.observed.model.clone()).await;
    let (whole, mut lease, attempts) = served.map_err(|(problem, calls)| {
        let no_key = matches!(problem, Problem::NoAccount(Unavailable::NoneOfKind(_)));
        (if no_key { Problem::Invalid(needs_key()) } else { problem }, calls)
    })?;
    retry::note_end(proxy, &mut lease, &model);
    let served = whole.observed.model.as_deref().unwrap_or(&model.api_id);
    entry.served(served);
    entry.first_byte();
    if let Some(usage) = whole.observed.usage {
        cost::note(entry, &model, &lease, usage);
    }
    let answer = form.reply(name, &whole.body).map_err(|problem| (problem, attempts))?;
    entry.sent(&answer);
    let mut response = Answer::bytes(200, "application/json", answer);
    let headers = response.headers_mut();
    headers.insert(ACCOUNT, header(&lease.account.label));
    headers.insert(ATTEMPTS, HeaderValue::from(attempts));
    headers.insert(MODEL, header(served));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p05_a_request_without_model_or_input_is_refused() {
        assert_eq!(read(br#"{"model":"m","input":"x","encoding_format":"base64"}"#).unwrap(), "m");
        for body in [
            r#"{"model":"m"}"#,
            r#"{"input":"x"}"#,
            "[]",
            "",
            r#"{"model":"","input":"x"}"#,
            r#"{"model":"a\nb","input":1}"#,
        ] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
