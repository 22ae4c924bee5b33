//! The official API as the simulator reads it: LiteLLM's form of OpenAI's, by key. It shares nothing with the code that
//! it is there to test.

mod answer;
mod ask;
mod filler;
mod models;
mod reply;

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use self::ask::{Chat, Embed};
use super::fault::Fault;
use super::play::{Abort, Body};
use super::record::Call;
use super::routes::{self, Problem};
use super::shared::{Shared, Ticket};
use super::wire::Socket;

/// Where a model is asked.
pub const CHAT_PATH: &str = "/v1/chat/completions";
/// Where embeddings are asked for.
pub const EMBEDDINGS_PATH: &str = "/v1/embeddings";

/// A request that has been read and fits the protocol.
enum Input {
    Chat(Box<Chat>),
    Embed(Embed),
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
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    head: Parts,
    body: hyper::body::Incoming,
) -> Result<Response<Body>, Abort> {
    let key = bearer(&head).unwrap_or_default().to_owned();
    let account = shared.account_of_key(&key);
    let label = account.map(|index| shared.accounts[index].label());
    let mut ticket = Ticket::begin(&shared, routes::new_call(&head, label.clone()));
    let body = routes::read_body(body).await?;
    let input = body.and_then(|bytes| read(&head, &bytes));
    ticket.read(|call| note(call, &input));
    let fault = find_fault(&shared, head.uri.path(), label.as_deref(), &input);
    let stage = routes::stage(shared, socket, ticket, fault);
    let make = |stage: &super::play::Stage| match &input {
        Ok(input) => answer::under(&stage.fault, &key, || answer::normal(stage, account, input)),
        Err(_) if account.is_none() => answer::unauthorized(&key),
        Err((status, problem)) => answer::error(*status, problem, "invalid_request_error"),
    };
    routes::perform(stage, make).await
}

fn bearer(head: &Parts) -> Option<&str> {
    head.headers.get(http::header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

fn read(head: &Parts, body: &Bytes) -> Result<Input, Problem> {
    let (method, input) = match head.uri.path() {
        CHAT_PATH | EMBEDDINGS_PATH => (Method::POST, None),
        "/v1/models" => (Method::GET, Some(Input::Models)),
        "/public/models" => (Method::GET, Some(Input::PublicModels)),
        "/public/model/info" => (Method::GET, Some(Input::PublicInfo)),
        "/key/info" | "/v1/key/info" => (Method::GET, Some(Input::KeyInfo)),
        _ => return Err((StatusCode::NOT_FOUND, "there is no such endpoint".to_owned())),
    };
    if head.method != method {
        return Err((StatusCode::METHOD_NOT_ALLOWED, format!("only {method} is allowed here")));
    }
    match input {
        Some(input) => Ok(input),
        None => read_body(head, body).map_err(|problem| (StatusCode::BAD_REQUEST, problem)),
    }
}

fn read_body(head: &Parts, body: &Bytes) -> Result<Input, String> {
    let json: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON")?;
    if head.headers.get(http::header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err("the body is not sent as JSON".to_owned());
    }
    if head.uri.path() == CHAT_PATH {
        return Chat::read(json).map(|chat| Input::Chat(Box::new(chat)));
    }
    Embed::read(&json).map(Input::Embed)
}

fn note(call: &mut Call, input: &Result<Input, Problem>) {
    match input {
        Ok(Input::Chat(chat)) => {
            call.model = Some(chat.model.clone());
            call.messages.clone_from(&chat.messages);
            call.fields.clone_from(&chat.fields);
        }
        Ok(Input::Embed(embed)) => call.model = Some(embed.model.clone()),
        Ok(Input::Models | Input::PublicModels | Input::PublicInfo | Input::KeyInfo) => {}
        Err((_, problem)) => call.problem = Some(problem.clone()),
    }
}

/// A request that breaks the protocol meets no fault, so that none can hide that.
fn find_fault(shared: &Shared, path: &str, account: Option<&str>, input: &Result<Input, Problem>) -> Fault {
    let (wished, model) = match input {
        Ok(Input::Chat(chat)) => (chat.wish.fault.clone(), Some(chat.model.as_str())),
        Ok(Input::Embed(embed)) => (None, Some(embed.model.as_str())),
        Ok(Input::Models | Input::PublicModels | Input::PublicInfo | Input::KeyInfo) => (None, None),
        Err(_) => return Fault::default(),
    };
    wished.or_else(|| shared.take_fault(path, account, model)).unwrap_or_default()
}
