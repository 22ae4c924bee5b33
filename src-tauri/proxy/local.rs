//! Questions that the program answers by itself: what models there are, how many tokens a text has, what was answered
//! before, and what clients ask on the side.

use std::sync::Arc;
use std::time::Instant;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::reply::Response;

use super::answer::{Answer, problem};
use super::problem::Problem;
use super::{Caller, Inner, body};
use crate::access;
use crate::chat::prompt_tokens;
use crate::dialects::{self, Dialect, ollama};

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
        ollama::model_named(&body).map_err(Problem::Invalid)
    };
    match named.await {
        Ok(name) => shown(&proxy, &name),
        Err(error) => problem(&error, access::Dialect::Ollama).0,
    }
}

fn shown(proxy: &Inner, name: &str) -> Response {
    let listed = proxy.parts.models.listed();
    let Some((name, family)) = listed.iter().find(|(listed, _)| listed == name) else {
        return problem(&Problem::NoSuchModel, access::Dialect::Ollama).0;
    };
    let model =
        ollama::Listed { name, family, context: CONTEXT, vision: true, tools: true, reasoning: false };
    Answer::json(200, ollama::shown(&model))
}

/// `GET /api/tags`.
pub(super) fn tags(proxy: &Inner) -> Response {
    let listed = proxy.parts.models.listed();
    Answer::json(200, ollama::names(listed.iter().map(|(name, owner)| (name.as_str(), owner.as_str()))))
}

/// `GET /v1/models`, in the form that the client reads.
pub(super) fn models(proxy: &Inner, caller: &Caller) -> Response {
    let listed = proxy.parts.models.listed();
    let names = listed.iter().map(|(name, owner)| (name.as_str(), owner.as_str()));
    Answer::json(
        200,
        match caller.form {
            access::Dialect::Anthropic => dialects::anthropic_models(names.map(|(name, _)| name)),
            access::Dialect::OpenAi | access::Dialect::Ollama | access::Dialect::Plain => {
                dialects::openai_models(names)
            }
        },
    )
}

/// `GET /v1/models/{id}`.
pub(super) fn model(proxy: &Inner, caller: &Caller, id: &str) -> Response {
    match proxy.parts.models.listed().iter().find(|(name, _)| name == id) {
        Some((name, _)) if caller.form == access::Dialect::Anthropic => {
            Answer::json(200, dialects::anthropic_model(name))
        }
        Some((name, owner)) => Answer::json(200, dialects::openai_model(name, owner)),
        None => problem(&Problem::NoSuchModel, caller.form).0,
    }
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
