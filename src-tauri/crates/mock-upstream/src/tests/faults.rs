//! Tests of every fault over the wire.

use super::*;

const HELLO: &str = "\necho: one two three four";

async fn ask_with(simulator: &MockUpstream, fault: &str) -> RawResponse {
    ask(simulator, &format!("sim: {fault}{HELLO}")).await
}

async fn one(fault: &str) -> RawResponse {
    ask_with(&simulator().await, fault).await
}

/// The chunks of a body as text, and whether the body is complete.
fn pieces(answer: &RawResponse) -> (Vec<String>, bool) {
    let (chunks, complete) = answer.chunks();
    (chunks.into_iter().map(|chunk| String::from_utf8(chunk).unwrap()).collect(), complete)
}

#[tokio::test]
async fn refusals_look_like_the_real_ones() {
    let quota = one("quota").await;
    assert_eq!((quota.status(), &quota.json()["statusCode"]), (403, &403.into()));
    assert_eq!(one("bad-cookie").await.status(), 401);
    assert_eq!(one("status=503").await.json()["statusCode"], 503);
    assert_eq!(one("message=\"context too long\" status=400").await.json()["message"], "context too long");
    assert!(one("body=leak").await.json()["message"].as_str().unwrap().contains("alice-session"));
}

#[tokio::test]
async fn pages_and_redirects_are_sent_in_place_of_a_reply() {
    let page = one("body=html").await;
    assert_eq!(
        (page.status(), page.header("content-type").unwrap().as_str()),
        (502, "text/html; charset=utf-8")
    );
    let challenge = one("body=challenge status=503").await;
    assert_eq!((challenge.status(), challenge.header("cf-mitigated").as_deref()), (503, Some("challenge")));
    let portal = one("body=portal").await;
    assert_eq!((portal.status(), portal.body().starts_with(b"<!DOCTYPE html>")), (200, true));
    let login = one("body=login").await;
    assert_eq!((login.status(), login.header("location").as_deref()), (302, Some("/app/login")));
    let redirect = one("redirect=https://other.invalid/x status=307").await;
    assert_eq!(
        (redirect.status(), redirect.header("location").as_deref()),
        (307, Some("https://other.invalid/x"))
    );
}

#[tokio::test]
async fn a_200_can_hold_something_else_than_a_plain_reply() {
    assert_eq!(one("text=\"no way\"").await.text(), "no way");
    assert_eq!(one("body=empty").await.chunks(), (vec![], true));
    assert_eq!(one("body=json").await.json()["content"], "one two three four");
    assert_eq!(one("body=json-string").await.json(), "one two three four");
    assert_eq!(one("body=json-error").await.json()["error"], true);
    assert!(serde_json::from_slice::<serde_json::Value>(one("body=cut-json").await.body()).is_err());
    let downgrade = one("downgrade=light").await.json();
    assert_eq!((&downgrade["model"], &downgrade["content"]), (&"light".into(), &"one two three four".into()));
}

#[tokio::test]
async fn headers_are_added() {
    let answer =
        one("status=429 header=Retry-After:7 header=\"Set-Cookie: a=b; Path=/\" header=content-type:x/y")
            .await;
    assert_eq!(answer.header("retry-after").as_deref(), Some("7"));
    assert_eq!(answer.header("set-cookie").as_deref(), Some("a=b; Path=/"));
    assert_eq!(answer.header("content-type").as_deref(), Some("x/y"));
}

#[tokio::test]
async fn a_reset_comes_after_its_chunks() {
    let simulator = simulator().await;
    let before = ask_with(&simulator, "reset=0").await;
    assert_eq!((before.reset, before.raw.len()), (true, 0));
    let after = ask_with(&simulator, "reset=2").await;
    assert_eq!((after.reset, pieces(&after)), (true, (vec!["one ".into(), "two ".into()], false)));
    assert!(simulator.calls().iter().all(|call| call.ended && !call.peer_closed_early));
}

#[tokio::test]
async fn a_cut_has_no_end_mark_and_an_early_end_has_one() {
    let cut = one("cut=2").await;
    assert_eq!((cut.reset, pieces(&cut)), (false, (vec!["one ".into(), "two ".into()], false)));
    let last = one("cut=4").await;
    assert_eq!((pieces(&last).0.len(), pieces(&last).1), (4, false));
    let eof = one("eof=1").await;
    assert_eq!((eof.reset, pieces(&eof)), (false, (vec!["one ".into()], true)));
    let nothing = one("cut=0").await;
    assert_eq!((nothing.status(), pieces(&nothing)), (200, (vec![], false)));
}

#[tokio::test]
async fn a_refusal_can_be_cut_too() {
    let answer = one("status=500 slice=5 cut=1").await;
    assert_eq!((answer.status(), answer.body().len()), (500, 5));
}

