//! A call that the model got wrong is asked for once more: by one more call to the upstream, that is counted and logged.

use serde_json::{Value, json};

use super::{BROKEN, asking, calls, output, read};
use crate::support::{Scene, on_models};

/// How the calls of a request went.
fn outcomes(record: &Value) -> Vec<&str> {
    record["attempts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|attempt| attempt["outcome"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_call_that_has_to_be_made_is_asked_for_once_more() {
    let scene = Scene::of(&["alice"]).await;
    let mut request = asking("sim: tool=prose\ncall: read_file {\"path\": \"a\"}");
    request["tool_choice"] = json!("required");
    let answer = scene.program.chat(&request).await;
    assert_eq!(calls(&answer), [read("a")]);
    assert_eq!((scene.asked().len(), answer.header("x-mammouth-attempts")), (2, Some("2")));
    let record = scene.record_of(&answer.headers).await;
    assert_eq!(record["note"], "asked_again", "{record}");
    assert_eq!(outcomes(&record), ["ok", "ok"]);
    request["messages"][0]["content"] = json!("echo: hello");
    let answer = scene.program.chat(&request).await;
    assert_eq!((answer.status, calls(&answer).len(), scene.asked().len()), (200, 0, 4));
    let record = scene.record_of(&answer.headers).await;
    assert_eq!(record["note"], "no_call", "{record}");
    scene.still_serves().await;
}

#[tokio::test]
async fn a_broken_call_is_asked_for_once_more_with_the_reason() {
    let scene = Scene::of(&["alice"]).await;
    let request = asking("sim: tool=broken-json\ncall: read_file {\"path\": \"a\"}");
    let answer = scene.program.chat(&request).await;
    assert_eq!(calls(&answer), [read("a")]);
    assert_eq!(answer.text(), "I use a tool.\n\n");
    let asked = scene.asked();
    let texts: Vec<String> = asked[1].texts().iter().map(|text| (*text).to_owned()).collect();
    assert!(texts.len() == 3 && texts[1].starts_with("<tool_call>"), "{texts:?}");
    assert!(texts[2].contains("not valid JSON"), "{texts:?}");
    scene.no_problem();
    scene.still_serves().await;
}

#[tokio::test]
async fn what_stays_broken_comes_back_as_text_with_a_note() {
    let scene = Scene::of(&["alice"]).await;
    let answer = scene.program.chat(&asking(&output(&format!("Well.\n{BROKEN}")))).await;
    assert_eq!((calls(&answer).len(), answer.text()), (0, format!("Well.\n{BROKEN}")));
    assert_eq!(scene.asked().len(), 2);
    let record = scene.record_of(&answer.headers).await;
    assert_eq!(record["note"], "broken_call", "{record}");
    assert!(!record.to_string().contains("read_file"), "the log holds nothing of the conversation");
    scene.still_serves().await;
}

#[tokio::test]
async fn f08_asking_once_more_counts_among_the_three_calls() {
    let scene = Scene::of(&["alice", "bob", "carol"]).await;
    let refuse = |label: &str| on_models("quota").for_account(label).times(1);
    scene.simulator.set_faults(vec![refuse("alice"), refuse("bob")]);
    let answer = scene.program.chat(&asking(&output(BROKEN))).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, BROKEN));
    assert_eq!(scene.asked().len(), 3, "no fourth call");
    assert_eq!(answer.header("x-mammouth-attempts"), Some("3"));
}

#[tokio::test]
async fn a_stream_counts_the_second_call_in_its_head_if_it_is_over_by_then_and_always_in_the_log() {
    let scene = Scene::of(&["alice"]).await;
    for (text, told) in [(BROKEN.to_owned(), "2"), (format!("Well.\n{BROKEN}"), "1")] {
        let mut request = asking(&output(&text));
        request["stream"] = json!(true);
        let stream = scene.program.stream(&request).await;
        let headers = stream.headers.clone();
        assert_eq!(headers["x-mammouth-attempts"], told, "{text}");
        assert!(stream.text().await.1);
        assert_eq!(outcomes(&scene.record_of(&headers).await), ["ok", "ok"], "{text}");
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn an_upstream_that_fails_when_asked_once_more_ends_in_text() {
    let scene = Scene::of(&["alice"]).await;
    let rule = on_models("tool=broken-json").times(1);
    scene.simulator.set_faults(vec![rule, on_models("status=500")]);
    let answer = scene.program.chat(&asking("call: read_file {\"path\": \"a\"}")).await;
    assert_eq!((answer.status, calls(&answer).len()), (200, 0));
    assert!(answer.text().contains("<tool_call>"));
    assert_eq!(outcomes(&scene.record_of(&answer.headers).await), ["ok", "server error"]);
    scene.still_serves().await;
}

#[tokio::test]
async fn f01_a_limit_that_the_second_call_meets_is_kept() {
    let scene = Scene::of(&["alice"]).await;
    scene.simulator.set_faults(vec![on_models("tool=broken-json").times(1), on_models("quota")]);
    let answer = scene.program.chat(&asking("call: read_file {\"path\": \"a\"}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(outcomes(&scene.record_of(&answer.headers).await), ["ok", "limited"]);
    assert_eq!(scene.standing("web-1").await, "limited openai");
}

#[tokio::test]
async fn f21_a_client_that_leaves_ends_the_call_that_is_asked_once_more() {
    let scene = Scene::of(&["alice"]).await;
    let rule = on_models("tool=broken-json").times(1);
    scene.simulator.set_faults(vec![rule, on_models("delay=forever")]);
    let mut request = asking("call: read_file {\"path\": \"a\"}");
    request["stream"] = json!(true);
    let mut stream = scene.program.stream(&request).await;
    let headers = stream.headers.clone();
    stream.next_json().await;
    scene.until(|state| state.calls.len() == 2 && state.active_calls == 1).await;
    drop(stream);
    scene.until(|state| state.active_calls == 0).await;
    scene.all_idle().await;
    assert_eq!(outcomes(&scene.record_of(&headers).await), ["ok", "interrupted"]);
    scene.still_serves().await;
}
