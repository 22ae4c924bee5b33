//! Questions that the program answers by itself: what models there are, how many tokens a text has, what was answered
//! before, and what clients ask on the side.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::reply::Response;

use super::answer::{Answer, problem};
use super::problem::Problem;
use super::{Caller, Inner, body, models};
use crate::access;
use crate::accounts::KindSet;
use crate::chat::prompt_tokens;
use crate::dialects::{self, Dialect, ollama};
use crate::upstreams::ListedModel;

/// The context that is told of a model of which nothing is known.
const CONTEXT: u64 = 128_000;

/// Reads a body within the limits that hold for all bodies.
pub(super) async fn read<S, B>(proxy: &Inner, announced: Option<u64>, stream: S) -> Result<Bytes, Problem>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let body = body::read(stream, announced, proxy.parts.body_limit, &proxy.bodies).await;
    body.map(body::Body::shared).map_err(Problem::Body)
}

/// `POST /v1/messages/count_tokens`: an estimate.
pub(super) async fn count_tokens<S, B>(proxy: Arc<Inner>, announced: Option<u64>, stream: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let counted = async {
        let body = read(&proxy, announced, stream).await?;
        // Counting takes its time, and the first count loads a vocabulary.
        let counting = tokio::task::spawn_blocking(move || {
            let decoded = Dialect::Anthropic.decode(&body).map_err(Problem::Invalid)?;
            Ok(prompt_tokens(&decoded.request))
        });
        counting.await.map_err(|_| Problem::Internal)?
    };
    match counted.await {
        Ok(tokens) => Answer::json(200, dialects::anthropic_count(tokens)),
        Err(error) => problem(&error, access::Dialect::Anthropic).0,
    }
}

/// `POST /api/show`.
pub(super) async fn show<S, B>(proxy: Arc<Inner>, announced: Option<u64>, stream: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
{
    let named = async {
        let body = read(&proxy, announced, stream).await?;
        ollama::requested_model(&body).map_err(Problem::Invalid)
    };
    match named.await {
        Ok(name) => shown(&proxy, &name).await,
        Err(error) => problem(&error, access::Dialect::Ollama).0,
    }
}

async fn shown(proxy: &Inner, name: &str) -> Response {
    let listed = models::listed_soon(proxy).await;
    let Some((listed, _)) = listed.iter().find(|(listed, _)| listed.name == name) else {
        return problem(&Problem::NoSuchModel, access::Dialect::Ollama).0;
    };
    let info = listed.model.info.clone().unwrap_or_default();
    let model = ollama::OllamaModel {
        name: &listed.name,
        family: &listed.owner,
        context: info.context.unwrap_or(CONTEXT),
        vision: info.vision.unwrap_or(true),
        tools: info.tools.unwrap_or(true),
        reasoning: info.reasoning.unwrap_or(false),
    };
    Answer::json(200, ollama::show(&model))
}

/// `GET /api/tags`.
pub(super) async fn tags(proxy: Arc<Inner>) -> Response {
    let listed = models::listed_soon(&proxy).await;
    let names = listed.iter().map(|(listed, _)| (listed.name.as_str(), listed.owner.as_str()));
    Answer::json(200, ollama::tags(names))
}

/// `GET /v1/models`, in the form that the client reads.
pub(super) async fn list(proxy: Arc<Inner>, caller: Caller) -> Response {
    let listed = models::listed_soon(&proxy).await;
    Answer::json(
        200,
        match caller.form {
            access::Dialect::Anthropic => {
                dialects::anthropic_models(listed.iter().map(|(listed, _)| listed.name.as_str()))
            }
            access::Dialect::OpenAi | access::Dialect::Ollama | access::Dialect::Plain => {
                dialects::openai_models(listed.iter().map(|(listed, by)| entry(listed, *by)))
            }
        },
    )
}

/// `GET /v1/models/{id}`.
pub(super) async fn model(proxy: Arc<Inner>, caller: Caller, id: &str) -> Response {
    match models::listed_soon(&proxy).await.iter().find(|(listed, _)| listed.name == id) {
        Some((listed, _)) if caller.form == access::Dialect::Anthropic => {
            Answer::json(200, dialects::anthropic_model(&listed.name))
        }
        Some((listed, by)) => Answer::json(200, dialects::openai_model(entry(listed, *by))),
        None => problem(&Problem::NoSuchModel, caller.form).0,
    }
}

fn entry(listed: &ListedModel, by: KindSet) -> dialects::ModelEntry<'_> {
    let facts = models::facts(listed, by);
    dialects::ModelEntry { id: &listed.name, owner: &listed.owner, extra: facts }
}

