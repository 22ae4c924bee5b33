//! HTTP/2, which Mammouth's front speaks: all requests share one connection, so what befalls it must befall no more
//! than it has to.

use std::time::Duration;

use ::h2::Reason;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::front::{Act, Front};
use super::server::{Server, reply};
use super::*;
use crate::upstreams::Outbound;

fn web_of(front: &Front) -> Arc<Web> {
    let outbound = Outbound { extra_roots: vec![front.root.clone()], ..Outbound::default() };
    let settings = Settings { base: front.base.clone(), outbound, ..Settings::default() };
    Arc::new(Web::new(settings).unwrap())
}

async fn text(web: &Arc<Web>) -> String {
    let (text, end) = ask(web, hello()).await.expect("a reply");
    assert!(end.is_ok(), "{end:?}");
    text
}

#[tokio::test]
async fn f25_requests_share_a_connection_until_it_says_that_it_goes() {
    let front = Front::start(|at| if at == 1 { Act::HoldAndLeave } else { Act::Reply }).await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    let mut leaving = web.chat(&account("a"), hello(), "openai-gpt-5", true).await.unwrap().events;
    assert!(matches!(leaving.next().await, Some(Ok(Event::Text(text))) if text == "Hi"));
    for _ in 0..3 {
        assert_eq!(text(&web).await, "Hi");
    }
    assert_eq!(front.seen(), [0, 0, 1, 1, 1], "new requests are on a new connection, and only one");
    // The reply that ran when the connection said so goes on to its own end.
    front.go_on();
    assert!(matches!(leaving.next().await, Some(Ok(Event::Text(text))) if text == " there"));
    assert!(matches!(leaving.next().await, Some(Ok(Event::Done { .. }))));
}

#[tokio::test]
async fn f25_a_connection_that_ends_fails_its_request_at_once_and_no_other() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM, Reason::INTERNAL_ERROR] {
        let front = Front::start(move |at| if at == 0 { Act::Away(reason) } else { Act::Reply }).await;
        let web = web_of(&front);
        assert_eq!(refused(&web).await.kind, UpstreamErrorKind::Unreachable, "{reason}");
        assert_eq!(text(&web).await, "Hi");
        assert_eq!(front.seen(), [0, 1], "{reason}: nothing was repeated behind our back");
    }
}

#[tokio::test]
async fn f25_a_request_that_is_reset_fails_alone_and_its_connection_stays() {
    for reason in [Reason::REFUSED_STREAM, Reason::ENHANCE_YOUR_CALM, Reason::CANCEL, Reason::INTERNAL_ERROR]
    {
        let front = Front::start(move |at| if at == 0 { Act::Reset(reason) } else { Act::Reply }).await;
        let web = web_of(&front);
        assert_eq!(refused(&web).await.kind, UpstreamErrorKind::Unreachable, "{reason}");
        assert_eq!(text(&web).await, "Hi");
        assert_eq!(front.seen(), [0, 0], "{reason}");
    }
}

#[tokio::test]
async fn f25_r06_a_reset_after_text_is_an_interruption() {
    for reason in [Reason::INTERNAL_ERROR, Reason::ENHANCE_YOUR_CALM, Reason::CANCEL] {
        let front = Front::start(move |at| if at == 0 { Act::Break(reason) } else { Act::Reply }).await;
        let web = web_of(&front);
        let mut broken = web.chat(&account("a"), hello(), "openai-gpt-5", true).await.unwrap().events;
        assert!(matches!(broken.next().await, Some(Ok(Event::Text(text))) if text == "Hi"));
        front.go_on();
        let failure = broken.next().await.expect("an end").unwrap_err();
        assert_eq!(failure.kind, UpstreamErrorKind::Interrupted, "{reason}");
        assert_eq!(text(&web).await, "Hi");
        assert_eq!(front.seen(), [0, 0], "{reason}: not asked again");
    }
}

#[tokio::test]
async fn f25_one_request_at_a_time_is_slow_but_never_stuck() {
    let front = Front::with_streams(1, |_| Act::Reply).await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    let replies = join_all((0..10).map(|_| text(&web))).await;
    assert_eq!(replies, ["Hi"; 10]);
    assert_eq!((front.most_at_once(), front.seen().len()), (1, 11));
}

/// Time is the test's own here: it passes as soon as nobody has anything to do.
#[tokio::test]
async fn f26_a_connection_that_died_in_silence_is_found_before_the_next_request() {
    let front = Front::start(|at| if at == 0 { Act::ReplyAndFallSilent } else { Act::Reply }).await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(26)).await;
    tokio::time::resume();
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(front.seen(), [0, 1]);
}

#[tokio::test]
async fn f26_a_request_on_a_connection_that_died_ends_within_25_seconds() {
    let front = Front::start(|at| if at == 0 { Act::ReplyAndFallSilent } else { Act::Reply }).await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    tokio::time::pause();
    let asked = Instant::now();
    assert_eq!(refused(&web).await.kind, UpstreamErrorKind::Timeout);
    assert!(asked.elapsed() < Duration::from_secs(26), "{:?}", asked.elapsed());
    tokio::time::resume();
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(front.seen(), [0, 1], "what is behind the dead connection was never asked");
}

/// HTTP/1 has no question to ask on an idle connection, so none is trusted for long.
#[tokio::test]
async fn f26_an_idle_connection_without_pings_is_not_used_again() {
    let server = Server::start(|_| reply(&["Hi"])).await;
    let web = web(&server);
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(server.connections(), 1);
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(31)).await;
    tokio::time::resume();
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(server.connections(), 2);
}
