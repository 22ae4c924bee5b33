//! Tests of the repair of an invalid call by one more upstream call, which is counted and logged.

use serde_json::{Value, json};

use super::{BROKEN_CALL, asking, calls, model_output, read_file_call};
use crate::support::{TestEnv, web_fault};

/// Outcomes of the upstream calls of a request.
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
    let env = TestEnv::new(&["alice"]).await;
    let mut request = asking("sim: tool=prose\ncall: read_file {\"path\": \"a\"}");
    request["tool_choice"] = json!("required");
    let answer = env.program.chat(&request).await;
    assert_eq!(calls(&answer), [read_file_call("a")]);
    assert_eq!((env.model_calls().len(), answer.header("x-mammouth-attempts")), (2, Some("2")));
    let record = env.record_of(&answer.headers).await;
    assert_eq!(record["note"], "asked_again", "{record}");
    assert_eq!(outcomes(&record), ["ok", "ok"]);
    request["messages"][0]["content"] = json!("echo: hello");
    let answer = env.program.chat(&request).await;
    assert_eq!((answer.status, calls(&answer).len(), env.model_calls().len()), (200, 0, 4));
    let record = env.record_of(&answer.headers).await;
    assert_eq!(record["note"], "no_call", "{record}");
    env.still_serves().await;
}

#[tokio::test]
async fn a_broken_call_is_asked_for_once_more_with_the_reason() {
    let env = TestEnv::new(&["alice"]).await;
    let request = asking("sim: tool=broken-json\ncall: read_file {\"path\": \"a\"}");
    let answer = env.program.chat(&request).await;
    assert_eq!(calls(&answer), [read_file_call("a")]);
    assert_eq!(answer.text(), "I use a tool.\n\n");
    let asked = env.model_calls();
    let texts: Vec<String> = asked[1].texts().iter().map(|text| (*text).to_owned()).collect();
    assert!(texts.len() == 3 && texts[1].starts_with("<tool_call>"), "{texts:?}");
    assert!(texts[2].contains("not valid JSON"), "{texts:?}");
    env.assert_no_protocol_error();
    env.still_serves().await;
}

#[tokio::test]
async fn what_stays_broken_comes_back_as_text_with_a_note() {
    let env = TestEnv::new(&["alice"]).await;
    let answer = env.program.chat(&asking(&model_output(&format!("Well.\n{BROKEN_CALL}")))).await;
    assert_eq!((calls(&answer).len(), answer.text()), (0, format!("Well.\n{BROKEN_CALL}")));
    assert_eq!(env.model_calls().len(), 2);
    let record = env.record_of(&answer.headers).await;
    assert_eq!(record["note"], "broken_call", "{record}");
    assert!(!record.to_string().contains("read_file"), "the log holds nothing of the conversation");
    env.still_serves().await;
}

#[tokio::test]
async fn f08_asking_once_more_counts_among_the_three_calls() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    let refuse = |label: &str| web_fault("quota").for_account(label).times(1);
    env.simulator.set_faults(vec![refuse("alice"), refuse("bob")]);
    let answer = env.program.chat(&asking(&model_output(BROKEN_CALL))).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, BROKEN_CALL));
    assert_eq!(env.model_calls().len(), 3, "no fourth call");
    assert_eq!(answer.header("x-mammouth-attempts"), Some("3"));
}

#[tokio::test]
async fn a_stream_counts_the_second_call_in_its_head_if_it_is_over_by_then_and_always_in_the_log() {
    let env = TestEnv::new(&["alice"]).await;
    for (text, told) in [(BROKEN_CALL.to_owned(), "2"), (format!("Well.\n{BROKEN_CALL}"), "1")] {
        let mut request = asking(&model_output(&text));
        request["stream"] = json!(true);
        let stream = env.program.stream(&request).await;
        let headers = stream.headers.clone();
        assert_eq!(headers["x-mammouth-attempts"], told, "{text}");
        assert!(stream.text().await.1);
        assert_eq!(outcomes(&env.record_of(&headers).await), ["ok", "ok"], "{text}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn an_upstream_that_fails_when_asked_once_more_ends_in_text() {
    let env = TestEnv::new(&["alice"]).await;
    let rule = web_fault("tool=broken-json").times(1);
    env.simulator.set_faults(vec![rule, web_fault("status=500")]);
    let answer = env.program.chat(&asking("call: read_file {\"path\": \"a\"}")).await;
    assert_eq!((answer.status, calls(&answer).len()), (200, 0));
    assert!(answer.text().contains("<tool_call>"));
    assert_eq!(outcomes(&env.record_of(&answer.headers).await), ["ok", "server error"]);
    env.still_serves().await;
}

#[tokio::test]
async fn f01_a_limit_that_the_second_call_meets_is_kept() {
    let env = TestEnv::new(&["alice"]).await;
    env.simulator.set_faults(vec![web_fault("tool=broken-json").times(1), web_fault("quota")]);
    let answer = env.program.chat(&asking("call: read_file {\"path\": \"a\"}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(outcomes(&env.record_of(&answer.headers).await), ["ok", "limited"]);
    assert_eq!(env.account_state("web-1").await, "limited openai");
}

#[tokio::test]
async fn f21_a_client_that_leaves_ends_the_call_that_is_asked_once_more() {
    let env = TestEnv::new(&["alice"]).await;
    let rule = web_fault("tool=broken-json").times(1);
    env.simulator.set_faults(vec![rule, web_fault("delay=forever")]);
    let mut request = asking("call: read_file {\"path\": \"a\"}");
    request["stream"] = json!(true);
    let mut stream = env.program.stream(&request).await;
    let headers = stream.headers.clone();
    stream.next_json().await;
    env.wait_for(|state| state.calls.len() == 2 && state.active_calls == 1).await;
    drop(stream);
    env.wait_for(|state| state.active_calls == 0).await;
    env.wait_until_idle().await;
    assert_eq!(outcomes(&env.record_of(&headers).await), ["ok", "interrupted"]);
    env.still_serves().await;
}
