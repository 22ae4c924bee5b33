//! What Mammouth can do wrong before the first byte of a reply: who is asked next, what the client is told, and what it
//! means for the account. The cases look alike, so they are rows; each test is a group of rows under its number.

use serde_json::json;

use crate::support::{Answer, Scene, question, retry_after, streamed};

/// One way to fail, met by every call of the account `alice`.
struct Row {
    fault: String,
    /// What a client is told when there is no other account.
    told: (u16, &'static str),
    /// How many calls are made then.
    calls: usize,
    after: After,
    /// Whether another account is asked, and so serves the request.
    other: bool,
}

/// What becomes of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Ready,
    /// For the family of the model; other models go on.
    Limited,
    /// For all models.
    Throttled,
    NeedsLogin,
    /// The account is not to blame, but nobody is asked for a while.
    Challenge,
}
use After::{Challenge, Limited, NeedsLogin, Ready, Throttled};

fn row(fault: impl Into<String>, told: (u16, &'static str), calls: usize, after: After, other: bool) -> Row {
    let fault = fault.into();
    Row { fault, told, calls, after, other }
}

const QUOTA: (u16, &str) = (429, "insufficient_quota");
const RATE: (u16, &str) = (429, "rate_limit_exceeded");
const LOGIN: (u16, &str) = (503, "account_login_required");
const CHALLENGE: (u16, &str) = (503, "upstream_challenge");
const BAD: (u16, &str) = (502, "upstream_bad_response");
const GONE: (u16, &str) = (503, "upstream_unreachable");
const INVALID: (u16, &str) = (400, "invalid_request");
const TOO_LONG: (u16, &str) = (400, "context_length_exceeded");

#[tokio::test]
async fn f01_a_used_up_quota_cools_the_family_and_the_next_account_serves() {
    check(&[
        row("quota", QUOTA, 1, Limited, true),
        row("status=403 message=\"Forbidden\"", QUOTA, 1, Limited, true),
        row("status=402 message=\"Upgrade your plan\"", QUOTA, 1, Limited, true),
        row("status=403 text=\"Usage limit reached\"", QUOTA, 1, Limited, true),
    ])
    .await;
}

#[tokio::test]
async fn f02_a_challenge_marks_no_account_and_asks_no_other() {
    check(&[
        row("body=challenge", CHALLENGE, 1, Challenge, false),
        row("body=challenge status=429", CHALLENGE, 1, Challenge, false),
        row("body=challenge status=503", CHALLENGE, 1, Challenge, false),
        row("body=html status=403", CHALLENGE, 1, Challenge, false),
    ])
    .await;
}

#[tokio::test]
async fn f03_a_lost_session_takes_the_account_out_until_somebody_signs_in() {
    check(&[
        row("bad-cookie", LOGIN, 1, NeedsLogin, true),
        row("body=login", LOGIN, 1, NeedsLogin, true),
        row("status=303 redirect=/sign-in?back=1", LOGIN, 1, NeedsLogin, true),
        row("status=403 message=\"Not logged in\"", LOGIN, 1, NeedsLogin, true),
        row(
            "status=200 text=\"<html><title>Log in</title></html>\" header=Content-Type:text/html",
            LOGIN,
            1,
            NeedsLogin,
            true,
        ),
    ])
    .await;
}

#[tokio::test]
async fn f04_a_429_rests_only_the_account_that_got_it() {
    check(&[row("status=429 header=Retry-After:7", RATE, 1, Throttled, true)]).await;
}

#[tokio::test]
async fn f05_every_form_of_retry_after_is_kept_in_bounds() {
    let in_a_minute =
        httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_secs(60));
    let date = format!("header=\"Retry-After: {in_a_minute}\"");
    // A tenth is added at most, so that accounts that were told together do not come back together.
    for (header, from, to) in [
        ("header=Retry-After:7", 7, 8),
        (date.as_str(), 50, 66),
        ("header=\"Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\"", 1, 2),
        ("header=\"Retry-After: Fri, 31 Dec 2049 23:59:59 GMT\"", 3590, 3960),
        ("header=Retry-After:99999999999999999999", 3590, 3960),
        ("header=Retry-After:0", 1, 2),
        ("header=Retry-After:-1", 1, 1),
        ("header=Retry-After:1e309", 1, 1),
        ("header=Retry-After:soon", 1, 1),
        ("header=Retry-After:7 header=Retry-After:9", 1, 1),
        ("", 1, 1),
    ] {
        let scene = Scene::of(&["alice"]).await;
        scene.fault(&format!("status=429 {header}"));
        let answer = scene.program.chat(&question("hello")).await;
        assert_eq!(answer.error(), (RATE.0, RATE.1.to_owned()), "{header}");
        let told = retry_after(&answer).unwrap();
        assert!((from..=to).contains(&told), "{header}: {told}");
        scene.no_problem();
    }
}

