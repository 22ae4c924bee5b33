//! Streams of the official API after their first event: each at once, and an end that a client can trust.

use serde_json::{Value, json};

use crate::support::{Options, Scene, streamed};

/// The text that came, and the last event.
async fn ending(scene: &Scene, request: &Value) -> (String, String) {
    let events = scene.program.stream(request).await.all().await;
    let last = events.last().expect("an event at the end").clone();
    let chunks = events.iter().filter_map(|event| serde_json::from_str::<Value>(event).ok());
    let text = chunks.filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned));
    (text.collect(), last)
}

#[tokio::test]
async fn no_event_waits_for_another() {
    let scene = Scene::keyed().await;
    scene.fault_of_api("gate");
    scene.simulator.release(2);
    let mut stream = scene.program.stream(&streamed("echo-chunks: [\"One \", \"two\", \"three\"]")).await;
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    for chunk in ["One ", "two", "three"] {
        // Not before this one has arrived is the next let go.
        assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], chunk);
        scene.simulator.release(1);
    }
    assert_eq!(stream.next_json().await["choices"][0]["finish_reason"], "stop");
    scene.simulator.release(2);
    assert_eq!(stream.next().await.as_deref(), Some("[DONE]"));
    scene.still_serves().await;
}

#[tokio::test]
async fn r01_text_that_looks_like_events_stays_text() {
    let scene = Scene::keyed().await;
    let evil = "a\n\ndata: [DONE]\n\n\r\revent: x\n\ndata: {\"error\":{\"usage\":1}}\n\n\u{2028}\0 b";
    let request = streamed(&format!("echo-chunks: {}", json!([evil, "rest"])));
    assert_eq!(ending(&scene, &request).await, (format!("{evil}rest"), "[DONE]".to_owned()));
    scene.still_serves().await;
}

#[tokio::test]
async fn f11_f18_f19_a_stream_that_breaks_off_ends_with_an_error_and_without_the_end_mark() {
    let scene = Scene::keyed().await;
    // The opening and two words come before.
    for fault in ["eof=3", "reset=3", "cut=3", "error=3"] {
        scene.fault_of_api(fault);
        let calls = scene.asked().len();
        let stream = scene.program.stream(&streamed("echo: one two three four")).await;
        let headers = stream.headers.clone();
        let events = stream.all().await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "stream_interrupted", "{fault}: {events:?}");
        assert_eq!(events.len(), 4, "{fault}: {events:?}");
        assert_eq!(scene.asked().len(), calls + 1, "{fault}: nothing is replayed");
        let record = scene.record_of(&headers).await;
        assert_eq!((&record["interrupted"], &record["fault"]), (&json!(true), &json!("upstream")), "{fault}");
        assert!(record["completion_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{record}");
        assert_eq!(scene.standing("api-1").await, "ready");
        scene.still_serves().await;
    }
}

#[tokio::test]
async fn f11_an_error_before_the_first_words_goes_to_the_next_account() {
    let scene = Scene::mixed(&[], &["dora", "emil"], Options::default()).await;
    for fault in ["error=0", "error=1", "eof=0", "eof=1"] {
        scene.fault_of("dora", "gate");
        scene.simulator.set_faults(vec![
            mammouth_proxy::simulator::FaultRule::on_chat(fault.parse().unwrap()).of_account("dora").times(1),
        ]);
        for attempt in 0..2 {
            let request = streamed(&format!("echo: {fault} {attempt}"));
            let (text, last) = ending(&scene, &request).await;
            assert_eq!((text, last.as_str()), (format!("{fault} {attempt}"), "[DONE]"));
        }
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn f17_a_stall_after_some_words_ends_in_time() {
    let options = Options::default().settings("[limits]\nidle_seconds = 1\n");
    let scene = Scene::mixed(&[], &["dora"], options).await;
    scene.fault_of_api("stall=3");
    let (text, last) = ending(&scene, &streamed("echo: one two three")).await;
    assert_eq!(text, "one two ");
    assert!(last.contains("stream_interrupted"), "{last}");
    scene.until(|state| state.active == 0).await;
    scene.still_serves().await;
}

#[tokio::test]
async fn f20_any_slicing_of_the_stream_gives_the_same_events() {
    let scene = Scene::keyed().await;
    let request = streamed("echo: four bytes \u{1F9A3}\u{1F9A3} and more");
    let whole = ending(&scene, &request).await;
    for size in [1, 2, 3, 7, 100] {
        scene.fault_of_api(&format!("slice={size}"));
        assert_eq!(ending(&scene, &request).await, whole, "{size}");
    }
    scene.still_serves().await;
}

#[tokio::test]
async fn f56_a_client_that_leaves_ends_the_call() {
    let scene = Scene::keyed().await;
    scene.fault_of_api("stall=3");
    let mut stream = scene.program.stream(&streamed("echo: one two three")).await;
    stream.next().await;
    drop(stream);
    scene.until(|state| state.active == 0).await;
    scene.all_idle().await;
    scene.still_serves().await;
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_stream() {
    let scene = Scene::keyed().await;
    scene.program.stream(&streamed("echo: warm")).await.all().await;
    let before = scene.simulator.connections();
    for n in 0..5 {
        let (text, _) = ending(&scene, &streamed(&format!("echo: {n}"))).await;
        assert_eq!(text, n.to_string());
    }
    assert_eq!(scene.simulator.connections(), before);
    scene.still_serves().await;
}
