//! Tests of the web upstream against small servers on loopback that send exactly what a test specifies.

mod faults;
mod http2;
mod http2_server;
mod images;
mod requests;
mod server;
mod tls;
mod token_counting;

use std::sync::Arc;

use futures_util::StreamExt;
use http::HeaderMap;

use self::server::{Step, StepServer};
use super::{WebSettings, WebUpstream};
use crate::{Credential, UpstreamError, UpstreamErrorKind};
use protocol::{Event, FinishReason, Message, Part, Request, Role};

const COOKIE: &str = "CANARY_CK0123456789";
/// Label that is too long for DNS: the lookup fails without a query.
const UNRESOLVABLE_HOST: &str =
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid";

fn web(server: &StepServer) -> Arc<WebUpstream> {
    web_with(server, |_| ())
}

fn web_with(server: &StepServer, change: impl FnOnce(&mut WebSettings)) -> Arc<WebUpstream> {
    let mut settings = WebSettings::new(server.base.clone());
    change(&mut settings);
    Arc::new(WebUpstream::new(settings).unwrap())
}

fn account(name: &str) -> Credential {
    Credential { account: name.to_owned(), secret: COOKIE.into() }
}

fn request(parts: Vec<Part>, stream: bool) -> Request {
    let messages = vec![Message { role: Role::User, parts }];
    Request { model: "gpt-5".to_owned(), messages, stream, ..Request::default() }
}

fn hello() -> Arc<Request> {
    Arc::new(request(vec![Part::Text("Hello".to_owned())], true))
}

/// Sends a request and reads the reply to its end. Returns its text and how it ended.
async fn ask(
    web: &Arc<WebUpstream>,
    request: Arc<Request>,
) -> Result<(String, Result<FinishReason, UpstreamError>), UpstreamError> {
    let mut events = web.chat(&account("a"), request, "openai-gpt-5", true).await?.events;
    let mut text = String::new();
    loop {
        match events.next().await.expect("a reply ends with Done or a failure") {
            Ok(Event::Text(piece)) => text.push_str(&piece),
            Ok(Event::Done { finish, usage }) => {
                assert!(usage.estimated && usage.prompt_tokens > 0);
                assert!(events.next().await.is_none());
                return Ok((text, Ok(finish)));
            }
            Ok(other) => panic!("the site says nothing but text: {other:?}"),
            Err(failure) => {
                assert!(events.next().await.is_none());
                return Ok((text, Err(failure)));
            }
        }
    }
}

async fn expect_error(web: &Arc<WebUpstream>) -> UpstreamError {
    let failure = ask(web, hello()).await.expect_err("no reply was expected");
    for secret in [COOKIE, "CANARY_C", "127.0.0.1"] {
        assert!(!failure.detail.contains(secret), "{}", failure.detail);
    }
    failure
}

async fn error_kind(steps: Vec<Step>) -> UpstreamErrorKind {
    let server = StepServer::start(move |_| steps.clone()).await;
    expect_error(&web(&server)).await.kind
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}
