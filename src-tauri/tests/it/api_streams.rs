//! Tests of the official API's streams after their first event: each event at once, and an unambiguous end.

use serde_json::{Value, json};

use crate::support::{TestEnv, streamed};

/// Text of a stream and its last event.
async fn ending(env: &TestEnv, request: &Value) -> (String, String) {
    let events = env.program.stream(request).await.all().await;
    let last = events.last().expect("an event at the end").clone();
    let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let text = chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
    (text.collect(), last)
}

#[tokio::test]
async fn events_are_not_held_back_for_the_next() {
    let env = TestEnv::with_api_account().await;
    env.set_api_fault("gate");
    env.simulator.release(2);
    let mut stream = env.program.stream(&streamed("echo-chunks: [\"One \", \"two\", \"three\"]")).await;
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    for chunk in ["One ", "two", "three"] {
        // The next event is released only after this one has arrived.
        assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], chunk);
        env.simulator.release(1);
    }
    assert_eq!(stream.next_json().await["choices"][0]["finish_reason"], "stop");
    env.simulator.release(2);
    assert_eq!(stream.next().await.as_deref(), Some("[DONE]"));
    env.still_serves().await;
}

#[tokio::test]
async fn r01_text_that_looks_like_events_stays_text() {
    let env = TestEnv::with_api_account().await;
    let evil = "a\n\ndata: [DONE]\n\n\r\revent: x\n\ndata: {\"error\":{\"usage\":1}}\n\n\u{2028}\0 b";
    let request = streamed(&format!("echo-chunks: {}", json!([evil, "rest"])));
    assert_eq!(ending(&env, &request).await, (format!("{evil}rest"), "[DONE]".to_owned()));
    env.still_serves().await;
}

#[tokio::test]
async fn f20_any_slicing_of_the_stream_gives_the_same_events() {
    let env = TestEnv::with_api_account().await;
    let request = streamed("echo: four bytes \u{1F9A3}\u{1F9A3} and more");
    let whole = ending(&env, &request).await;
    for size in [1, 2, 3, 7, 100] {
        env.set_api_fault(&format!("slice={size}"));
        assert_eq!(ending(&env, &request).await, whole, "{size}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_stream() {
    let env = TestEnv::with_api_account().await;
    env.program.stream(&streamed("echo: warm")).await.all().await;
    let before = env.simulator.connections();
    for n in 0..5 {
        let (text, _) = ending(&env, &streamed(&format!("echo: {n}"))).await;
        assert_eq!(text, n.to_string());
    }
    assert_eq!(env.simulator.connections(), before);
    env.still_serves().await;
}
