use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use socket2::{Domain, Socket, Type};

use super::server::{Step, StepServer, TEXT_HEAD, answer, chunk, json, send, text_head};
use super::*;

const SHORT_TIMEOUT: Duration = Duration::from_millis(100);

fn html(status: u16, headers: &str, body: &str) -> Vec<Step> {
    answer(status, &format!("content-type: text/html\r\n{headers}"), body)
}

#[tokio::test]
async fn f01_to_f15_error_responses_map_to_their_kinds() {
    use UpstreamErrorKind::*;
    for (steps, kind) in [
        (json(403, r#"{"message":"usage limit reached"}"#), Limited),
        (html(403, "cf-mitigated: challenge\r\n", "<html>"), Challenge),
        (json(401, "{}"), LoginRequired),
        (answer(302, "location: /login?next=/\r\n", ""), LoginRequired),
        (answer(429, "retry-after: 7\r\n", "slow"), Throttled),
        (html(502, "", "<html>Bad gateway</html>"), Server),
        (html(200, "", "<html>captive portal</html>"), BadResponse),
        (answer(200, "content-type: text/plain\r\n", ""), Empty),
        (answer(204, "", ""), Empty),
        (json(200, r#"{"statusCode":403,"message":"limit"}"#), Limited),
        (json(400, r#"{"message":"prompt is too long"}"#), ContextLength),
        (json(422, r#"{"message":"not that"}"#), Rejected),
        (answer(200, "content-type: text/event-stream\r\n", "data: x\n\n"), BadResponse),
        (json(200, r#"{"reply":"unknown shape"}"#), BadResponse),
    ] {
        assert_eq!(error_kind(steps).await, kind);
    }
}

#[tokio::test]
async fn f04_retry_after_and_status_are_kept() {
    let server = StepServer::start(|_| answer(429, "retry-after: 7\r\n", "slow down")).await;
    let failure = expect_error(&web(&server)).await;
    assert_eq!((failure.retry_after, failure.status), (Some(Duration::from_secs(7)), Some(429)));
}

#[tokio::test]
async fn f10_empty_chunks_are_an_empty_reply() {
    assert_eq!(error_kind(vec![text_head(), send("0\r\n\r\n")]).await, UpstreamErrorKind::Empty);
}

#[tokio::test]
async fn f12_truncated_json_is_rejected() {
    assert_eq!(error_kind(json(200, r#"{"content":"half"#)).await, UpstreamErrorKind::BadResponse);
    let cut =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{\"content\":\"ha";
    assert_eq!(error_kind(vec![send(cut), Step::Reset]).await, UpstreamErrorKind::Unreachable);
}

#[tokio::test]
async fn f13_a_huge_reply_passes_in_order_until_its_cap() {
    let line = "0123456789abcdef".repeat(1024);
    let steps = std::iter::once(text_head()).chain((0..100).map(|_| chunk(&line))).chain([send("0\r\n\r\n")]);
    let steps: Vec<Step> = steps.collect();
    let server = StepServer::start(move |_| steps.clone()).await;
    let (text, end) = ask(&web(&server), hello()).await.unwrap();
    assert_eq!((text.len(), end.unwrap()), (16 * 1024 * 100, FinishReason::Stop));
    let capped = web_with(&server, |settings| settings.http.max_reply_bytes = 1024 * 1024);
    let (text, end) = ask(&capped, hello()).await.unwrap();
    assert!(text.len() <= 1024 * 1024 && end.unwrap_err().kind == UpstreamErrorKind::Interrupted);
}

#[tokio::test]
async fn f16_no_first_byte_is_a_timeout_whether_or_not_a_head_came() {
    for steps in [vec![Step::Hang], vec![text_head(), Step::Hang]] {
        let server = StepServer::start(move |_| steps.clone()).await;
        let web = web_with(&server, |settings| settings.http.first_byte_timeout = SHORT_TIMEOUT);
        assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Timeout);
        server.wait_for_close().await;
    }
}

#[tokio::test]
async fn f17_a_stall_after_five_chunks_interrupts_the_reply() {
    // One write, so that no slow moment of this machine can look like the stall.
    let steps = vec![send(format!("{TEXT_HEAD}{}", "1\r\nx\r\n".repeat(5))), Step::Hang];
    let server = StepServer::start(move |_| steps.clone()).await;
    let web = web_with(&server, |settings| settings.http.idle_timeout = SHORT_TIMEOUT);
    let (text, end) = ask(&web, hello()).await.unwrap();
    assert_eq!((text.as_str(), end.unwrap_err().kind), ("xxxxx", UpstreamErrorKind::Interrupted));
    server.wait_for_close().await;
}

#[tokio::test]
async fn f18_f19_a_reset_and_a_cut_interrupt_the_reply() {
    let cut = send("ff\r\nhalf a chunk");
    for ending in
        [vec![Step::Wait, Step::Reset], vec![cut, Step::Wait, Step::Reset], vec![Step::Wait, send("zz\r\n")]]
    {
        let steps = [vec![text_head(), chunk("x")], ending].concat();
        let server = StepServer::start(move |_| steps.clone()).await;
        let mut events = web(&server).chat(&account("a"), hello(), "m", true).await.unwrap().events;
        assert_eq!(events.next().await.unwrap().unwrap(), Event::Text("x".to_owned()));
        server.release_step();
        let last = events.filter(|event| std::future::ready(event.is_err())).next().await;
        assert_eq!(last.unwrap().unwrap_err().kind, UpstreamErrorKind::Interrupted);
    }
}

#[tokio::test]
async fn f20_characters_survive_slices_of_one_byte() {
    let text = "naïve 🦣 日本語";
    let slices = text.as_bytes().chunks(1).map(chunk);
    let steps: Vec<_> = std::iter::once(text_head()).chain(slices).chain([send("0\r\n\r\n")]).collect();
    let server = StepServer::start(move |_| steps.clone()).await;
    assert_eq!(ask(&web(&server), hello()).await.unwrap().0, text);
}

#[tokio::test]
async fn f21_a_name_that_does_not_exist_is_unreachable() {
    let base = format!("https://{UNRESOLVABLE_HOST}").parse().unwrap();
    let web = Arc::new(WebUpstream::new(WebSettings::new(base)).unwrap());
    assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Unreachable);
}

#[tokio::test]
async fn f22_a_closed_port_is_unreachable_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let web = Arc::new(WebUpstream::new(WebSettings::new(base)).unwrap());
    assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Unreachable);
}

#[tokio::test]
async fn f23_a_server_that_accepts_no_connection_is_a_timeout() {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    // The queue has one place; once it is taken, the kernel drops further connections.
    let _taken = std::net::TcpStream::connect(address).unwrap();
    let base = format!("http://{address}").parse().unwrap();
    let mut settings = WebSettings::new(base);
    settings.http.connect_timeout = SHORT_TIMEOUT;
    let web = Arc::new(WebUpstream::new(settings).unwrap());
    assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Timeout);
}

#[tokio::test]
async fn f56_dropping_a_reply_ends_the_call() {
    let server = StepServer::start(|_| vec![text_head(), chunk("x"), Step::Hang]).await;
    let reply = web(&server).chat(&account("a"), hello(), "m", true).await.unwrap();
    drop(reply);
    server.wait_for_close().await;
}

#[tokio::test]
async fn r02_no_cookie_of_the_sites_is_kept() {
    let server =
        StepServer::start(|_| answer(200, "set-cookie: auth_session=theirs\r\nset-cookie: x=y\r\n", "hi"))
            .await;
    let web = web(&server);
    for _ in 0..2 {
        assert_eq!(ask(&web, hello()).await.unwrap().0, "hi");
    }
    assert_eq!(header(&server.requests()[1].headers, "cookie"), format!("auth_session={COOKIE}"));
}

#[tokio::test]
async fn r03_no_redirect_is_followed() {
    let canary = StepServer::start(|_| answer(200, "", "stolen")).await;
    for status in [301, 302, 303, 307, 308] {
        let steps =
            answer(status, &format!("location: {}login\r\n", canary.base.clone().join("/x/").unwrap()), "");
        assert_eq!(error_kind(steps).await, UpstreamErrorKind::LoginRequired);
        let elsewhere = answer(
            status,
            &format!("location: http://localhost:{}/login\r\n", canary.base.port().unwrap()),
            "",
        );
        assert_eq!(error_kind(elsewhere).await, UpstreamErrorKind::BadResponse);
    }
    assert!(canary.requests().is_empty());
}

#[tokio::test]
async fn r05_compressed_answers_are_not_inflated() {
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let steps =
            answer(200, &format!("content-type: text/plain\r\ncontent-encoding: {encoding}\r\n"), "\x1f\x0b");
        assert_eq!(error_kind(steps).await, UpstreamErrorKind::BadResponse);
    }
}

#[tokio::test]
async fn r06_broken_http_is_a_bad_response() {
    let many: String = (0..10_000).map(|n| format!("x-{n}: 1\r\n")).collect();
    for bytes in [
        "HTTP/9.9 what\r\n\r\n".to_owned(),
        "hello there, this is no HTTP at all\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 OK\r\n{many}\r\n"),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".to_owned(),
    ] {
        let name = bytes.chars().take(40).collect::<String>();
        assert_eq!(error_kind(vec![send(bytes)]).await, UpstreamErrorKind::BadResponse, "{name}");
    }
}

#[tokio::test]
async fn r07_an_echoed_cookie_never_gets_into_a_failure() {
    let echo = format!(r#"{{"message":"bad session {COOKIE} <img src=x onerror=alert(1)> \u001b[2J"}}"#);
    let server = StepServer::start(move |_| json(422, &echo)).await;
    let failure = expect_error(&web(&server)).await;
    assert_eq!(failure.detail, "bad session [redacted] <img src=x onerror=alert(1)> \\u{1b}[2J");
    assert!(!format!("{failure:?} {failure}").contains("CANARY"));
}
