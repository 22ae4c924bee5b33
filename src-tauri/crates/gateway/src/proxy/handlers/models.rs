//! Model lists and model details, in the format of each API family.

use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use warp::reply::Response;

use super::respond_to_body;
use crate::proxy::error::ProxyError;
use crate::proxy::request_origin::CLAUDE_CODE;
use crate::proxy::response::{json_response, render_error};
use crate::proxy::{CallerInfo, ProxyInner, model_routing};
use dialects::{ApiFamily, ollama};
use upstreams::{ListedModel, UpstreamSet};

/// The context length, in tokens, that is reported for a model whose context length is unknown.
const DEFAULT_CONTEXT_LENGTH: u64 = 128_000;

/// `POST /api/show`.
pub(in crate::proxy) async fn ollama_show<S, B>(
    proxy: Arc<ProxyInner>,
    content_length: Option<u64>,
    stream: S,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    respond_to_body(proxy, content_length, stream, ApiFamily::Ollama, async |proxy, body| {
        let name = ollama::requested_model(&body).map_err(ProxyError::Invalid)?;
        show_response(&proxy, &name).await
    })
    .await
}

async fn show_response(proxy: &ProxyInner, name: &str) -> Result<Response, ProxyError> {
    let listed = model_routing::wait_for_listed_models(proxy).await;
    let found = listed.iter().find(|(listed, _)| listed.name == name);
    let (listed, _) = found.ok_or(ProxyError::NoSuchModel)?;
    let info = listed.model.info.clone().unwrap_or_default();
    let model = ollama::OllamaModel {
        name: &listed.name,
        family: &listed.owner,
        context: info.context.unwrap_or(DEFAULT_CONTEXT_LENGTH),
        vision: info.vision.unwrap_or(true),
        tools: info.tools.unwrap_or(true),
        reasoning: info.reasoning.unwrap_or(false),
    };
    Ok(json_response(200, ollama::show(&model)))
}

/// `GET /api/tags`.
pub(in crate::proxy) async fn ollama_tags(proxy: Arc<ProxyInner>) -> Response {
    let listed = model_routing::wait_for_listed_models(&proxy).await;
    let names = listed.iter().map(|(listed, _)| (listed.name.as_str(), listed.owner.as_str()));
    json_response(200, ollama::tags(names))
}

/// `GET /v1/models`, in the format of the client's API family.
pub(in crate::proxy) async fn list_models(proxy: Arc<ProxyInner>, caller: CallerInfo) -> Response {
    let listed = model_routing::wait_for_listed_models(&proxy).await;
    json_response(
        200,
        match caller.api_family {
            ApiFamily::Anthropic => {
                let is_claude_code = caller.origin.program == Some(CLAUDE_CODE);
                let names = listed.iter().map(|(listed, _)| listed.name.as_str());
                dialects::anthropic_models(names.map(|name| {
                    let id = if is_claude_code { model_routing::claude_code_id(name) } else { name.into() };
                    (id, name)
                }))
            }
            ApiFamily::OpenAi | ApiFamily::Ollama | ApiFamily::Plain => {
                dialects::openai_models(listed.iter().map(|(listed, serving)| model_entry(listed, serving)))
            }
        },
    )
}

/// `GET /v1/models/{id}`.
pub(in crate::proxy) async fn get_model(proxy: Arc<ProxyInner>, caller: CallerInfo, id: &str) -> Response {
    let name = model_routing::without_claude_code_suffix(id);
    match model_routing::wait_for_listed_models(&proxy).await.iter().find(|(listed, _)| listed.name == name) {
        Some((listed, _)) if caller.api_family == ApiFamily::Anthropic => {
            json_response(200, dialects::anthropic_model(id, &listed.name))
        }
        Some((listed, serving)) => json_response(200, dialects::openai_model(model_entry(listed, serving))),
        None => render_error(&ProxyError::NoSuchModel, caller.api_family).0,
    }
}

fn model_entry<'a>(listed: &'a ListedModel, serving: &UpstreamSet) -> dialects::ModelEntry<'a> {
    let metadata = model_routing::model_metadata(listed, serving);
    dialects::ModelEntry { id: &listed.name, owner: &listed.owner, extra: metadata }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::proxy::{Proxy, ProxyParts};
    use upstreams::api_key::{CatalogCache, ModelCatalog};
    use upstreams::{ModelRegistry, ModelSettings, UPSTREAMS};

    fn inner(cache: &CatalogCache) -> Arc<ProxyInner> {
        let models = ModelRegistry::new(ModelSettings::default(), cache.clone(), UPSTREAMS);
        Proxy::new(ProxyParts { models, ..ProxyParts::for_tests() }).inner
    }

    fn caller(api_family: ApiFamily) -> CallerInfo {
        CallerInfo {
            request_id: "".into(),
            client: "".into(),
            api_family,
            origin: Default::default(),
            closing: Default::default(),
        }
    }

    async fn text(response: Response) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// The response to a request that arrives before the first catalog is loaded.
    async fn before_the_catalog(ask: impl AsyncFnOnce(Arc<ProxyInner>) -> Response) -> String {
        let cache = CatalogCache::default();
        cache.mark_loading();
        let catalog_arrives = async {
            tokio::task::yield_now().await;
            let catalog = serde_json::json!({"models": {"model-of-the-catalogue": {}}});
            cache.publish(serde_json::from_value::<ModelCatalog>(catalog).ok());
        };
        let (response, ()) = tokio::join!(ask(inner(&cache)), catalog_arrives);
        text(response).await
    }

    #[tokio::test(start_paused = true)]
    async fn model_lists_wait_for_the_first_catalog() {
        let name = "model-of-the-catalogue";
        for form in [ApiFamily::OpenAi, ApiFamily::Anthropic] {
            assert!(
                before_the_catalog(async |inner| list_models(inner, caller(form)).await).await.contains(name)
            );
            let one = before_the_catalog(async |inner| get_model(inner, caller(form), name).await).await;
            assert!(one.contains(name), "{one}");
        }
        assert!(before_the_catalog(async |inner| ollama_tags(inner).await).await.contains(name));
        let shown = before_the_catalog(async |inner| show_response(&inner, name).await.unwrap()).await;
        assert!(shown.contains("model_info"), "{shown}");
    }
}