#[tokio::test]
async fn slices_go_through_characters() {
    let simulator = simulator().await;
    let answer = ask(&simulator, "sim: slice=1\necho: 🦣").await;
    assert_eq!(answer.chunks().0.len(), 4);
    assert_eq!(answer.text(), "🦣");
}

#[tokio::test]
async fn a_reply_can_have_any_size() {
    assert_eq!(one("size=300000").await.text().len(), 300_000);
    assert_eq!(one("size=10 slice=3").await.chunks().0.len(), 4);
}

#[tokio::test]
async fn an_endless_reply_stops_with_its_client() {
    let simulator = simulator().await;
    let mut stream = start_asking(&simulator, "sim: endless").await;
    let mut buffer = vec![0; 1_000_000];
    stream.read_exact(&mut buffer).await.unwrap();
    drop(stream);
    simulator.wait_for(|state| state.active_calls == 0).await;
    assert!(simulator.calls()[0].peer_closed_early);
}

#[tokio::test]
async fn bytes_can_be_no_utf8() {
    let invalid = one("utf8=invalid").await.chunks();
    assert_eq!(
        (&invalid.0[0][..], &invalid.0[1][..], invalid.0.len()),
        (&b"one "[..], &b"\xff\xc0\x80"[..], 5)
    );
    let (chunks, complete) = one("utf8=cut").await.chunks();
    let error = std::str::from_utf8(&chunks.concat()).unwrap_err().error_len();
    assert_eq!((complete, error), (true, None));
}

#[tokio::test]
async fn the_announced_length_can_be_wrong() {
    let simulator = simulator().await;
    let answer = ask_with(&simulator, "length=10").await;
    assert_eq!(answer.header("content-length").as_deref(), Some("28"));
    assert_eq!(answer.body(), b"one two three four");
    assert!(simulator.calls()[0].ended && !simulator.calls()[0].peer_closed_early);
}

#[tokio::test]
async fn the_content_encoding_can_be_a_lie() {
    let answer = one("gzip").await;
    assert_eq!(answer.header("content-encoding").as_deref(), Some("gzip"));
    assert!(answer.chunks().0.concat().starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn raw_bytes_can_take_the_place_of_http() {
    let answer = one(r#"raw="HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n""#).await;
    assert_eq!(answer.raw, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
}

#[tokio::test]
async fn short_delays_pass() {
    assert_eq!(one("delay=1 first=1ms").await.text(), "one two three four");
}

#[tokio::test]
async fn a_client_that_leaves_ends_any_wait() {
    for fault in ["delay=forever", "first=forever", "stall=2", "gate"] {
        let simulator = simulator().await;
        let stream = start_asking(&simulator, &format!("sim: {fault}{HELLO}")).await;
        simulator.wait_for(|state| state.calls.len() == 1 && state.active_calls == 1).await;
        drop(stream);
        simulator.wait_for(|state| state.active_calls == 0).await;
        let call = &simulator.calls()[0];
        assert!(call.ended && call.peer_closed_early, "{fault}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_during_its_upload_is_recorded() {
    let simulator = simulator().await;
    let mut stream = connect(&simulator).await;
    let head = format!(
        "POST /api/attachments/saveFile HTTP/1.1\r\nHost: x\r\n{COOKIE}Content-Length: 100\r\n\r\nabc"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    simulator.wait_for(|state| state.active_calls == 1).await;
    drop(stream);
    simulator.wait_for(|state| state.active_calls == 0).await;
    let call = &simulator.calls()[0];
    assert_eq!(
        (call.peer_closed_early, call.status, call.path.as_str()),
        (true, None, "/api/attachments/saveFile")
    );
}

#[tokio::test]
async fn a_stall_sends_its_chunks_first() {
    let simulator = simulator().await;
    let mut stream = start_asking(&simulator, &format!("sim: stall=2{HELLO}")).await;
    let text = read_until(&mut stream, "two ").await;
    assert!(!text.contains("three"));
    assert_eq!(simulator.active_calls(), 1);
}

#[tokio::test]
async fn the_gate_holds_each_chunk_until_it_is_released() {
    let simulator = simulator().await;
    let mut stream = start_asking(&simulator, &format!("sim: gate{HELLO}")).await;
    for word in ["one ", "two "] {
        simulator.wait_for(|state| state.held_chunks == 1).await;
        simulator.release(1);
        assert!(read_until(&mut stream, word).await.ends_with(&format!("{word}\r\n")));
    }
    simulator.release(2);
    assert!(read_until(&mut stream, "0\r\n\r\n").await.contains("four"));
    simulator.wait_for(|state| state.held_chunks == 0 && state.active_calls == 0).await;
    assert!(!simulator.calls()[0].peer_closed_early);
}
