//! The mock of the official API: LiteLLM's variant of OpenAI's API, with keys. The module shares no code with
//! the client that it tests.

mod models;
mod padding;
mod reply;
mod request;
mod response;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use self::request::{ChatRequest, EmbeddingsRequest};
use super::body_stream::{Abort, Body};
use super::call_log::RecordedCall;
use super::fault::Fault;
use super::routes::{self, RequestProblem};
use super::shared::{CallGuard, SharedState};
use super::socket::Socket;

/// Path of chat completions.
pub const CHAT_PATH: &str = "/v1/chat/completions";
/// Path of embeddings.
pub const EMBEDDINGS_PATH: &str = "/v1/embeddings";

/// A valid request.
enum ApiRequest {
    Chat(Box<ChatRequest>),
    Embed(EmbeddingsRequest),
    Models,
    PublicModels,
    PublicInfo,
    KeyInfo,
}

/// Whether the path belongs to the API.
pub(super) fn serves(path: &str) -> bool {
    path.starts_with("/v1/") || path.starts_with("/public/") || path == "/key/info"
}

/// Answers one request. An error makes hyper drop the connection.
pub(super) async fn route(
    shared: Arc<SharedState>,
    socket: Arc<Socket>,
    head: Parts,
    body: hyper::body::Incoming,
) -> Result<Response<Body>, Abort> {
    let key = bearer(&head).unwrap_or_default().to_owned();
    let account = shared.account_with_key(&key);
    let label = account.map(|index| shared.accounts[index].label());
    let mut ticket = CallGuard::begin(&shared, routes::new_call(&head, label.clone()));
    let body = routes::read_body(body).await?;
    let input = body.and_then(|bytes| parse_request(&head, &bytes));
    ticket.record_request(|call| record_input(call, &input));
    let fault = find_fault(&shared, head.uri.path(), label.as_deref(), &input);
    let stage = routes::response_context(shared, socket, ticket, fault);
    let make_response = |stage: &super::body_stream::ResponseContext| match &input {
        Ok(input) => {
            response::with_fault(&stage.fault, &key, || response::without_fault(stage, account, input))
        }
        Err(_) if account.is_none() => response::unauthorized(&key),
        Err((status, problem)) => response::error(*status, problem, "invalid_request_error"),
    };
    routes::respond(stage, make_response).await
}

fn bearer(head: &Parts) -> Option<&str> {
    head.headers.get(http::header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn parse_request(head: &Parts, body: &Bytes) -> Result<ApiRequest, RequestProblem> {
    let (method, input) = match head.uri.path() {
        CHAT_PATH | EMBEDDINGS_PATH => (Method::POST, None),
        "/v1/models" => (Method::GET, Some(ApiRequest::Models)),
        "/public/models" => (Method::GET, Some(ApiRequest::PublicModels)),
        "/public/model/info" => (Method::GET, Some(ApiRequest::PublicInfo)),
        "/key/info" | "/v1/key/info" => (Method::GET, Some(ApiRequest::KeyInfo)),
        _ => return Err((StatusCode::NOT_FOUND, "there is no such endpoint".to_owned())),
    };
    if head.method != method {
        return Err((StatusCode::METHOD_NOT_ALLOWED, format!("only {method} is allowed here")));
    }
    match input {
        Some(input) => Ok(input),
        None => parse_body(head, body).map_err(|problem| (StatusCode::BAD_REQUEST, problem)),
    }
}

fn parse_body(head: &Parts, body: &Bytes) -> Result<ApiRequest, String> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
    if head.headers.get(http::header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err("the body is not sent as JSON".to_owned());
    }
    if head.uri.path() == CHAT_PATH {
        return ChatRequest::parse(json).map(|chat| ApiRequest::Chat(Box::new(chat)));
    }
    EmbeddingsRequest::parse(&json).map(ApiRequest::Embed)
}

fn record_input(call: &mut RecordedCall, input: &Result<ApiRequest, RequestProblem>) {
    match input {
        Ok(ApiRequest::Chat(chat)) => {
            call.model = Some(chat.model.clone());
            call.messages.clone_from(&chat.messages);
            call.fields.clone_from(&chat.fields);
        }
        Ok(ApiRequest::Embed(embed)) => call.model = Some(embed.model.clone()),
        Ok(ApiRequest::Models | ApiRequest::PublicModels | ApiRequest::PublicInfo | ApiRequest::KeyInfo) => {}
        Err((_, problem)) => call.problem = Some(problem.clone()),
    }
}

/// Selects the fault for a request. Invalid requests get none, so that a fault cannot hide them.
fn find_fault(
    shared: &SharedState,
    path: &str,
    account: Option<&str>,
    input: &Result<ApiRequest, RequestProblem>,
) -> Fault {
    let (requested, model) = match input {
        Ok(ApiRequest::Chat(chat)) => (chat.directives.fault.clone(), Some(chat.model.as_str())),
        Ok(ApiRequest::Embed(embed)) => (None, Some(embed.model.as_str())),
        Ok(ApiRequest::Models | ApiRequest::PublicModels | ApiRequest::PublicInfo | ApiRequest::KeyInfo) => {
            (None, None)
        }
        Err(_) => return Fault::default(),
    };
    requested.or_else(|| shared.take_fault(path, account, model)).unwrap_or_default()
}