#[tokio::test]
async fn f07_a_server_error_is_tried_once_more() {
    check(&[
        row("status=500", BAD, 2, Ready, true),
        row("status=502", BAD, 2, Ready, true),
        row("status=503", BAD, 2, Ready, true),
        row("status=504", BAD, 2, Ready, true),
        row("body=html", BAD, 2, Ready, true),
        row("body=message", BAD, 2, Ready, true),
    ])
    .await;
}

#[tokio::test]
async fn f09_r04_a_page_in_place_of_a_reply_is_never_taken_for_text() {
    check(&[
        row("body=portal", BAD, 1, Ready, false),
        row("status=200 body=html", BAD, 1, Ready, false),
        row("header=Content-Type:image/png", BAD, 1, Ready, false),
        row("header=Content-Type:text/event-stream", BAD, 1, Ready, false),
        row("text=\"<script>x</script>\" header=Content-Type:text/html", BAD, 1, Ready, false),
        row("status=404", BAD, 1, Ready, false),
        row("status=418", BAD, 1, Ready, false),
    ])
    .await;
}

#[tokio::test]
async fn f10_an_empty_success_is_a_failure() {
    check(&[
        row("body=empty", BAD, 1, Ready, true),
        row("status=204", BAD, 1, Ready, true),
        row("text=\"{\\\"content\\\":\\\"\\\"}\" header=Content-Type:application/json", BAD, 1, Ready, true),
        row("text=\"\" header=Content-Type:application/json", BAD, 1, Ready, true),
    ])
    .await;
}

