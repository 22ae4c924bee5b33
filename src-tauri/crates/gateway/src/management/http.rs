//! HTTP transport of the management API: `POST /control/{name}`, `GET /control/events`, and `/control/session` to sign
//! in and out. It carries only names, JSON and events.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::{Control, ControlError, ControlEvent, ErrorCode, SessionAuth, dispatch};
use crate::auth::{Route, Scope};
use dialects::ApiFamily;

/// The routes of the management API, for the guard.
pub fn route_table() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: "/control/events",
            scope: Scope::Control,
            api_family: ApiFamily::Plain,
        },
        Route {
            method: Method::POST,
            path: "/control/session",
            scope: Scope::SignIn,
            api_family: ApiFamily::Plain,
        },
        Route {
            method: Method::DELETE,
            path: "/control/session",
            scope: Scope::Control,
            api_family: ApiFamily::Plain,
        },
        Route {
            method: Method::POST,
            path: "/control/{name}",
            scope: Scope::Control,
            api_family: ApiFamily::Plain,
        },
    ]
}

/// The largest argument of a command, bytes.
const MAX_ARGUMENT_BYTES: usize = 256 * 1024;
/// The largest sign-in body, bytes.
const MAX_SIGN_IN_BYTES: usize = 4 * 1024;
/// The largest text in a result that is serialized on the current thread, bytes.
const MAX_INLINE_TEXT_BYTES: usize = 64 * 1024;

/// The filters behind [`route_table`]. The HTTP service puts [`FeedShutdown`] into the extensions of each request.
pub fn routes(control: &Control, auth: &SessionAuth) -> BoxedFilter<(Response,)> {
    session_routes(auth).or(event_routes(control, auth)).unify().or(command_routes(control)).unify().boxed()
}

fn session_routes(auth: &SessionAuth) -> BoxedFilter<(Response,)> {
    let (inside, outside) = (auth.clone(), auth.clone());
    let path = || warp::path!("control" / "session");
    let sign_in = path().and(warp::post()).and(warp::body::stream()).then(move |body| {
        let auth = inside.clone();
        async move {
            match read_body(body, MAX_SIGN_IN_BYTES).await {
                Ok(body) => auth.sign_in(&body).await,
                Err(error) => error_response(&error),
            }
        }
    });
    let sign_out = path().and(warp::delete()).and(warp::header::headers_cloned());
    sign_in.or(sign_out.map(move |headers| outside.sign_out(&headers))).unify().boxed()
}

fn event_routes(control: &Control, auth: &SessionAuth) -> BoxedFilter<(Response,)> {
    let (feed, auth) = (control.clone(), auth.clone());
    warp::path!("control" / "events")
        .and(warp::get())
        .and(warp::ext::get::<FeedShutdown>())
        .and(warp::header::headers_cloned())
        .map(move |closing: FeedShutdown, headers| {
            event_stream(&feed, closing.0, auth.session_ended(&headers))
        })
        .boxed()
}

fn command_routes(control: &Control) -> BoxedFilter<(Response,)> {
    let handle = control.clone();
    warp::path!("control" / String)
        .and(warp::post())
        .and(warp::body::stream())
        .then(move |name: String, body| run_command(handle.clone(), name, body))
        .boxed()
}

/// Cancelled when open streams must end.
#[derive(Debug, Clone)]
pub struct FeedShutdown(pub CancellationToken);

async fn run_command<S, B>(control: Control, name: String, body: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: bytes::Buf,
{
    let answer = match arguments(body).await {
        Ok(args) => dispatch(&control, &name, args).await,
        Err(error) => Err(error),
    };
    let text = match answer {
        Ok(value) => serialize_answer(value).await,
        Err(error) => Err(error),
    };
    match text {
        Ok(text) => json(200, text),
        Err(error) => error_response(&error),
    }
}

/// The result as JSON. A large one, such as an export, is serialized on another thread, so that this one can forward
/// streams.
async fn serialize_answer(answer: serde_json::Value) -> Result<String, ControlError> {
    let text = answer["text"].as_str().unwrap_or_default();
    if text.len() < MAX_INLINE_TEXT_BYTES {
        return Ok(answer.to_string());
    }
    let written = tokio::task::spawn_blocking(move || answer.to_string()).await;
    written.map_err(|error| ControlError::new(ErrorCode::Internal, error.to_string()))
}

fn error_response(error: &ControlError) -> Response {
    json(error.status(), serde_json::json!({ "error": error }).to_string())
}

async fn arguments<S, B>(body: S) -> Result<serde_json::Value, ControlError>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: bytes::Buf,
{
    let bytes = read_body(body, MAX_ARGUMENT_BYTES).await?;
    if bytes.is_empty() {
        Ok(serde_json::Value::Null)
    } else {
        serde_json::from_slice(&bytes).map_err(|_| arguments_error())
    }
}

async fn read_body<S, B>(body: S, most: usize) -> Result<Vec<u8>, ControlError>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: bytes::Buf,
{
    let mut bytes = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| arguments_error())?;
        let chunk = chunk.copy_to_bytes(chunk.remaining());
        if bytes.len() + chunk.len() > most {
            return Err(arguments_error());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn arguments_error() -> ControlError {
    ControlError::new(ErrorCode::BadArguments, "the arguments are not JSON, or too large")
}

fn json(status: u16, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The event stream as server-sent events. Each payload is one line of JSON.
fn event_stream(control: &Control, closing: CancellationToken, ended: CancellationToken) -> Response {
    let events = control.events().map(|event| frame(&event));
    let hello = stream::once(async { Bytes::from_static(b": connected\n\n") });
    let frames = hello
        .chain(events)
        .take_until(closing.cancelled_owned())
        .take_until(ended.cancelled_owned())
        .map(Ok::<_, Infallible>);
    let mut response = warp::reply::stream(sync_wrapper::SyncStream::new(Box::pin(frames))).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response
}

fn frame(event: &ControlEvent) -> Bytes {
    let (name, json) = match event {
        ControlEvent::Record(record) => ("record", serde_json::to_string(record)),
        ControlEvent::Status(status) => ("status", serde_json::to_string(status)),
        ControlEvent::TestText(text) => ("test_text", serde_json::to_string(text)),
    };
    format!("event: {name}\ndata: {}\n\n", json.unwrap_or_default()).into()
}
