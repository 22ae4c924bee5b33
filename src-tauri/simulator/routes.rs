//! From a request to its answer: read it, record it, find its fault, answer.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::answer::Answer;
use super::api;
use super::control;
use super::fault::Fault;
use super::form::{self, Ask};
use super::login;
use super::multipart;
use super::play::{self, Abort, Body, Stage};
use super::record::Call;
use super::reply::Wish;
use super::rules::{LLMS_PATH, UPLOAD_PATH};
use super::serve::Connection;
use super::shared::{Shared, Ticket};
use super::site::{self, Input};
use super::wire::Socket;

const MAX_BODY: usize = 64 * 1024 * 1024;

/// How a request breaks the protocol: the status it gets, and why in words.
pub(super) type Problem = (StatusCode, String);

/// Answers one request. An error makes hyper drop the connection.
pub(super) async fn route(
    shared: Arc<Shared>,
    socket: Arc<Socket>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Abort> {
    let (head, body) = request.into_parts();
    if api::serves(head.uri.path()) {
        return api::route(shared, socket, head, body).await;
    }
    let account = site::session_cookie(&head).and_then(|cookie| shared.account_of(cookie));
    if head.uri.path().starts_with(control::PREFIX) {
        return Ok(play::plain(control::answer(&shared, &head, read_body(body).await?)));
    }
    let mut ticket =
        Ticket::begin(&shared, new_call(&head, account.map(|index| shared.accounts[index].label())));
    let input = read_body(body).await?.and_then(|bytes| read_input(&head, &bytes));
    let input = input.and_then(|input| check_images(&shared, account, input));
    ticket.read(|call| note(call, &input));
    let fault = find_fault(&shared, &head, account, &input);
    let cookie = head.headers.get(http::header::COOKIE).and_then(|value| value.to_str().ok());
    let make = |stage: &Stage| match &input {
        Ok(input) => {
            let normal = || site::answer(&stage.shared, account, input);
            Answer::under(&stage.fault, cookie.unwrap_or_default(), normal)
        }
        Err(_) if account.is_none() => Answer::unauthorized(),
        Err((status, problem)) => Answer::message(*status, problem),
    };
    perform(stage(shared, socket, ticket, fault), make).await
}

pub(super) fn stage(shared: Arc<Shared>, socket: Arc<Socket>, ticket: Ticket, fault: Fault) -> Stage {
    Stage { shared, socket, ticket, fault }
}

pub(super) fn new_call(head: &Parts, account: Option<String>) -> Call {
    Call {
        connection: head.extensions.get().map_or(0, |connection: &Connection| connection.0),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        cookie_ok: account.is_some(),
        account,
        headers: header_list(&head.headers),
        ..Call::default()
    }
}

fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// The body; an error means that the client did not send all of it.
pub(super) async fn read_body(body: Incoming) -> Result<Result<Bytes, Problem>, Abort> {
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(collected) => Ok(Ok(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {
            Ok(Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too big".to_owned())))
        }
        Err(_) => Err(Abort),
    }
}

fn read_input(head: &Parts, body: &Bytes) -> Result<Input, Problem> {
    let (method, input) = match head.uri.path() {
        LLMS_PATH => (Method::POST, None),
        UPLOAD_PATH => (Method::POST, None),
        "/api/login/user" => (Method::GET, Some(Input::User)),
        "/api/user/recentUsage" => (Method::GET, Some(Input::RecentUsage)),
        "/api/user/currentUsage" => (Method::GET, Some(Input::CurrentUsage)),
        login::PATH if head.method == Method::POST => (Method::POST, Some(Input::SignIn(login::wish(body)))),
        login::PATH => (Method::GET, Some(Input::LoginPage)),
        _ => return Err((StatusCode::NOT_FOUND, "there is no such endpoint".to_owned())),
    };
    if head.method != method {
        return Err((StatusCode::METHOD_NOT_ALLOWED, format!("only {method} is allowed here")));
    }
    match input {
        Some(input) => Ok(input),
        None => read_form(head, body).map_err(|problem| (StatusCode::BAD_REQUEST, problem)),
    }
}

fn read_form(head: &Parts, body: &Bytes) -> Result<Input, String> {
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err("the body has a content encoding".to_owned());
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let parts = multipart::parse(content_type.unwrap_or_default(), body)?;
    if head.uri.path() == UPLOAD_PATH {
        return form::upload(&parts).map(Input::Upload);
    }
    let ask = Ask::read(&parts)?;
    let wish = Wish::read(ask.last_text())?;
    Ok(Input::Ask(ask, Box::new(wish)))
}

/// An image is of use only to the account that uploaded it.
fn check_images(shared: &Shared, account: Option<usize>, input: Input) -> Result<Input, Problem> {
    if let (Some(account), Input::Ask(ask, _)) = (account, &input)
        && !ask.images().all(|url| shared.owns_upload(account, url))
    {
        let problem = "an image that this account did not upload".to_owned();
        return Err((StatusCode::BAD_REQUEST, problem));
    }
    Ok(input)
}

fn note(call: &mut Call, input: &Result<Input, Problem>) {
    match input {
        Ok(Input::Ask(ask, _)) => {
            call.model = Some(ask.model.clone());
            call.preprompt = Some(ask.preprompt.clone());
            call.messages.clone_from(&ask.messages);
        }
        Ok(Input::Upload(upload)) => call.uploaded = Some(upload.clone()),
        Ok(Input::User | Input::RecentUsage | Input::CurrentUsage | Input::LoginPage | Input::SignIn(_)) => {}
        Err((_, problem)) => call.problem = Some(problem.clone()),
    }
}

/// A request that breaks the protocol meets no fault, so that none can hide that.
fn find_fault(
    shared: &Shared,
    head: &Parts,
    account: Option<usize>,
    input: &Result<Input, Problem>,
) -> Fault {
    let (wished, model) = match input {
        Ok(Input::Ask(ask, wish)) => (wish.fault.clone(), Some(ask.model.as_str())),
        Ok(Input::LoginPage | Input::SignIn(_)) | Err(_) => return Fault::default(),
        Ok(Input::Upload(_) | Input::User | Input::RecentUsage | Input::CurrentUsage) => (None, None),
    };
    let label = account.map(|index| shared.accounts[index].label());
    let by_rule = || shared.take_fault(head.uri.path(), label.as_deref(), model);
    wished.or_else(by_rule).unwrap_or_default()
}

/// Plays the answer that `make` gives, with the faults that come before any answer.
pub(super) async fn perform(
    mut stage: Stage,
    make: impl FnOnce(&Stage) -> Answer,
) -> Result<Response<Body>, Abort> {
    if let Some(wait) = stage.fault.delay_before_head {
        wait.pass().await;
    }
    if let Some(raw) = stage.fault.raw.take() {
        stage.socket.answer_raw(raw.into_bytes());
        stage.ticket.complete();
        return Err(Abort);
    }
    if stage.fault.reset_after == Some(0) {
        stage.socket.reset_on_close();
        stage.ticket.complete();
        return Err(Abort);
    }
    let answer = make(&stage);
    Ok(stage.play(answer))
}
