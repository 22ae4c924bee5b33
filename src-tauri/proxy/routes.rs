//! The routes, twice: as the table that the guard judges by, and as warp filters that answer.

use std::convert::Infallible;
use std::sync::Arc;

use http::Method;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::answer::{Answer, problem};
use super::problem::Problem;
use super::{Caller, Inner, Proxy, ask};
use crate::access::{self, Route, Scope};
use crate::dialects::{self, Dialect};

/// Every route of this room, in canonical form.
pub fn table() -> Vec<Route> {
    vec![
        Route {
            method: Method::POST,
            path: "/v1/chat/completions",
            scope: Scope::Client,
            dialect: access::Dialect::OpenAi,
        },
        Route {
            method: Method::POST,
            path: "/v1/completions",
            scope: Scope::Client,
            dialect: access::Dialect::OpenAi,
        },
        Route {
            method: Method::GET,
            path: "/v1/models",
            scope: Scope::Client,
            dialect: access::Dialect::OpenAi,
        },
        Route {
            method: Method::GET,
            path: "/v1/models/{id}",
            scope: Scope::Client,
            dialect: access::Dialect::OpenAi,
        },
        Route {
            method: Method::GET,
            path: "/metrics",
            scope: Scope::Client,
            dialect: access::Dialect::Plain,
        },
        Route {
            method: Method::GET,
            path: "/healthz",
            scope: Scope::Public,
            dialect: access::Dialect::Plain,
        },
    ]
}

/// The filters behind [`table`]. The hottest route stands first: warp tries them in order.
pub fn routes(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    question(proxy, "chat", Dialect::OpenAiChat)
        .or(question(proxy, "", Dialect::OpenAiCompletions))
        .unify()
        .or(models(proxy))
        .unify()
        .or(operations(proxy))
        .unify()
        .boxed()
}

fn question(proxy: &Proxy, under: &'static str, dialect: Dialect) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    let path = match under {
        "" => warp::path!("v1" / "completions").boxed(),
        under => warp::path("v1")
            .and(warp::path(under))
            .and(warp::path("completions"))
            .and(warp::path::end())
            .boxed(),
    };
    path.and(warp::post())
        .and(warp::ext::get::<Caller>())
        .and(warp::header::optional::<u64>("content-length"))
        .and(warp::body::stream())
        .then(move |caller: Caller, announced, body| {
            ask::ask(Arc::clone(&inner), dialect, caller, announced, body)
        })
        .boxed()
}

fn models(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    let list = warp::path!("v1" / "models").and(warp::get()).map(move || list_models(&inner));
    let inner = Arc::clone(&proxy.inner);
    let one = warp::path!("v1" / "models" / ..).and(warp::get()).and(warp::path::tail());
    let one = one.map(move |id: warp::path::Tail| one_model(&inner, id.as_str()));
    list.or(one).unify().boxed()
}

fn list_models(proxy: &Inner) -> Response {
    let listed = proxy.parts.models.listed();
    let entries = listed.iter().map(|(name, owner)| (name.as_str(), owner.as_str()));
    Answer::json(200, dialects::openai_models(entries))
}

fn one_model(proxy: &Inner, id: &str) -> Response {
    match proxy.parts.models.listed().iter().find(|(name, _)| name == id) {
        Some((name, owner)) => Answer::json(200, dialects::openai_model(name, owner)),
        None => problem(&Problem::NoSuchModel, access::Dialect::OpenAi).0,
    }
}

fn operations(proxy: &Proxy) -> BoxedFilter<(Response,)> {
    let inner = Arc::clone(&proxy.inner);
    let metrics = warp::path!("metrics").and(warp::get()).map(move || {
        let dropped = inner.parts.journal.counters().dropped;
        Answer::with(200, "text/plain; version=0.0.4; charset=utf-8", inner.metrics.text(dropped))
    });
    let health =
        warp::path!("healthz").and(warp::get()).map(|| Answer::json(200, r#"{"status":"ok"}"#.to_owned()));
    metrics.or(health).unify().boxed()
}

/// What is left when no filter answered: the table and the filters disagree, which is our mistake.
pub async fn unanswered(_rejection: Rejection) -> Result<Response, Infallible> {
    Ok(crashed())
}

/// The answer where a handler did not come to one.
pub fn crashed() -> Response {
    problem(&Problem::Internal, access::Dialect::OpenAi).0
}