/// `GET /v1/responses/{id}`.
pub(super) fn response(proxy: &Inner, caller: &Caller, id: &str) -> Response {
    match proxy.threads.body(&caller.client, id, Instant::now()) {
        Some(body) => Answer::json(200, body),
        None => problem(&Problem::NoSuchResponse, access::Dialect::OpenAi).0,
    }
}

/// `DELETE /v1/responses/{id}`.
pub(super) fn forget(proxy: &Inner, caller: &Caller, id: &str) -> Response {
    if proxy.threads.forget(&caller.client, id, Instant::now()) {
        Answer::json(200, dialects::response_deleted(id))
    } else {
        problem(&Problem::NoSuchResponse, access::Dialect::OpenAi).0
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::accounts::{Accounts, Clock};
    use crate::journal::Journal;
    use crate::proxy::{Parts, Proxy};
    use crate::upstreams::api::{self, ApiUpstream, CatalogCache, ModelCatalog};
    use crate::upstreams::web::{WebSettings, WebUpstream};
    use crate::upstreams::{ModelRegistry, ModelSettings};

    fn inner(shelf: &CatalogCache) -> Arc<Inner> {
        let clock = Clock::default();
        let parts = Parts {
            accounts: Accounts::new(Vec::new(), Default::default(), None, clock.now()),
            web: Arc::new(WebUpstream::new(WebSettings::default()).unwrap()),
            journal: Journal::in_memory(),
            api: Arc::new(ApiUpstream::new(api::ApiSettings::default()).unwrap()),
            names: ModelRegistry::new(ModelSettings::default(), shelf.clone()),
            clock,
            limits: access::Limits::default(),
            body_limit: 1_000,
        };
        Proxy::new(parts).inner
    }

    fn caller(form: access::Dialect) -> Caller {
        Caller { request_id: "".into(), client: "".into(), form, closing: Default::default() }
    }

    async fn text(response: Response) -> String {
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    /// The answer to a request that is made before the first catalogue is there.
    async fn early(ask: impl AsyncFnOnce(Arc<Inner>) -> Response) -> String {
        let shelf = CatalogCache::default();
        shelf.mark_loading();
        let arrives = async {
            tokio::task::yield_now().await;
            let catalogue = serde_json::json!({"models": {"model-of-the-catalogue": {}}});
            shelf.publish(serde_json::from_value::<ModelCatalog>(catalogue).ok());
        };
        let (response, ()) = tokio::join!(ask(inner(&shelf)), arrives);
        text(response).await
    }

    #[tokio::test(start_paused = true)]
    async fn lists_of_models_wait_for_the_first_catalogue() {
        let name = "model-of-the-catalogue";
        for form in [access::Dialect::OpenAi, access::Dialect::Anthropic] {
            assert!(early(async |inner| list(inner, caller(form)).await).await.contains(name));
            let one = early(async |inner| model(inner, caller(form), name).await).await;
            assert!(one.contains(name), "{one}");
        }
        assert!(early(async |inner| tags(inner).await).await.contains(name));
        let shown = early(async |inner| shown(&inner, name).await).await;
        assert!(shown.contains("model_info"), "{shown}");
    }
}
