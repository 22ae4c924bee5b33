//! The local HTTP door: `POST /control/{name}` and `GET /control/events`. It carries names, JSON and events, no more.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use tokio_util::sync::CancellationToken;
use warp::filters::BoxedFilter;
use warp::reply::Response;
use warp::{Filter, Reply};

use super::{Control, ControlError, ControlEvent, ErrorCode, dispatch};
use crate::access::{Dialect, Route, Scope};

/// The routes of this door, for the guard.
pub fn table() -> Vec<Route> {
    vec![
        Route {
            method: Method::GET,
            path: "/control/events",
            scope: Scope::Control,
            dialect: Dialect::Plain,
        },
        Route {
            method: Method::POST,
            path: "/control/{name}",
            scope: Scope::Control,
            dialect: Dialect::Plain,
        },
    ]
}

/// The largest argument of a command, bytes.
const LARGEST: usize = 256 * 1024;

/// The filters behind [`table`]. `closing` is put into each request's extensions by the front door.
pub fn routes(control: &Control) -> BoxedFilter<(Response,)> {
    let asked = control.clone();
    let command = warp::path!("control" / String)
        .and(warp::post())
        .and(warp::body::stream())
        .then(move |name: String, body| command(asked.clone(), name, body));
    let feed = control.clone();
    let events = warp::path!("control" / "events")
        .and(warp::get())
        .and(warp::ext::get::<Closing>())
        .map(move |closing: Closing| events(&feed, closing.0));
    events.or(command).unify().boxed()
}

/// Cancelled when open streams must end.
#[derive(Debug, Clone)]
pub struct Closing(pub CancellationToken);

async fn command<S, B>(control: Control, name: String, body: S) -> Response
where
    S: Stream<Item = Result<B, warp::Error>> + Send + 'static,
    B: bytes::Buf,
{
    let answer = match arguments(body).await {
        Ok(args) => dispatch(&control, &name, args).await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(value) => json(200, value.to_string()),
        Err(error) => json(error.status(), serde_json::json!({ "error": error }).to_string()),
    }
}

async fn arguments<S, B>(body: S) -> Result<serde_json::Value, ControlError>
where
    S: Stream<Item = Result<B, warp::Error>>,
    B: bytes::Buf,
{
    let bad = || ControlError::new(ErrorCode::BadArguments, "the arguments are not JSON, or too large");
    let mut bytes = Vec::new();
    let mut body = std::pin::pin!(body);
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| bad())?;
        let chunk = chunk.copy_to_bytes(chunk.remaining());
        if bytes.len() + chunk.len() > LARGEST {
            return Err(bad());
        }
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() {
        Ok(serde_json::Value::Null)
    } else {
        serde_json::from_slice(&bytes).map_err(|_| bad())
    }
}

fn json(status: u16, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The live feed as server-sent events; the payload is one line of JSON.
fn events(control: &Control, closing: CancellationToken) -> Response {
    let events = control.events().map(|event| frame(&event));
    let hello = stream::once(async { Bytes::from_static(b": connected\n\n") });
    let frames = hello.chain(events).take_until(closing.cancelled_owned()).map(Ok::<_, Infallible>);
    let mut response = warp::reply::stream(sync_wrapper::SyncStream::new(Box::pin(frames))).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    response
}

fn frame(event: &ControlEvent) -> Bytes {
    let (name, json) = match event {
        ControlEvent::Record(record) => ("record", serde_json::to_string(record)),
        ControlEvent::Status(status) => ("status", serde_json::to_string(status)),
    };
    format!("event: {name}\ndata: {}\n\n", json.unwrap_or_default()).into()
}
