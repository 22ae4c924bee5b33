//! What can go wrong behind the first words of a reply: an end that every client can tell from a good one.

use serde_json::{Value, json};

use crate::support::{Options, SPOKEN, Scene, Spoken, Upstream, code_of};

/// A fault after some words, and how much of `1 2 3 4 5 6 7` has come by then; `None` where that is not sure.
type Row = (Upstream, &'static str, Option<&'static str>);
use Upstream::{Api, Web};

/// The API's stream opens with a chunk without words.
const ROWS: &[Row] = &[
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
    for row in ROWS {
        futures_util::future::join_all(SPOKEN.iter().map(|spoken| breaks_off(row, spoken))).await;
    }
}

async fn breaks_off((upstream, fault, came): &Row, spoken: &Spoken) {
    // Enough for the words before it, however busy the machine is.
    let limits = if fault.starts_with("stall") { "[limits]\nidle_seconds = 3\n" } else { "" };
    let scene = upstream.alone(Options::default().settings(limits)).await;
    upstream.fault(&scene, fault);
    let answer = spoken.streamed(&scene, "echo: 1 2 3 4 5 6 7").await;
    let (text, last) = spoken.read(&answer);
    let what = format!("{fault} over {upstream:?} on {}: {last}", spoken.path);
    match came {
        Some(came) => assert_eq!(text, *came, "{what}"),
        None => assert!(text.starts_with('1'), "{what}"),
    }
    let error: Value = serde_json::from_str(&last).expect("an error");
    assert_eq!(code_of(&error), "stream_interrupted", "{what}");
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(!body.contains(spoken.end), "{what}");
    assert_eq!(scene.asked().len(), 1, "{what}: nothing is replayed");
    let record = scene.record_of(&answer.headers).await;
    assert_eq!((&record["interrupted"], &record["fault"]), (&json!(true), &json!("upstream")), "{what}");
    assert_eq!((&record["status"], &record["code"]), (&json!(200), &json!("stream_interrupted")), "{what}");
    for tokens in ["prompt_tokens", "completion_tokens"] {
        assert!(record[tokens].as_u64().is_some_and(|tokens| tokens > 0), "{what}: {record}");
    }
    assert_eq!(scene.standing(upstream.labels()[0]).await, "ready", "{what}");
    scene.until(|state| state.active_calls == 0).await;
    is_no_partial_success(&scene, *upstream, spoken, &what).await;
    scene.still_serves().await;
}

/// A client that does not stream gets no part of it as a reply.
async fn is_no_partial_success(scene: &Scene, upstream: Upstream, spoken: &Spoken, what: &str) {
    let whole = spoken.whole(scene, "echo: 1 2 3 4 5 6 7").await;
    if upstream == Api && whole.status == 200 {
        // The API answers in one chunk then, before the fault.
        assert_eq!((spoken.text)(&whole.json()), "1 2 3 4 5 6 7", "{what}");
    } else {
        assert_eq!(spoken.refusal(&whole), (502, "upstream_bad_response".into()), "{what}");
        assert_eq!(whole.header("x-should-retry"), Some("false"), "{what}");
        assert_eq!(scene.asked().len(), 2, "{what}: nothing is replayed");
    }
}