#[tokio::test]
async fn f11_an_error_inside_a_200_is_an_error() {
    check(&[
        row("body=json-error", BAD, 2, Ready, true),
        row(json_200(r#"{"error":{"message":"overloaded"}}"#), BAD, 2, Ready, true),
        row(json_200(r#"{"statusCode":403,"message":"Usage limit"}"#), QUOTA, 1, Limited, true),
        row(json_200(r#"{"statusCode":401}"#), LOGIN, 1, NeedsLogin, true),
    ])
    .await;
}

#[tokio::test]
async fn f12_json_that_is_cut_or_of_another_form_is_never_a_partial_reply() {
    check(&[
        row("body=cut-json", BAD, 1, Ready, false),
        row("body=json length=7", GONE, 2, Ready, true),
        row(json_200("[]"), BAD, 1, Ready, false),
        row(json_200(r#"{"text":"hi"}"#), BAD, 1, Ready, false),
        row(json_200(r#"{"content":7}"#), BAD, 1, Ready, false),
    ])
    .await;
}

#[tokio::test]
async fn f15_a_refusal_of_the_request_itself_is_neither_repeated_nor_held_against_anybody() {
    check(&[
        row("status=400 message=\"prompt is too long\"", TOO_LONG, 1, Ready, false),
        row("status=413 message=\"Maximum context of 128000 tokens\"", TOO_LONG, 1, Ready, false),
        row("status=413 message=No", INVALID, 1, Ready, false),
        row("status=400 message=\"Refused by the content policy\"", INVALID, 1, Ready, false),
        row("status=422", INVALID, 1, Ready, false),
        row("status=451", INVALID, 1, Ready, false),
    ])
    .await;
}

#[tokio::test]
async fn f18_a_reset_before_the_first_byte_is_tried_once_more() {
    check(&[row("reset=0", GONE, 2, Ready, true), row("cut=0", GONE, 2, Ready, true)]).await;
}

#[tokio::test]
async fn f20_bytes_that_are_no_text_at_all_are_no_reply() {
    check(&[
        row("text=\"\" utf8=cut", BAD, 1, Ready, false),
        row("text=\"\" utf8=invalid", BAD, 1, Ready, false),
    ])
    .await;
}

#[tokio::test]
async fn r05_a_compressed_answer_is_not_inflated() {
    check(&[
        row("gzip", BAD, 1, Ready, false),
        row("header=Content-Encoding:br", BAD, 1, Ready, false),
        row("header=Content-Encoding:gzip header=Content-Encoding:gzip", BAD, 1, Ready, false),
    ])
    .await;
}

#[tokio::test]
async fn r06_broken_http_is_a_bad_response() {
    let informed = "HTTP/1.1 103 Early Hints\\r\\n\\r\\n".repeat(200);
    let headed = (0..10_000).map(|n| format!("x-{n}: y\\r\\n")).collect::<String>();
    check(&[
        row(r#"raw="hello""#, BAD, 1, Ready, false),
        row(r#"raw="HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n""#, BAD, 1, Ready, false),
        row(r#"raw="HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nhello""#, BAD, 1, Ready, false),
        row(format!("raw=\"{informed}HTTP/1.1 502 Bad\\r\\n\\r\\n\""), BAD, 2, Ready, true),
        row(format!("raw=\"HTTP/1.1 200 OK\\r\\n{headed}\\r\\nhello\""), BAD, 1, Ready, false),
    ])
    .await;
}

/// A fault: 200 and this JSON.
fn json_200(json: &str) -> String {
    let text = serde_json::Value::from(json);
    format!("text={text} header=Content-Type:application/json")
}

async fn check(rows: &[Row]) {
    for (at, row) in rows.iter().enumerate() {
        // A refusal before the first byte looks the same to a client that streams.
        alone(row, at % 2 == 1).await;
        beside_another(row, at % 2 == 0).await;
    }
}

fn ask(stream: bool) -> serde_json::Value {
    if stream { streamed("hello") } else { question("hello") }
}

async fn alone(row: &Row, stream: bool) {
    let scene = Scene::of(&["alice"]).await;
    scene.fault(&row.fault);
    let answer = scene.program.chat(&ask(stream)).await;
    told(row, &answer);
    assert_eq!(scene.asked().len(), row.calls, "{}", row.fault);
    let record = scene.record_of(&answer.headers).await;
    assert_eq!(record["status"], row.told.0, "{}: {record}", row.fault);
    assert_eq!(record["code"], row.told.1, "{}", row.fault);
    assert_eq!(record["attempts"].as_array().unwrap().len(), row.calls, "{}", row.fault);
    scene.no_problem();
    recovers(scene, row).await;
}

fn told(row: &Row, answer: &Answer) {
    let fault = &row.fault;
    assert_eq!(answer.error(), (row.told.0, row.told.1.to_owned()), "{fault}: {:?}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"), "{fault}");
    assert_eq!(answer.header("x-should-retry"), Some("false"), "{fault}: our own attempts are spent");
    assert_eq!(answer.header("x-mammouth-attempts"), Some(row.calls.to_string().as_str()), "{fault}");
    assert_eq!(retry_after(answer).is_some(), row.told.0 == 429, "{fault}");
    let message = answer.json()["error"]["message"].to_string();
    assert!(!message.contains('<') && !message.contains("alice-session"), "{fault}: {message}");
}

/// The account is as it should be, and what still can be served is.
async fn recovers(scene: Scene, row: &Row) {
    let standing = scene.standing("web-1").await;
    scene.heal();
    match row.after {
        Ready => {
            assert_eq!(standing, "ready", "{}", row.fault);
            scene.still_serves().await;
        }
        Limited => {
            assert_eq!(standing, "limited openai", "{}", row.fault);
            scene.serves("grok-3").await;
        }
        Throttled => {
            assert_eq!(standing, "limited", "{}", row.fault);
            let again = scene.program.chat(&question("hello")).await;
            assert_eq!(again.error(), (RATE.0, RATE.1.to_owned()));
            assert_eq!(scene.asked().len(), row.calls, "nobody is asked before the time is over");
        }
        NeedsLogin => {
            assert_eq!(standing, "needs_login", "{}", row.fault);
            let again = scene.program.chat(&question("hello")).await;
            assert_eq!(again.error(), (LOGIN.0, LOGIN.1.to_owned()));
            assert_eq!(scene.asked().len(), row.calls, "a lost session is not asked again");
            assert_eq!(scene.control("accounts.check", &json!({})).await[0]["ok"], true);
            scene.still_serves().await;
        }
        Challenge => {
            assert_eq!(standing, "unreachable", "{}", row.fault);
            let again = scene.program.chat(&question("hello")).await;
            assert_eq!(again.error(), (CHALLENGE.0, CHALLENGE.1.to_owned()));
            assert!(retry_after(&again).is_some_and(|wait| wait <= 60));
            assert_eq!(scene.asked().len(), row.calls, "nobody is asked before the pause is over");
            scene.restart().await.still_serves().await;
        }
    }
}

async fn beside_another(row: &Row, stream: bool) {
    let scene = Scene::of(&["alice", "bob"]).await;
    scene.fault_of("alice", &row.fault);
    let answer = scene.program.chat(&ask(stream)).await;
    if row.other {
        assert_eq!(answer.status, 200, "{}: {:?}", row.fault, answer.body);
        assert_eq!(answer.header("x-mammouth-account"), Some("web-2"), "{}", row.fault);
        assert_eq!(answer.header("x-mammouth-attempts"), Some("2"), "{}", row.fault);
        assert_eq!(scene.who(), ["alice", "bob"], "{}", row.fault);
    } else {
        assert_eq!(answer.error(), (row.told.0, row.told.1.to_owned()), "{}", row.fault);
        assert_eq!(scene.who(), ["alice"], "{}: another account cannot help", row.fault);
    }
    let standing = match row.after {
        Ready => "ready",
        Limited => "limited openai",
        Throttled => "limited",
        NeedsLogin => "needs_login",
        Challenge => return scene.no_problem(),
    };
    assert_eq!(scene.standing("web-1").await, standing, "{}", row.fault);
    assert_eq!(scene.standing("web-2").await, "ready", "{}", row.fault);
    scene.still_serves().await;
}
