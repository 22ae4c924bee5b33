//! Faults before the first words of a reply. Each test is the group of table rows for one fault number.

use super::case::{
    CHALLENGE, EMPTY_REPLY, FIRST_BYTE_TIMEOUT, INVALID, LOGIN_REQUIRED, MALFORMED_REPLY, QUOTA, RATE_LIMIT,
    SERVER_ERROR, TOO_LONG, UNREACHABLE, api, both, json_200, streamed, web, whole, with_short_timeout,
};
use super::check::check;
use crate::support::{DIALECT_CLIENTS, Options, Upstream, retry_after};

#[tokio::test]
async fn f01_a_used_up_quota_cools_what_it_is_for_and_the_next_account_serves() {
    check([
        both("quota", QUOTA),
        web("status=403 message=\"Forbidden\"", QUOTA),
        web("status=402 message=\"Upgrade your plan\"", QUOTA),
        web("status=403 text=\"Usage limit reached\"", QUOTA),
        api("status=400 quota", QUOTA),
    ])
    .await;
}

#[tokio::test]
async fn f02_a_challenge_marks_no_account_and_asks_no_other() {
    check([
        both("body=challenge", CHALLENGE),
        both("body=challenge status=429", CHALLENGE),
        both("body=challenge status=503", CHALLENGE),
        both("body=html status=403", CHALLENGE),
    ])
    .await;
}

#[tokio::test]
async fn f03_a_lost_session_or_key_takes_the_account_out_until_somebody_renews_it() {
    check([
        both("bad-cookie", LOGIN_REQUIRED),
        web("body=login", LOGIN_REQUIRED),
        web("status=303 redirect=/sign-in?back=1", LOGIN_REQUIRED),
        web("status=403 message=\"Not logged in\"", LOGIN_REQUIRED),
        web(
            "status=200 text=\"<html><title>Log in</title></html>\" header=Content-Type:text/html",
            LOGIN_REQUIRED,
        ),
        api("status=403 message=\"Key is blocked\"", LOGIN_REQUIRED),
    ])
    .await;
}

#[tokio::test]
async fn f04_a_429_rests_only_the_account_that_got_it() {
    check([both("status=429 header=Retry-After:600", RATE_LIMIT)]).await;
}

#[tokio::test]
async fn f05_f06_every_form_of_retry_after_is_kept_in_bounds() {
    let in_a_minute =
        httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_secs(60));
    let date = format!("header=\"Retry-After: {in_a_minute}\"");
    // At most a tenth is added, so that accounts that were limited together do not resume together.
    let rows = [
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
    ];
    for (at, (header, from, to)) in rows.into_iter().enumerate() {
        for upstream in Upstream::BOTH {
            let env = upstream.one_account(Options::default()).await;
            upstream.set_fault(&env, &format!("status=429 {header}"));
            let spoken = DIALECT_CLIENTS[at % DIALECT_CLIENTS.len()];
            let answer = spoken.send(&env, "hello", at % 2 == 0).await;
            assert_eq!(
                spoken.read_error(&answer),
                (429, "rate_limit_exceeded".into()),
                "{upstream:?} {header}"
            );
            let told = retry_after(&answer).unwrap();
            assert!((from..=to).contains(&told), "{upstream:?} {header}: {told}");
            env.assert_no_protocol_error();
        }
    }
}

#[tokio::test]
async fn f07_a_server_error_is_tried_once_more() {
    check([
        both("status=500", SERVER_ERROR),
        both("status=502", SERVER_ERROR),
        both("status=503", SERVER_ERROR),
        both("status=504", SERVER_ERROR),
        both("body=html", SERVER_ERROR),
        both("body=message", SERVER_ERROR),
    ])
    .await;
}

#[tokio::test]
async fn f09_r04_a_page_in_place_of_a_reply_is_never_taken_for_text() {
    check([
        both("body=portal", MALFORMED_REPLY),
        both("status=200 body=html", MALFORMED_REPLY),
        both("header=Content-Type:image/png", MALFORMED_REPLY),
        web("header=Content-Type:text/event-stream", MALFORMED_REPLY),
        both("text=\"<script>x</script>\" header=Content-Type:text/html", MALFORMED_REPLY),
        both("status=404", MALFORMED_REPLY),
        web("status=418", MALFORMED_REPLY),
        api("status=418", INVALID),
        api("body=login", MALFORMED_REPLY),
        streamed(api("text=\"data: nonsense\\n\\n\"", MALFORMED_REPLY)),
    ])
    .await;
}

