//! The routes, twice: as the table that the guard judges by, and as warp filters that answer.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Buf;
use futures_util::Stream;
use http::Method;
use warp::filters::BoxedFilter;
use warp::path::Tail;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::answer::{Answer, problem};
use super::embeddings::{self, Form};
use super::problem::Problem;
use super::{Caller, Inner, Proxy, ask, local};
use crate::access::{self, Route, Scope};
use crate::dialects::ollama::EmbedEndpoint;
use crate::dialects::{self, Dialect};

/// What clients can ask, for programs that read it. A test holds it against [`table`].
const OPENAPI: &str = include_str!("openapi.json");

/// Every route of this room, in canonical form.
pub fn table() -> Vec<Route> {
    use access::Dialect::{Anthropic, Ollama, OpenAi, Plain};
    let client = |method, path, dialect| Route { method, path, scope: Scope::Client, dialect };
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
        Route { method: Method::GET, path: "/healthz", scope: Scope::Public, dialect: Plain },
    ]
}

/// The filters behind [`table`]. The hottest route stands first and outermost: warp tries them in order, and asks through
/// every layer around the one that answers.
pub fn routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let chat = question(proxy, warp::path!("v1" / "chat" / "completions").boxed(), Dialect::OpenAiChat);
    let messages = question(proxy, warp::path!("v1" / "messages").boxed(), Dialect::Anthropic);
    let questions = [
        (warp::path!("v1" / "responses").boxed(), Dialect::OpenAiResponses),
        (warp::path!("v1" / "completions").boxed(), Dialect::OpenAiCompletions),
        (warp::path!("api" / "chat").boxed(), Dialect::OllamaChat),
        (warp::path!("api" / "generate").boxed(), Dialect::OllamaGenerate),
    ];
    let asked = questions
        .into_iter()
        .fold(messages, |before, (path, dialect)| before.or(question(proxy, path, dialect)).unify().boxed());
    let vectors = embeddings(proxy, warp::path!("v1" / "embeddings").boxed(), Form::OpenAi)
        .or(embeddings(proxy, warp::path!("api" / "embed").boxed(), Form::Ollama(EmbedEndpoint::Embed)))
        .unify()
        .or(embeddings(
            proxy,
            warp::path!("api" / "embeddings").boxed(),
            Form::Ollama(EmbedEndpoint::Embeddings),
        ))
        .unify();
    let known = vectors.or(models(proxy)).unify().or(responses(proxy)).unify().or(counted(proxy)).unify();
    let others = ollama(proxy).or(probes()).unify().or(operations(proxy)).unify();
    chat.or(asked.or(known).unify().or(others).unify()).unify().boxed()
}

fn question(proxy: &Proxy, path: BoxedFilter<()>, dialect: Dialect) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    posted(path)
        .then(move |caller, announced, body| ask::ask(Arc::clone(&inner), dialect, caller, announced, body))
        .boxed()
}

/// Who posts, how many bytes they announce, and the body as it comes.
fn posted(
    path: BoxedFilter<()>,
) -> impl Filter<
    Extract = (Caller, Option<u64>, impl Stream<Item = Result<impl Buf, warp::Error>>),
    Error = Rejection,
> + Clone
+ use<> {
    path.and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::body::stream())
}

/// A handle to the proxy for every request.
fn with(proxy: &Proxy) -> impl Filter<Extract = (Arc<Inner>,), Error = Infallible> + Clone + use<> {
    let inner = Arc::clone(&proxy.inner);
    warp::any().map(move || Arc::clone(&inner))
}

fn embeddings(proxy: &Proxy, path: BoxedFilter<()>, form: Form) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    posted(path)
        .then(move |caller, announced, body| {
            embeddings::embed(Arc::clone(&inner), form, caller, announced, body)
        })
        .boxed()
}

fn models(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let caller = || warp::ext::get::<Caller>();
    let list = warp::path!("v1" / "models").and(warp::get()).and(with(proxy)).and(caller());
    let list = list.then(local::list);
    let one = warp::path!("v1" / "models" / ..).and(warp::path::tail()).and(warp::get());
    let one = one.and(with(proxy)).and(caller());
    let one = one.then(|id: Tail, proxy: Arc<Inner>, caller: Caller| async move {
        local::model(proxy, caller, id.as_str()).await
    });
    list.or(one).unify().boxed()
}

fn responses(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let one = warp::path!("v1" / "responses" / ..).and(warp::path::tail()).and(with(proxy));
    let one = one.and(warp::ext::get::<Caller>());
    let read = one.clone().and(warp::get());
    let read =
        read.map(|id: Tail, proxy: Arc<Inner>, caller: Caller| local::response(&proxy, &caller, id.as_str()));
    let delete = one.and(warp::delete());
    let delete =
        delete.map(|id: Tail, proxy: Arc<Inner>, caller: Caller| local::forget(&proxy, &caller, id.as_str()));
    read.or(delete).unify().boxed()
}

fn counted(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let path = warp::path!("v1" / "messages" / "count_tokens").and(warp::post()).and(with(proxy));
    path.and(warp::header::optional::<u64>("content-length"))
        .and(warp::body::stream())
        .then(local::count_tokens)
        .boxed()
}

fn ollama(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let show = warp::path!("api" / "show").and(warp::post()).and(with(proxy));
    let show = show.and(warp::header::optional::<u64>("content-length")).and(warp::body::stream());
    let show = show.then(local::show);
    let tags = warp::path!("api" / "tags").and(warp::get()).and(with(proxy));
    let tags = tags.then(local::tags);
    let version = warp::path!("api" / "version").and(warp::get());
    let version = version.map(|| Answer::json(200, dialects::ollama::version()));
    let running = warp::path!("api" / "ps").and(warp::get());
    let running = running.map(|| Answer::json(200, dialects::ollama::running()));
    show.or(tags).unify().or(version).unify().or(running).unify().boxed()
}

/// What Claude Code tells and asks its maker's servers on the side: nothing of it is kept, and nothing is offered.
fn probes() -> BoxedFilter<(Response,)> {
    let events = warp::path!("api" / "event_logging" / "batch").and(warp::post());
    let bootstrap = warp::path!("api" / "claude_cli" / "bootstrap").and(warp::get());
    events.or(bootstrap).unify().map(|| Answer::json(200, "{}".to_owned())).boxed()
}

fn operations(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    let metrics = warp::path!("metrics").and(warp::get()).map(move || {
        let dropped = inner.parts.journal.counters().dropped;
        Answer::with(200, "text/plain; version=0.0.4; charset=utf-8", inner.metrics.text(dropped))
    });
    let health =
        warp::path!("healthz").and(warp::get()).map(|| Answer::json(200, r#"{"status":"ok"}"#.to_owned()));
    let described = warp::path!("openapi.json").and(warp::get());
    let described = described.map(|| Answer::json(200, OPENAPI.to_owned()));
    metrics.or(health).unify().or(described).unify().boxed()
}

/// What is left when no filter answered: the table and the filters disagree, which is our mistake.
pub async fn unanswered(_rejection: Rejection) -> Result<Response, Infallible> {
    Ok(crashed())
}

/// The answer where a handler did not come to one.
pub fn crashed() -> Response {
    problem(&Problem::Internal, access::Dialect::OpenAi).0
}
