//! Tests over HTTP/2, which Mammouth's front end uses: all requests share one connection, so an error must
//! affect as few of them as possible.

use std::time::Duration;

use ::h2::Reason;
use futures_util::future::join_all;
use tokio::time::Instant;

use super::http2_server::{Http2Server, RequestAction};
use super::server::{StepServer, reply};
use super::*;
use crate::Outbound;

fn web_of(front: &Http2Server) -> Arc<WebUpstream> {
    let outbound = Outbound { extra_roots: vec![front.root.clone()], ..Outbound::default() };
    let mut settings = WebSettings::new(front.base.clone());
    settings.http.outbound = outbound;
    Arc::new(WebUpstream::new(settings).unwrap())
}

async fn text(web: &Arc<WebUpstream>) -> String {
    let (text, end) = ask(web, hello()).await.expect("a reply");
    assert!(end.is_ok(), "{end:?}");
    text
}

#[tokio::test]
async fn f25_requests_share_a_connection_until_goaway() {
    let front =
        Http2Server::start(|at| if at == 1 { RequestAction::HoldAndLeave } else { RequestAction::Reply })
            .await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    let mut leaving = web.chat(&account("a"), hello(), "openai-gpt-5", true).await.unwrap().events;
    assert!(matches!(leaving.next().await, Some(Ok(Event::Text(text))) if text == "Hi"));
    for _ in 0..3 {
        assert_eq!(text(&web).await, "Hi");
    }
    assert_eq!(front.connection_ids(), [0, 0, 1, 1, 1], "new requests are on a new connection, and only one");
    // The reply that was running at the GOAWAY continues to its end.
    front.release_step();
    assert!(matches!(leaving.next().await, Some(Ok(Event::Text(text))) if text == " there"));
    assert!(matches!(leaving.next().await, Some(Ok(Event::Done { .. }))));
}

#[tokio::test]
async fn f25_a_connection_that_ends_fails_its_request_at_once_and_no_other() {
    for reason in [Reason::NO_ERROR, Reason::ENHANCE_YOUR_CALM, Reason::INTERNAL_ERROR] {
        let front =
            Http2Server::start(
                move |at| if at == 0 { RequestAction::Away(reason) } else { RequestAction::Reply },
            )
            .await;
        let web = web_of(&front);
        assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Unreachable, "{reason}");
        assert_eq!(text(&web).await, "Hi");
        assert_eq!(front.connection_ids(), [0, 1], "{reason}: nothing was repeated behind our back");
    }
}

#[tokio::test]
async fn f25_a_request_that_is_reset_fails_alone_and_its_connection_stays() {
    for reason in [Reason::REFUSED_STREAM, Reason::ENHANCE_YOUR_CALM, Reason::CANCEL, Reason::INTERNAL_ERROR]
    {
        let front =
            Http2Server::start(
                move |at| if at == 0 { RequestAction::Reset(reason) } else { RequestAction::Reply },
            )
            .await;
        let web = web_of(&front);
        assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Unreachable, "{reason}");
        assert_eq!(text(&web).await, "Hi");
        assert_eq!(front.connection_ids(), [0, 0], "{reason}");
    }
}

#[tokio::test]
async fn f25_r06_a_reset_after_text_is_an_interruption() {
    for reason in [Reason::INTERNAL_ERROR, Reason::ENHANCE_YOUR_CALM, Reason::CANCEL] {
        let front =
            Http2Server::start(
                move |at| if at == 0 { RequestAction::Break(reason) } else { RequestAction::Reply },
            )
            .await;
        let web = web_of(&front);
        let mut broken = web.chat(&account("a"), hello(), "openai-gpt-5", true).await.unwrap().events;
        assert!(matches!(broken.next().await, Some(Ok(Event::Text(text))) if text == "Hi"));
        front.release_step();
        let failure = broken.next().await.expect("an end").unwrap_err();
        assert_eq!(failure.kind, UpstreamErrorKind::Interrupted, "{reason}");
        assert_eq!(text(&web).await, "Hi");
        assert_eq!(front.connection_ids(), [0, 0], "{reason}: not asked again");
    }
}

#[tokio::test]
async fn f25_one_request_at_a_time_never_deadlocks() {
    let front = Http2Server::with_streams(1, |_| RequestAction::Reply).await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    let replies = join_all((0..10).map(|_| text(&web))).await;
    assert_eq!(replies, ["Hi"; 10]);
    assert_eq!((front.max_concurrent_requests(), front.connection_ids().len()), (1, 11));
}

/// Pauses the clock, which then advances whenever all tasks are idle.
#[tokio::test]
async fn f26_a_silently_dead_connection_is_detected_before_the_next_request() {
    let front =
        Http2Server::start(
            |at| if at == 0 { RequestAction::ReplyAndFallSilent } else { RequestAction::Reply },
        )
        .await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(26)).await;
    tokio::time::resume();
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(front.connection_ids(), [0, 1]);
}

#[tokio::test]
async fn f26_a_request_on_a_dead_connection_ends_within_25_seconds() {
    let front =
        Http2Server::start(
            |at| if at == 0 { RequestAction::ReplyAndFallSilent } else { RequestAction::Reply },
        )
        .await;
    let web = web_of(&front);
    assert_eq!(text(&web).await, "Hi");
    tokio::time::pause();
    let asked = Instant::now();
    assert_eq!(expect_error(&web).await.kind, UpstreamErrorKind::Timeout);
    assert!(asked.elapsed() < Duration::from_secs(26), "{:?}", asked.elapsed());
    tokio::time::resume();
    assert_eq!(text(&web).await, "Hi");
    assert_eq!(front.connection_ids(), [0, 1], "what is behind the dead connection was never asked");
}

/// HTTP/1 has no ping for an idle connection, so such a connection is reused only for a short time.
#[tokio::test]
async fn f26_an_idle_connection_without_pings_is_not_reused() {
    let server = StepServer::start(|_| reply(&["Hi"])).await;
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
