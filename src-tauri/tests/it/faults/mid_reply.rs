//! Faults after the first words of a reply: every client can distinguish the end from that of a complete
//! reply.

use serde_json::{Value, json};

use crate::support::{DIALECT_CLIENTS, DialectClient, Options, TestEnv, Upstream, code_of};

/// A fault after some words, and the part of `1 2 3 4 5 6 7` received before it; `None` if that varies.
type InterruptionCase = (Upstream, &'static str, Option<&'static str>);
use Upstream::{Api, Web};

/// Cases of interrupted replies. The API's stream begins with a chunk without words.
const INTERRUPTION_CASES: &[InterruptionCase] = &[
    (Web, "reset=5", Some("1 2 3 4 5 ")),
    (Web, "cut=5", Some("1 2 3 4 5 ")),
    (Web, "stall=5", Some("1 2 3 4 5 ")),
    (Web, "length=3", Some("1 2 3 4 5 6 7")),
    (Web, "utf8=invalid", None),
    (Web, "utf8=cut", None),
    (Api, "reset=5", Some("1 2 3 4 ")),
    (Api, "cut=5", Some("1 2 3 4 ")),
    (Api, "eof=5", Some("1 2 3 4 ")),
    (Api, "error=5", Some("1 2 3 4 ")),
    (Api, "stall=5", Some("1 2 3 4 ")),
];

#[tokio::test]
async fn f11_f17_to_f20_a_reply_that_breaks_off_says_so_in_every_dialect() {
    for row in INTERRUPTION_CASES {
        futures_util::future::join_all(DIALECT_CLIENTS.iter().map(|spoken| check_interruption(row, spoken)))
            .await;
    }
}

async fn check_interruption((upstream, fault, received): &InterruptionCase, spoken: &DialectClient) {
    // Enough for the words before it, however busy the machine is.
    let limits = if fault.starts_with("stall") { "[limits]\nidle_seconds = 3\n" } else { "" };
    let env = upstream.one_account(Options::default().settings(limits)).await;
    upstream.set_fault(&env, fault);
    let answer = spoken.send_streamed(&env, "echo: 1 2 3 4 5 6 7").await;
    let (text, last) = spoken.read_stream(&answer);
    let what = format!("{fault} over {upstream:?} on {}: {last}", spoken.path);
    match received {
        Some(came) => assert_eq!(text, *came, "{what}"),
        None => assert!(text.starts_with('1'), "{what}"),
    }
    let error: Value = serde_json::from_str(&last).expect("an error");
    assert_eq!(code_of(&error), "stream_interrupted", "{what}");
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains(spoken.end), "{what}");
    assert_eq!(env.model_calls().len(), 1, "{what}: nothing is replayed");
    let record = env.record_of(&answer.headers).await;
    assert_eq!((&record["interrupted"], &record["fault"]), (&json!(true), &json!("upstream")), "{what}");
    assert_eq!((&record["status"], &record["code"]), (&json!(200), &json!("stream_interrupted")), "{what}");
    for tokens in ["prompt_tokens", "completion_tokens"] {
        assert!(record[tokens].as_u64().is_some_and(|tokens| tokens > 0), "{what}: {record}");
    }
    assert_eq!(env.account_state(upstream.labels()[0]).await, "ready", "{what}");
    env.wait_for(|state| state.active_calls == 0).await;
    check_no_partial_success(&env, *upstream, spoken, &what).await;
    env.still_serves().await;
}

/// Checks that a client without streaming receives no partial reply as a success.
async fn check_no_partial_success(env: &TestEnv, upstream: Upstream, spoken: &DialectClient, what: &str) {
    let whole = spoken.send_complete(env, "echo: 1 2 3 4 5 6 7").await;
    if upstream == Api && whole.status == 200 {
        // The API then responds in one chunk, before the fault.
        assert_eq!((spoken.text)(&whole.json()), "1 2 3 4 5 6 7", "{what}");
    } else {
        assert_eq!(spoken.read_error(&whole), (502, "upstream_bad_response".into()), "{what}");
        assert_eq!(whole.header("x-should-retry"), Some("false"), "{what}");
        assert_eq!(env.model_calls().len(), 2, "{what}: nothing is replayed");
    }
}
