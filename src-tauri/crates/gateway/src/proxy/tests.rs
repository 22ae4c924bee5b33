//! A dialect that only the tests have, to show what a new dialect needs: an implementation and a registry entry.

use std::sync::Arc;

use bytes::Bytes;
use http::Request as HttpRequest;
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::{CallerInfo, Proxy, ProxyParts, handle_rejection, route_table, routes};
use crate::accounts::{Account, AccountOrigin, Accounts, Clock};
use crate::auth::{Guard, KeyDigests, Policy, digest};
use dialects::{ApiFamily, Decoded, Dialect, Encode, InvalidCode, InvalidRequest, ReplyMeta};
use mock_upstream::{MockAccount, MockUpstream, MockUpstreamOptions};
use protocol::{CompleteReply, Event, Message, Part, Request, Role};
use storage::config::Strategy;
use upstreams::web_session::{self, WebSettings, WebUpstream};
use warp::Filter;

/// A dialect whose bodies are the text of the prompt and of the reply.
#[derive(Debug)]
struct PlainText;

impl Dialect for PlainText {
    fn name(&self) -> &'static str {
        "plain-text"
    }

    fn path(&self) -> &'static str {
        "/v1/plain-text"
    }

    fn api_family(&self) -> ApiFamily {
        ApiFamily::Ollama
    }

    fn decode(&self, body: &Bytes, _: ReplyMeta) -> Result<Decoded, InvalidRequest> {
        let prompt = str::from_utf8(body).map_err(|_| InvalidRequest {
            code: InvalidCode::InvalidRequest,
            param: None,
            message: "the prompt is not UTF-8".to_owned(),
        })?;
        let message = Message { role: Role::User, parts: vec![Part::Text(prompt.to_owned())] };
        Ok(Decoded {
            request: Request { model: "m".to_owned(), messages: vec![message], ..Request::default() },
            ignored: Vec::new(),
            api_only_params: Vec::new(),
            load_only: false,
            encoder: Box::new(PlainTextEncoder),
        })
    }
}

struct PlainTextEncoder;

impl Encode for PlainTextEncoder {
    fn encode_event(&mut self, event: &Event) -> String {
        if let Event::Text(text) = event { text.clone() } else { String::new() }
    }

    fn encode_error(&mut self, _: &str, message: &str) -> String {
        message.to_owned()
    }

    fn encode_complete(&mut self, answer: &CompleteReply) -> String {
        answer.text()
    }
}

const DIALECTS: &[&dyn Dialect] = &[&PlainText];

/// Posts a body to the dialect's path through the guard. Returns the status and the body of the response.
async fn post(proxy: &Proxy, body: &'static [u8]) -> (u16, String) {
    let keys = KeyDigests::new();
    keys.insert_digest("ide", digest("mp-key"));
    let guard = Guard::new(route_table(DIALECTS), Policy::default(), keys, digest("control"));
    let request =
        HttpRequest::post("/plain-text").header("host", "localhost").header("authorization", "Bearer mp-key");
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let authorized = guard.admit(&head).expect("the route is in the table");
    head.uri = authorized.path.parse().unwrap();
    head.extensions.insert(CallerInfo {
        request_id: "1".into(),
        client: "ide".into(),
        api_family: authorized.api_family,
        origin: Default::default(),
        closing: Default::default(),
    });
    let routes = routes(proxy).recover(handle_rejection).unify();
    let response = warp::service(routes)
        .call(HttpRequest::from_parts(head, Full::new(Bytes::from_static(body))))
        .await
        .unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_new_dialect_needs_an_implementation_and_a_registry_entry() {
    let upstream =
        MockUpstream::start(MockUpstreamOptions::instant(vec![MockAccount::web("a")])).await.unwrap();
    let accounts = upstream.cookies().into_iter();
    let accounts = accounts
        .map(|(label, cookie)| Account::new(label, web_session::ID, AccountOrigin::Demo, cookie.into()))
        .collect();
    let base = url::Url::parse(&upstream.base_url()).unwrap();
    let clock = Clock::default();
    let proxy = Proxy::new(ProxyParts {
        dialects: DIALECTS,
        accounts: Accounts::new(accounts, Strategy::FillFirst, None, clock.now()),
        web: Arc::new(WebUpstream::new(WebSettings { base, ..WebSettings::default() }).unwrap()),
        clock,
        ..ProxyParts::for_tests()
    });
    let (status, reply) = post(&proxy, b"hello").await;
    assert_eq!(status, 200, "{reply}");
    assert!(!reply.is_empty() && !reply.starts_with('{'), "{reply}");
    let (status, error) = post(&proxy, b"\xff").await;
    assert_eq!(status, 400);
    assert_eq!(error, r#"{"code":"invalid_request","error":"the prompt is not UTF-8"}"#);
}
