//! Tests that data from Mammouth stays text: it creates no events, headers or requests, and carries no
//! secret.

use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{DIALECT_CLIENTS, Options, TestEnv, Upstream, question, streamed};

#[tokio::test]
async fn r01_text_that_looks_like_events_stays_text() {
    let env = TestEnv::new(&["alice"]).await;
    let evil = "a\n\ndata: [DONE]\n\n\r\revent: x\nid: 1\n\ndata: {\"error\":1}\n\n\u{2028}\u{85}\0 b";
    let request = streamed(&format!("echo-chunks: {}", json!([evil, "rest"])));
    let mut stream = env.program.stream(&request).await;
    stream.next_json().await;
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], evil, "one event");
    assert_eq!(stream.text().await, ("rest".to_owned(), true));
    let whole = question(&format!("echo-chunks: {}", json!([evil])));
    assert_eq!(env.program.chat(&whole).await.text(), evil);
    env.still_serves().await;
}

#[tokio::test]
async fn r02_no_header_of_mammouth_reaches_a_client() {
    let headers = [
        "Set-Cookie:canary=1",
        "Location:https://canary.example/",
        "Server:canary",
        "cf-ray:canary",
        "X-Powered-By:canary",
        "Access-Control-Allow-Origin:*",
        "Keep-Alive:timeout=99",
        "Refresh:0",
        "Retry-After:99",
        "x-should-retry:true",
        "x-mammouth-account:canary",
    ];
    let faults: String = headers.iter().map(|header| format!(" header={header}")).collect();
    for fault in [faults.clone(), format!("status=500 {faults}"), format!("status=400 {faults}")] {
        for upstream in Upstream::BOTH {
            let env = upstream.one_account(Options::default()).await;
            for (at, spoken) in DIALECT_CLIENTS.iter().enumerate() {
                upstream.set_fault(&env, &fault);
                let answer = spoken.send(&env, "echo: hi", at % 2 == 0).await;
                for (name, value) in &answer.headers {
                    let value = value.to_str().unwrap();
                    assert!(OURS.contains(&name.as_str()), "{name}: {value}");
                    assert!(!value.contains("canary") && value != "99", "{name}: {value}");
                }
                // More successes than failures, because the circuit breaker would open otherwise.
                for _ in 0..3 {
                    env.still_serves().await;
                }
            }
        }
    }
}

/// The headers that a response may have.
const OURS: [&str; 16] = [
    "content-type",
    "content-length",
    "transfer-encoding",
    "date",
    "connection",
    "cache-control",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-resource-policy",
    "x-request-id",
    "x-mammouth-account",
    "x-mammouth-attempts",
    "x-mammouth-model",
    "x-mammouth-ignored",
    "x-should-retry",
];

#[tokio::test]
async fn r03_a_redirect_is_never_followed() {
    for upstream in Upstream::BOTH {
        follows_nowhere(upstream).await;
    }
}

async fn follows_nowhere(upstream: Upstream) {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let env = upstream.one_account(Options::default()).await;
    let elsewhere = format!("http://{}/x", canary.local_addr().unwrap());
    let ourselves = format!("{}/v1/models", env.program.base);
    let more =
        ["https://evil.example/login", "//evil.example/", "ftp://evil.example/", "/api/user/recentUsage"];
    let targets = [elsewhere.as_str(), ourselves.as_str()].into_iter().chain(more);
    for target in targets {
        for status in [301, 302, 307, 308] {
            env.simulator.clear_calls();
            upstream.set_fault(&env, &format!("status={status} redirect={target}"));
            let answer = env.program.chat(&question("hello")).await;
            assert_eq!(answer.error(), (502, "upstream_bad_response".into()), "{status} {target}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("evil"), "{:?}", answer.body);
            assert_eq!(env.model_calls().len(), 1, "{status} {target}");
            env.still_serves().await;
        }
    }
    let nobody = futures_util::FutureExt::now_or_never(canary.accept());
    assert!(nobody.is_none(), "nothing was sent elsewhere");
}

#[tokio::test]
async fn r05_an_endless_reply_is_cut_where_it_is_held_and_passes_where_it_streams() {
    for upstream in Upstream::BOTH {
        let env = upstream.one_account(Options::default()).await;
        upstream.set_fault(&env, "endless");
        let mut stream = env.program.stream(&streamed("hello")).await;
        for _ in 0..200 {
            assert!(stream.next().await.is_some());
        }
        drop(stream);
        env.wait_for(|state| state.active_calls == 0).await;
        env.wait_until_idle().await;
        env.still_serves().await;
    }
}

#[tokio::test]
async fn r07_what_mammouth_says_is_shortened_and_holds_no_secret() {
    for upstream in Upstream::BOTH {
        says_little(upstream).await;
    }
}

async fn says_little(upstream: Upstream) {
    let env = upstream.one_account(Options::default()).await;
    let long = format!(
        "<img src=x onerror=alert(1)>\u{1b}[2J\u{1b}]0;x\u{7}\n[INFO] fake {}",
        "x".repeat(1_000_000)
    );
    for fault in [
        "body=leak".to_owned(),
        "body=leak status=400".to_owned(),
        format!("status=400 message={}", json!(long)),
    ] {
        upstream.set_fault(&env, &fault);
        let answer = env.program.chat(&question("hello")).await;
        assert!([400, 502].contains(&answer.status));
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.len() <= 2200, "{}", message.len());
        assert!(!message.chars().any(char::is_control), "{message}");
        let record = env.record_of(&answer.headers).await.to_string();
        for place in [&message, &record, &env.program.log()] {
            assert!(!place.contains("alice-session") && !place.contains("sk-dora-k"), "{place}");
            assert!(!place.contains('\u{1b}'), "{place}");
            assert!(!place.contains("\n[INFO] fake"), "{place}");
        }
        env.still_serves().await;
        env.still_serves().await;
    }
}
