use futures_util::StreamExt;

use super::server::{Step, StepServer, answer, chunk, json, reply, send, text_head};
use super::*;
use crate::{Identity, Quota};

#[tokio::test]
async fn a_request_has_the_shape_the_site_expects() {
    let server = StepServer::start(|_| reply(&["Hi"])).await;
    let mut request = request(vec![Part::Text("Hello".to_owned())], true);
    let system = Message { role: Role::System, parts: vec![Part::Text("Be brief.".to_owned())] };
    request.messages.insert(0, system);
    assert_eq!(ask(&web(&server), Arc::new(request)).await.unwrap().0, "Hi");

    let seen = &server.requests()[0];
    assert_eq!(seen.line, "POST /api/models/llms");
    assert_eq!(header(&seen.headers, "cookie"), format!("auth_session={COOKIE}"));
    assert_eq!(header(&seen.headers, "origin"), "https://mammouth.ai");
    assert_eq!(header(&seen.headers, "referer"), "https://mammouth.ai/app/a/default");
    assert_eq!(header(&seen.headers, "user-agent"), concat!("mammouth-proxy/", env!("CARGO_PKG_VERSION")));
    let body = String::from_utf8(seen.body.to_vec()).unwrap();
    let values: Vec<&str> =
        body.split("\r\n").filter(|line| !line.is_empty() && !line.starts_with("--")).collect();
    assert_eq!(
        values,
        [
            "Content-Disposition: form-data; name=\"model\"",
            "openai-gpt-5",
            "Content-Disposition: form-data; name=\"preprompt\"",
            "Be brief.",
            "Content-Disposition: form-data; name=\"messages\"",
            r#"{"content":"Hello","imagesData":[],"documentsData":[]}"#,
        ]
    );
}

#[tokio::test]
async fn each_chunk_is_an_event_before_the_next_one_arrives() {
    let steps =
        |_: &_| vec![text_head(), chunk("one "), Step::Wait, chunk("two"), Step::Wait, send("0\r\n\r\n")];
    let server = StepServer::start(steps).await;
    let mut events = web(&server).chat(&account("a"), hello(), "m", true).await.unwrap().events;
    assert_eq!(events.next().await.unwrap().unwrap(), Event::Text("one ".to_owned()));
    server.release_step();
    assert_eq!(events.next().await.unwrap().unwrap(), Event::Text("two".to_owned()));
    server.release_step();
    assert!(matches!(events.next().await, Some(Ok(Event::Done { finish: FinishReason::Stop, .. }))));
}

