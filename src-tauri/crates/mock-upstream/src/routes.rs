//! Request handling: read, record, select the fault, respond.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;

use super::api;
use super::body_stream::{self, Abort, Body, ResponseContext};
use super::call_log::RecordedCall;
use super::control;
use super::fault::Fault;
use super::fault_rules::{LLMS_PATH, UPLOAD_PATH};
use super::login;
use super::multipart;
use super::reply::MessageDirectives;
use super::request::{self, ChatForm};
use super::response::MockResponse;
use super::serve::ConnectionNumber;
use super::shared::{CallGuard, SharedState};
use super::socket::Socket;
use super::web_api::{self, WebRequest};

const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// A protocol violation: status and text.
pub(super) type RequestProblem = (StatusCode, String);

/// Answers one request. An error makes hyper drop the connection.
pub(super) async fn route(
    shared: Arc<SharedState>,
    socket: Arc<Socket>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Abort> {
    let (head, body) = request.into_parts();
    if api::serves(head.uri.path()) {
        return api::route(shared, socket, head, body).await;
    }
    let account = web_api::session_cookie(&head).and_then(|cookie| shared.account_with_cookie(cookie));
    if head.uri.path().starts_with(control::PATH_PREFIX) {
        return Ok(body_stream::full_response(control::answer(&shared, &head, read_body(body).await?)));
    }
    let mut ticket =
        CallGuard::begin(&shared, new_call(&head, account.map(|index| shared.accounts[index].label())));
    let input = read_body(body).await?.and_then(|bytes| parse_request(&head, &bytes));
    let input = input.and_then(|input| check_images(&shared, account, input));
    ticket.record_request(|call| record_input(call, &input));
    let fault = find_fault(&shared, &head, account, &input);
    let cookie = head.headers.get(http::header::COOKIE).and_then(|value| value.to_str().ok());
    let make_response = |stage: &ResponseContext| match &input {
        Ok(input) => {
            let normal = || web_api::answer(&stage.shared, account, input);
            MockResponse::with_fault(&stage.fault, cookie.unwrap_or_default(), normal)
        }
        Err(_) if account.is_none() => MockResponse::unauthorized(),
        Err((status, problem)) => MockResponse::error(*status, problem),
    };
    respond(response_context(shared, socket, ticket, fault), make_response).await
}

pub(super) fn response_context(
    shared: Arc<SharedState>,
    socket: Arc<Socket>,
    ticket: CallGuard,
    fault: Fault,
) -> ResponseContext {
    ResponseContext { shared, socket, call_guard: ticket, fault }
}

pub(super) fn new_call(head: &Parts, account: Option<String>) -> RecordedCall {
    RecordedCall {
        connection: head.extensions.get().map_or(0, |connection: &ConnectionNumber| connection.0),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        cookie_ok: account.is_some(),
        account,
        headers: header_list(&head.headers),
        ..RecordedCall::default()
    }
}

fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// Reads the body; an error means that the client did not send all of it.
pub(super) async fn read_body(body: Incoming) -> Result<Result<Bytes, RequestProblem>, Abort> {
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(collected) => Ok(Ok(collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => {
            Ok(Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too big".to_owned())))
        }
        Err(_) => Err(Abort),
    }
}

fn parse_request(head: &Parts, body: &Bytes) -> Result<WebRequest, RequestProblem> {
    let (method, input) = match head.uri.path() {
        LLMS_PATH => (Method::POST, None),
        UPLOAD_PATH => (Method::POST, None),
        "/api/login/user" => (Method::GET, Some(WebRequest::User)),
        "/api/user/recentUsage" => (Method::GET, Some(WebRequest::RecentUsage)),
        "/api/user/currentUsage" => (Method::GET, Some(WebRequest::CurrentUsage)),
        login::PATH if head.method == Method::POST => {
            (Method::POST, Some(WebRequest::SignIn(login::requested_account(body))))
        }
        login::PATH => (Method::GET, Some(WebRequest::LoginPage)),
        _ => return Err((StatusCode::NOT_FOUND, "there is no such endpoint".to_owned())),
    };
    if head.method != method {
        return Err((StatusCode::METHOD_NOT_ALLOWED, format!("only {method} is allowed here")));
    }
    match input {
        Some(input) => Ok(input),
        None => parse_form(head, body).map_err(|problem| (StatusCode::BAD_REQUEST, problem)),
    }
}

fn parse_form(head: &Parts, body: &Bytes) -> Result<WebRequest, String> {
    if head.headers.contains_key(CONTENT_ENCODING) {
        return Err("the body has a content encoding".to_owned());
    }
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let parts = multipart::parse(content_type.unwrap_or_default(), body)?;
    if head.uri.path() == UPLOAD_PATH {
        return request::parse_upload(&parts).map(WebRequest::Upload);
    }
    let ask = ChatForm::parse(&parts)?;
    let wish = MessageDirectives::parse(ask.last_message_text())?;
    Ok(WebRequest::Chat(ask, Box::new(wish)))
}

/// Checks that the account uploaded the images itself.
fn check_images(
    shared: &SharedState,
    account: Option<usize>,
    input: WebRequest,
) -> Result<WebRequest, RequestProblem> {
    if let (Some(account), WebRequest::Chat(ask, _)) = (account, &input)
        && !ask.images().all(|url| shared.owns_upload(account, url))
    {
        let problem = "an image that this account did not upload".to_owned();
        return Err((StatusCode::BAD_REQUEST, problem));
    }
    Ok(input)
}

fn record_input(call: &mut RecordedCall, input: &Result<WebRequest, RequestProblem>) {
    match input {
        Ok(WebRequest::Chat(ask, _)) => {
            call.model = Some(ask.model.clone());
            call.preprompt = Some(ask.preprompt.clone());
            call.messages.clone_from(&ask.messages);
        }
        Ok(WebRequest::Upload(upload)) => call.uploaded = Some(upload.clone()),
        Ok(
            WebRequest::User
            | WebRequest::RecentUsage
            | WebRequest::CurrentUsage
            | WebRequest::LoginPage
            | WebRequest::SignIn(_),
        ) => {}
        Err((_, problem)) => call.problem = Some(problem.clone()),
    }
}

/// Selects the fault for a request. Invalid requests get none, so that a fault cannot hide them.
fn find_fault(
    shared: &SharedState,
    head: &Parts,
    account: Option<usize>,
    input: &Result<WebRequest, RequestProblem>,
) -> Fault {
    let (requested, model) = match input {
        Ok(WebRequest::Chat(ask, wish)) => (wish.fault.clone(), Some(ask.model.as_str())),
        Ok(WebRequest::LoginPage | WebRequest::SignIn(_)) | Err(_) => return Fault::default(),
        Ok(WebRequest::Upload(_) | WebRequest::User | WebRequest::RecentUsage | WebRequest::CurrentUsage) => {
            (None, None)
        }
    };
    let label = account.map(|index| shared.accounts[index].label());
    let by_rule = || shared.take_fault(head.uri.path(), label.as_deref(), model);
    requested.or_else(by_rule).unwrap_or_default()
}

/// Sends the response of `make`, with the faults that come before a response.
pub(super) async fn respond(
    mut stage: ResponseContext,
    make_response: impl FnOnce(&ResponseContext) -> MockResponse,
) -> Result<Response<Body>, Abort> {
    if let Some(wait) = stage.fault.delay_before_head {
        wait.elapse().await;
    }
    if let Some(raw) = stage.fault.raw.take() {
        stage.socket.set_raw_response(raw.into_bytes());
        stage.call_guard.complete();
        return Err(Abort);
    }
    if stage.fault.reset_after == Some(0) {
        stage.socket.reset_on_close();
        stage.call_guard.complete();
        return Err(Abort);
    }
    let answer = make_response(&stage);
    Ok(stage.into_response(answer))
}
