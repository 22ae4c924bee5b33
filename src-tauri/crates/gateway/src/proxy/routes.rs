//! The routes: as the table for the guard, and as warp filters that handle requests.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use http::Method;
use warp::filters::BoxedFilter;
use warp::path::Tail;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::embeddings::{self, EmbeddingsApi};
use super::error::ProxyError;
use super::response::{bytes_response, json_response, render_error};
use super::{CallerInfo, Proxy, ProxyInner, completion, handlers};
use crate::auth::{self, Route, Scope};
use dialects::Dialect;
use dialects::ollama::EmbedEndpoint;

/// The OpenAPI document of the client API. A test compares it with [`route_table`].
const OPENAPI: &str = include_str!("openapi.json");

/// All routes of this module, with canonical paths.
pub fn route_table() -> Vec<Route> {
    use auth::ApiFamily::{Anthropic, Ollama, OpenAi, Plain};
    let client = |method, path, dialect| Route { method, path, scope: Scope::Client, api_family: dialect };
    vec![
        client(Method::POST, "/v1/chat/completions", OpenAi),
        client(Method::POST, "/v1/messages", Anthropic),
        client(Method::POST, "/v1/responses", OpenAi),
        client(Method::POST, "/v1/completions", OpenAi),
        client(Method::POST, "/v1/embeddings", OpenAi),
        client(Method::GET, "/v1/models", OpenAi),
        client(Method::GET, "/v1/models/{id}", OpenAi),
        client(Method::GET, "/v1/responses/{id}", OpenAi),
        client(Method::DELETE, "/v1/responses/{id}", OpenAi),
        client(Method::POST, "/v1/messages/count_tokens", Anthropic),
        client(Method::POST, "/api/event_logging/batch", Anthropic),
        client(Method::GET, "/api/claude_cli/bootstrap", Anthropic),
        client(Method::HEAD, "/api/hello", Anthropic),
        client(Method::POST, "/api/chat", Ollama),
        client(Method::POST, "/api/generate", Ollama),
        client(Method::POST, "/api/embed", Ollama),
        client(Method::POST, "/api/embeddings", Ollama),
        client(Method::POST, "/api/show", Ollama),
        client(Method::GET, "/api/tags", Ollama),
        client(Method::GET, "/api/version", Ollama),
        client(Method::GET, "/api/ps", Ollama),
        client(Method::GET, "/openapi.json", Plain),
        client(Method::GET, "/metrics", Plain),
        Route { method: Method::GET, path: "/healthz", scope: Scope::Public, api_family: Plain },
    ]
}

/// The warp filters of [`route_table`]. The most frequent route is first and outermost, because warp tries the filters
/// in order and calls each layer around the one that matches.
pub fn routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let chat =
        completion_route(proxy, warp::path!("v1" / "chat" / "completions").boxed(), Dialect::OpenAiChat);
    let messages = completion_route(proxy, warp::path!("v1" / "messages").boxed(), Dialect::Anthropic);
    let completions = [
        (warp::path!("v1" / "responses").boxed(), Dialect::OpenAiResponses),
        (warp::path!("v1" / "completions").boxed(), Dialect::OpenAiCompletions),
        (warp::path!("api" / "chat").boxed(), Dialect::OllamaChat),
        (warp::path!("api" / "generate").boxed(), Dialect::OllamaGenerate),
    ];
    let other_completions = completions.into_iter().fold(messages, |before, (path, dialect)| {
        before.or(completion_route(proxy, path, dialect)).unify().boxed()
    });
    let vectors = embeddings_route(proxy, warp::path!("v1" / "embeddings").boxed(), EmbeddingsApi::OpenAi)
        .or(embeddings_route(
            proxy,
            warp::path!("api" / "embed").boxed(),
            EmbeddingsApi::Ollama(EmbedEndpoint::Embed),
        ))
        .unify()
        .or(embeddings_route(
            proxy,
            warp::path!("api" / "embeddings").boxed(),
            EmbeddingsApi::Ollama(EmbedEndpoint::Embeddings),
        ))
        .unify();
    let api_routes = vectors
        .or(model_routes(proxy))
        .unify()
        .or(response_routes(proxy))
        .unify()
        .or(count_tokens_route(proxy))
        .unify();
    let other_routes =
        ollama_routes(proxy).or(claude_code_routes()).unify().or(operational_routes(proxy)).unify();
    chat.or(other_completions.or(api_routes).unify().or(other_routes).unify()).unify().boxed()
}

fn completion_route(proxy: &Proxy, path: BoxedFilter<()>, dialect: Dialect) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    with_body(path)
        .then(move |caller, content_length, body| {
            completion::handle_completion(Arc::clone(&inner), dialect, caller, content_length, body)
        })
        .boxed()
}