#[tokio::test]
async fn all_three_reply_formats_are_read() {
    for (stream, content_type, body, text) in [
        (false, "application/json", r#""say \"hi\"""#, "say \"hi\""),
        (true, "application/json; charset=utf-8", r#"{"content":"hi","other":1}"#, "hi"),
        (false, "text/plain", r#""hi\nthere""#, "hi\nthere"),
        (true, "text/plain", r#""hi""#, r#""hi""#),
        (true, "application/octet-stream", "hi", "hi"),
        (true, "text/plain", "data: [DONE]\n\n\u{2028}event: x\r", "data: [DONE]\n\n\u{2028}event: x\r"),
    ] {
        let steps = answer(200, &format!("content-type: {content_type}\r\n"), body);
        let server = StepServer::start(move |_| steps.clone()).await;
        let request = Arc::new(request(vec![Part::Text("Hello".to_owned())], stream));
        assert_eq!(ask(&web(&server), request).await.unwrap().0, text, "{content_type} {body}");
    }
    let server = StepServer::start(|_| answer(200, "", "untyped")).await;
    assert_eq!(ask(&web(&server), hello()).await.unwrap().0, "untyped");
}

#[tokio::test]
async fn the_model_that_answered_is_named() {
    let server = StepServer::start(|_| json(200, r#"{"content":"hi","model":"anthropic-haiku"}"#)).await;
    let reply = web(&server).chat(&account("a"), hello(), "anthropic-opus", true).await.unwrap();
    assert_eq!(reply.served_model.unwrap(), "anthropic-haiku");
}

#[tokio::test]
async fn max_tokens_applies_to_the_first_reply_of_a_process() {
    let server = StepServer::start(|_| reply(&["one two ", "three four", " five"])).await;
    let mut request = request(vec![Part::Text("Hello".to_owned())], true);
    request.max_tokens = Some(3);
    let (text, end) = ask(&web(&server), Arc::new(request)).await.unwrap();
    assert_eq!((text.as_str(), end.unwrap()), ("one two three", FinishReason::Length));
}

#[tokio::test]
async fn a_pooled_connection_serves_the_next_call() {
    let server = StepServer::start(|_| reply(&["Hi"])).await;
    let web = web(&server);
    for _ in 0..5 {
        assert_eq!(ask(&web, hello()).await.unwrap().0, "Hi");
    }
    assert_eq!((server.requests().len(), server.connections()), (5, 1));
}

#[tokio::test]
async fn p14_a_hostile_model_name_is_refused_before_anything_is_sent() {
    let server = StepServer::start(|_| reply(&["Hi"])).await;
    let failure = web(&server).chat(&account("a"), hello(), "a\r\nb", true).await.err().unwrap();
    assert_eq!((failure.kind, server.requests().len()), (UpstreamErrorKind::Rejected, 0));
}

#[tokio::test]
async fn check_returns_the_identity() {
    let server = StepServer::start(|seen| match seen.line.as_str() {
        "GET /api/login/user" => json(200, r#"{"email":"ada@example.com","plan":"Expert"}"#),
        _ => json(404, "{}"),
    })
    .await;
    let identity = web(&server).check(&account("a")).await.unwrap();
    let expected =
        Identity { email: Some("ada@example.com".into()), name: None, plan: Some("Expert".into()) };
    assert_eq!(identity, expected);
    assert_eq!(header(&server.requests()[0].headers, "cookie"), format!("auth_session={COOKIE}"));
}

#[tokio::test]
async fn f03_check_recognizes_a_lost_session() {
    let redirect = answer(302, "location: /login\r\n", "");
    for steps in [json(401, "{}"), json(200, "null"), json(200, r#"{"user":null}"#), redirect] {
        let server = StepServer::start(move |_| steps.clone()).await;
        assert_eq!(
            web(&server).check(&account("a")).await.unwrap_err().kind,
            UpstreamErrorKind::LoginRequired
        );
    }
}

#[tokio::test]
async fn quota_works_with_one_of_two_answers() {
    let server = StepServer::start(|seen| match seen.line.as_str() {
        "GET /api/user/recentUsage" => {
            json(200, r#"{"percent":"42 %","byBrand":[{"name":"OpenAI","value":12}],"usedModels":["x"]}"#)
        }
        "GET /api/user/currentUsage" => json(500, "{}"),
        _ => json(404, "{}"),
    })
    .await;
    let quota = web(&server).quota(&account("a")).await.unwrap();
    let by_family = vec![("openai".to_owned(), 100.0)];
    assert_eq!(quota, Quota { percent: Some(42.0), spend_cents: None, by_family, ..Quota::default() });

    let server = StepServer::start(|_| json(500, "{}")).await;
    assert_eq!(web(&server).quota(&account("a")).await.unwrap_err().kind, UpstreamErrorKind::Server);
}

#[tokio::test]
async fn f03_quota_does_not_hide_a_lost_session() {
    let server = StepServer::start(|seen| match seen.line.as_str() {
        "GET /api/user/recentUsage" => json(200, r#"{"percent":1}"#),
        _ => json(401, "{}"),
    })
    .await;
    assert_eq!(web(&server).quota(&account("a")).await.unwrap_err().kind, UpstreamErrorKind::LoginRequired);
}