#[tokio::test]
async fn f10_an_empty_success_is_a_failure() {
    check([
        both("body=empty", EMPTY_REPLY),
        both("status=204", EMPTY_REPLY),
        both("text=\"\" header=Content-Type:application/json", EMPTY_REPLY),
        web(json_200(r#"{"content":""}"#), EMPTY_REPLY),
        api(json_200(r#"{"object":"chat.completion","choices":[]}"#), EMPTY_REPLY),
        streamed(api("text=nonsense", EMPTY_REPLY)),
        streamed(api("text=\": ping\\n\\n: ping\\n\\n\"", EMPTY_REPLY)),
        streamed(api("text=\"data: [DONE]\\n\\n\"", EMPTY_REPLY)),
        streamed(api("eof=0", EMPTY_REPLY)),
        streamed(api("eof=1", EMPTY_REPLY)),
    ])
    .await;
}

#[tokio::test]
async fn f11_an_error_inside_a_200_is_an_error() {
    check([
        both("body=json-error", SERVER_ERROR),
        both(json_200(r#"{"error":{"message":"overloaded"}}"#), SERVER_ERROR),
        web(json_200(r#"{"statusCode":403,"message":"Usage limit"}"#), QUOTA),
        web(json_200(r#"{"statusCode":401}"#), LOGIN_REQUIRED),
        api(json_200(r#"{"error":{"message":"Budget has been exceeded!","type":"budget_exceeded"}}"#), QUOTA),
        api(json_200(r#"{"error":{"message":"x","type":"expired_key","code":"401"}}"#), LOGIN_REQUIRED),
        streamed(api("error=0", SERVER_ERROR)),
        streamed(api("error=1", SERVER_ERROR)),
    ])
    .await;
}

#[tokio::test]
async fn f12_json_that_is_cut_or_of_another_form_is_never_a_partial_reply() {
    check([
        web("body=cut-json", MALFORMED_REPLY),
        whole(api("body=cut-json", MALFORMED_REPLY)),
        streamed(api("text=\"data: {\"", MALFORMED_REPLY)),
        web("body=json length=7", UNREACHABLE),
        whole(api("length=7", UNREACHABLE)),
        both(json_200("[]"), MALFORMED_REPLY),
        both(json_200(r#"{"text":"hi"}"#), MALFORMED_REPLY),
        web(json_200(r#"{"content":7}"#), MALFORMED_REPLY),
        api(json_200(r#"{"choices":7}"#), MALFORMED_REPLY),
    ])
    .await;
}

#[tokio::test]
async fn f15_a_refusal_of_the_request_is_not_retried_and_blames_no_account() {
    check([
        both("status=400 message=\"prompt is too long\"", TOO_LONG),
        both("status=413 message=\"Maximum context of 128000 tokens\"", TOO_LONG),
        api("status=400 message=\"litellm.ContextWindowExceededError: x\"", TOO_LONG),
        both("status=413 message=No", INVALID),
        both("status=400 message=\"Refused by the content policy\"", INVALID),
        both("status=422", INVALID),
        both("status=451", INVALID),
    ])
    .await;
}

#[tokio::test]
async fn f16_a_first_byte_timeout_fails_over_once() {
    check([
        with_short_timeout(both("delay=forever", FIRST_BYTE_TIMEOUT)),
        with_short_timeout(both("first=forever", FIRST_BYTE_TIMEOUT)),
        // The stream opens without data.
        with_short_timeout(streamed(api("stall=1", FIRST_BYTE_TIMEOUT))),
    ])
    .await;
}

#[tokio::test]
async fn f18_a_reset_before_the_first_byte_is_tried_once_more() {
    check([both("reset=0", UNREACHABLE), both("cut=0", UNREACHABLE)]).await;
}

#[tokio::test]
async fn f20_bytes_that_are_no_text_at_all_are_no_reply() {
    check([
        web("text=\"\" utf8=cut", MALFORMED_REPLY),
        web("text=\"\" utf8=invalid", MALFORMED_REPLY),
        streamed(api("text=\"data: {\" utf8=cut", MALFORMED_REPLY)),
        streamed(api("text=\"data: \" utf8=invalid", MALFORMED_REPLY)),
    ])
    .await;
}

#[tokio::test]
async fn r03_a_redirect_to_anywhere_is_not_followed() {
    check(
        [301, 302, 307, 308].map(|status| {
            both(format!("status={status} redirect=https://evil.example/sub"), MALFORMED_REPLY)
        }),
    )
    .await;
}

#[tokio::test]
async fn r05_a_compressed_answer_is_not_inflated() {
    check([
        both("gzip", MALFORMED_REPLY),
        both("header=Content-Encoding:br", MALFORMED_REPLY),
        both("header=Content-Encoding:gzip header=Content-Encoding:gzip", MALFORMED_REPLY),
    ])
    .await;
}

#[tokio::test]
async fn r06_broken_http_is_a_bad_response() {
    let informed = "HTTP/1.1 103 Early Hints\\r\\n\\r\\n".repeat(200);
    let headed = (0..10_000).map(|n| format!("x-{n}: y\\r\\n")).collect::<String>();
    check([
        both(r#"raw="hello""#, MALFORMED_REPLY),
        both(r#"raw="HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n""#, MALFORMED_REPLY),
        both(r#"raw="HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\nhello""#, MALFORMED_REPLY),
        both(format!("raw=\"{informed}HTTP/1.1 502 Bad\\r\\n\\r\\n\""), SERVER_ERROR),
        both(format!("raw=\"HTTP/1.1 200 OK\\r\\n{headed}\\r\\nhello\""), MALFORMED_REPLY),
    ])
    .await;
}

#[tokio::test]
async fn r07_an_error_that_echoes_the_secret_is_told_without_it() {
    check([both("body=leak", SERVER_ERROR), both("body=leak status=400", INVALID)]).await;
}
