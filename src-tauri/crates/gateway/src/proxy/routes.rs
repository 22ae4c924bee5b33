//! The routes: as the table for the guard, and as warp filters that handle requests.

use std::convert::Infallible;
use std::future::ready;
use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use http::Method;
use warp::filters::BoxedFilter;
use warp::path::{FullPath, Tail};
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::embeddings::{self, EmbeddingsApi};
use super::error::ProxyError;
use super::response::{bytes_response, json_response, render_error};
use super::{CallerInfo, Proxy, ProxyInner, completion, handlers};
use crate::auth::{Route, Scope};
use dialects::ollama::EmbedEndpoint;
use dialects::{ApiFamily, Dialect};

/// The OpenAPI document of the client API. A test compares it with [`route_table`].
const OPENAPI: &str = include_str!("openapi.json");

/// Returns all routes of this module, with canonical paths. `dialects` are those that are served.
pub fn route_table(dialects: &[&dyn Dialect]) -> Vec<Route> {
    use ApiFamily::{Anthropic, Ollama, OpenAi, Plain};
    let client = |method, path, api_family| Route { method, path, scope: Scope::Client, api_family };
    let completions =
        dialects.iter().map(|dialect| client(Method::POST, dialect.path(), dialect.api_family()));
    let others = [
        client(Method::POST, "/v1/embeddings", OpenAi),
        client(Method::GET, "/v1/models", OpenAi),
        client(Method::GET, "/v1/models/{id}", OpenAi),
        client(Method::GET, "/v1/responses/{id}", OpenAi),
        client(Method::DELETE, "/v1/responses/{id}", OpenAi),
        client(Method::POST, "/v1/messages/count_tokens", Anthropic),
        client(Method::POST, "/api/event_logging/batch", Anthropic),
        client(Method::GET, "/api/claude_cli/bootstrap", Anthropic),
        client(Method::HEAD, "/api/hello", Anthropic),
        client(Method::POST, "/api/embed", Ollama),
        client(Method::POST, "/api/embeddings", Ollama),
        client(Method::POST, "/api/show", Ollama),
        client(Method::GET, "/api/tags", Ollama),
        client(Method::GET, "/api/version", Ollama),
        client(Method::GET, "/api/ps", Ollama),
        client(Method::GET, "/openapi.json", Plain),
        client(Method::GET, "/metrics", Plain),
        Route { method: Method::GET, path: "/healthz", scope: Scope::Public, api_family: Plain },
    ];
    completions.chain(others).collect()
}

/// The warp filters of [`route_table`]. The most frequent routes are first and outermost, because warp tries the filters
/// in order and calls each layer around the one that matches.
pub fn routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
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
    completion_routes(proxy).or(api_routes.or(other_routes).unify()).unify().boxed()
}

/// The completion routes of all dialects: one filter finds the dialect by its path.
fn completion_routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let dialects = proxy.inner.parts.dialects;
    let find_dialect = move |path: FullPath| {
        let found = dialects.iter().copied().find(|dialect| dialect.path() == path.as_str());
        ready(found.ok_or_else(warp::reject::not_found))
    };
    let inner = Arc::clone(&proxy.inner);
    warp::path::full()
        .and_then(find_dialect)
        .and(post_body())
        .then(move |dialect, caller, content_length, body| {
            completion::handle_completion(Arc::clone(&inner), dialect, caller, content_length, body)
        })
        .boxed()
}

/// Extracts the caller, the announced content length and the body stream of a `POST` request.
fn post_body() -> impl Filter<
    Extract = (CallerInfo, Option<u64>, impl Stream<Item = Result<impl Buf, warp::Error>>),
    Error = Rejection,
> + Clone
+ use<> {
    warp::post()
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
    path.and(post_body())
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
    render_error(&ProxyError::Internal, ApiFamily::OpenAi).0
}