/// Extracts the caller, the announced content length and the body stream.
fn with_body(
    path: BoxedFilter<()>,
) -> impl Filter<
    Extract = (CallerInfo, Option<u64>, impl Stream<Item = Result<impl Buf, warp::Error>>),
    Error = Rejection,
> + Clone
+ use<> {
    path.and(warp::post())
        .and(warp::ext::get::<CallerInfo>())
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::body::stream())
}

/// Adds a handle to the proxy to each request.
fn with_proxy(
    proxy: &Proxy,
) -> impl Filter<Extract = (Arc<ProxyInner>,), Error = Infallible> + Clone + use<> {
    let inner = Arc::clone(&proxy.inner);
    warp::any().map(move || Arc::clone(&inner))
}

fn embeddings_route(
    proxy: &Proxy,
    path: BoxedFilter<()>,
    client_api: EmbeddingsApi,
) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    with_body(path)
        .then(move |caller, content_length, body| {
            embeddings::handle_embeddings(Arc::clone(&inner), client_api, caller, content_length, body)
        })
        .boxed()
}

fn model_routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let caller = || warp::ext::get::<CallerInfo>();
    let list = warp::path!("v1" / "models").and(warp::get()).and(with_proxy(proxy)).and(caller());
    let list = list.then(handlers::list_models);
    let one = warp::path!("v1" / "models" / ..).and(warp::path::tail()).and(warp::get());
    let one = one.and(with_proxy(proxy)).and(caller());
    let one = one.then(|id: Tail, proxy: Arc<ProxyInner>, caller: CallerInfo| async move {
        handlers::get_model(proxy, caller, id.as_str()).await
    });
    list.or(one).unify().boxed()
}

fn response_routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let one = warp::path!("v1" / "responses" / ..).and(warp::path::tail()).and(with_proxy(proxy));
    let one = one.and(warp::ext::get::<CallerInfo>());
    let read = one.clone().and(warp::get());
    let read = read.map(|id: Tail, proxy: Arc<ProxyInner>, caller: CallerInfo| {
        handlers::get_response(&proxy, &caller, id.as_str())
    });
    let delete = one.and(warp::delete());
    let delete = delete.map(|id: Tail, proxy: Arc<ProxyInner>, caller: CallerInfo| {
        handlers::delete_response(&proxy, &caller, id.as_str())
    });
    read.or(delete).unify().boxed()
}

fn count_tokens_route(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let path = warp::path!("v1" / "messages" / "count_tokens").and(warp::post()).and(with_proxy(proxy));
    path.and(warp::header::optional::<u64>("content-length"))
        .and(warp::body::stream())
        .then(handlers::count_tokens)
        .boxed()
}

fn ollama_routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let show = warp::path!("api" / "show").and(warp::post()).and(with_proxy(proxy));
    let show = show.and(warp::header::optional::<u64>("content-length")).and(warp::body::stream());
    let show = show.then(handlers::ollama_show);
    let tags = warp::path!("api" / "tags").and(warp::get()).and(with_proxy(proxy));
    let tags = tags.then(handlers::ollama_tags);
    let version = warp::path!("api" / "version").and(warp::get());
    let version = version.map(|| json_response(200, dialects::ollama::version()));
    let running = warp::path!("api" / "ps").and(warp::get());
    let running = running.map(|| json_response(200, dialects::ollama::running()));
    show.or(tags).unify().or(version).unify().or(running).unify().boxed()
}

/// Side requests of Claude Code to Anthropic's servers. Their content is discarded, and the responses offer nothing.
fn claude_code_routes() -> BoxedFilter<(Response,)> {
    let events = warp::path!("api" / "event_logging" / "batch").and(warp::post());
    let bootstrap = warp::path!("api" / "claude_cli" / "bootstrap").and(warp::get());
    let hello = warp::path!("api" / "hello").and(warp::get());
    events.or(bootstrap).unify().or(hello).unify().map(|| json_response(200, "{}".to_owned())).boxed()
}

fn operational_routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    let metrics = warp::path!("metrics").and(warp::get()).map(move || {
        let dropped = inner.parts.request_log.counters().dropped;
        bytes_response(200, "text/plain; version=0.0.4; charset=utf-8", inner.metrics.render(dropped).into())
    });
    let health =
        warp::path!("healthz").and(warp::get()).map(|| json_response(200, r#"{"status":"ok"}"#.to_owned()));
    let openapi = warp::path!("openapi.json").and(warp::get());
    let described = openapi.map(|| json_response(200, OPENAPI.to_owned()));
    metrics.or(health).unify().or(described).unify().boxed()
}

/// The response if no filter matched. This is a bug: the route table and the filters differ.
pub async fn handle_rejection(_rejection: Rejection) -> Result<Response, Infallible> {
    Ok(internal_error_response())
}

/// The response to a request whose handler failed to produce one.
pub fn internal_error_response() -> Response {
    render_error(&ProxyError::Internal, auth::ApiFamily::OpenAi).0
}
