//! Handlers that need no upstream call.

mod count_tokens;
mod models;
mod responses;

use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::Stream;
use warp::reply::Response;

use super::ProxyInner;
use super::error::ProxyError;
use super::response::render_error;
use dialects::ApiFamily;

pub(super) use count_tokens::count_tokens;
pub(super) use models::{get_model, list_models, ollama_show, ollama_tags};
pub(super) use responses::{delete_response, get_response};

/// Reads the request body and responds to it with `respond`, or with an error in the API family's format.
async fn respond_to_body<S, B, F>(
    proxy: Arc<ProxyInner>,
    content_length: Option<u64>,
    stream: S,
    api_family: ApiFamily,
    respond: impl FnOnce(Arc<ProxyInner>, Bytes) -> F,
) -> Response
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: Buf,
    F: Future<Output = Result<Response, ProxyError>>,
{
    let response = match proxy.read_body(content_length, stream).await {
        Ok(body) => respond(proxy, body).await,
        Err(error) => Err(error),
    };
    response.unwrap_or_else(|error| render_error(&error, api_family).0)
}
