//! A dialect that only the tests have, to show what a new dialect needs: an implementation and a registry entry.

use std::sync::Arc;

use bytes::Bytes;

use super::post;
use crate::accounts::{Account, AccountOrigin, Accounts, Clock};
use crate::proxy::{Proxy, ProxyParts};
use dialects::{ApiFamily, Decoded, Dialect, Encode, InvalidCode, InvalidRequest, ReplyMeta};
use mock_upstream::{MockAccount, MockUpstream, MockUpstreamOptions};
use protocol::{CompleteReply, Event, Message, Part, Request, Role};
use storage::config::Strategy;
use upstreams::Upstreams;
use upstreams::web_session::{self, WebSettings, WebUpstream};

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

#[tokio::test]
async fn a_new_dialect_needs_an_implementation_and_a_registry_entry() {
    let upstream =
        MockUpstream::start(MockUpstreamOptions::instant(vec![MockAccount::web("a")])).await.unwrap();
    let accounts = upstream.cookies().into_iter();
    let accounts = accounts
        .map(|(label, cookie)| Account::new(label, web_session::ID, AccountOrigin::Demo, cookie.into()))
        .collect();
    let base = url::Url::parse(&upstream.base_url()).unwrap();
    let settings = WebSettings::new(base);
    let clock = Clock::default();
    let proxy = Proxy::new(ProxyParts {
        dialects: DIALECTS,
        accounts: Accounts::new(accounts, Strategy::FillFirst, None, clock.now()),
        upstreams: Upstreams::new(vec![Arc::new(WebUpstream::new(settings).unwrap())]),
        clock,
        ..ProxyParts::for_tests()
    });
    let (status, reply) = post(&proxy, "/plain-text", b"hello").await;
    assert_eq!(status, 200, "{reply}");
    assert!(!reply.is_empty() && !reply.starts_with('{'), "{reply}");
    let (status, error) = post(&proxy, "/plain-text", b"\xff").await;
    assert_eq!(status, 400);
    assert_eq!(error, r#"{"code":"invalid_request","error":"the prompt is not UTF-8"}"#);
}
