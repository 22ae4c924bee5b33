//! Tests of replies after their first byte: each chunk at once, complete characters, and an unambiguous end.

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::support::{Options, Upstream};
use crate::support::{Sse, TestEnv, question, streamed};

/// Text of a stream, and the event that ended it.
async fn ending(mut stream: Sse) -> (String, String) {
    assert_eq!(stream.status, 200);
    let mut text = String::new();
    loop {
        let data = stream.next().await.expect("a stream ends with an event that says so");
        let event: Value = serde_json::from_str(&data).unwrap_or_default();
        match event["choices"][0]["delta"]["content"].as_str() {
            Some(piece) => text.push_str(piece),
            None if event["choices"][0]["finish_reason"].is_string() => {}
            None => {
                assert_eq!(stream.next().await, None, "nothing comes after the end");
                return (text, data);
            }
        }
    }
}

/// Checks that a faulty stream ends with an error event and without the end mark, and that the log records
/// it.
async fn breaks_off(env: &TestEnv, request: &Value, text: &str) {
    let calls = env.model_calls().len();
    let stream = env.program.stream(request).await;
    let headers = stream.headers.clone();
    let (came, last) = ending(stream).await;
    let error: Value = serde_json::from_str(&last).unwrap_or_else(|_| panic!("not an error: {last}"));
    assert_eq!((came.as_str(), &error["error"]["code"]), (text, &json!("stream_interrupted")));
    assert_eq!(env.model_calls().len(), calls + 1, "nothing is replayed");
    let record = env.record_of(&headers).await;
    assert_eq!((&record["interrupted"], &record["code"]), (&json!(true), &json!("stream_interrupted")));
    assert_eq!(record["fault"], "upstream");
    assert!(record["completion_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{record}");
    assert!(record["prompt_tokens"].as_u64().is_some_and(|tokens| tokens > 0), "{record}");
    assert_eq!(env.account_state("web-1").await, "ready");
}

#[tokio::test]
async fn chunks_are_not_held_back_for_the_next() {
    let env = TestEnv::new(&["alice"]).await;
    let chunks = ["One ", "two", "\u{1F9A3}", "\n\n", "three"];
    env.set_web_fault("gate");
    env.simulator.release(1);
    let request = streamed(&format!("echo-chunks: {}", json!(chunks)));
    let mut stream = env.program.stream(&request).await;
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    for chunk in chunks {
        // The next chunk is released only after this one has arrived.
        assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], chunk);
        env.simulator.release(1);
    }
    assert_eq!(stream.next_json().await["choices"][0]["finish_reason"], "stop");
    assert_eq!(stream.next().await.as_deref(), Some("[DONE]"));
    env.still_serves().await;
}

#[tokio::test]
async fn f13_thousands_of_chunks_keep_their_order() {
    let env = TestEnv::new(&["alice"]).await;
    let text: String = (0..5_000).map(|n| format!("{n} ")).collect();
    let (came, done) = env.program.stream(&streamed(&format!("echo: {text}"))).await.text().await;
    assert!(came == text && done);
    env.still_serves().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn f13_a_huge_reply_passes_in_constant_memory() {
    for upstream in Upstream::BOTH {
        passes_in_constant_memory(upstream).await;
    }
}

#[cfg(target_os = "linux")]
async fn passes_in_constant_memory(upstream: Upstream) {
    let env = upstream.one_account(Options::default()).await;
    env.still_serves().await;
    let before = env.memory();
    // The tokenizer has a cache for each thread that counts.
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let bound = (4 + 3 * threads) * 1024 * 1024;
    let size = 2 * bound;
    upstream.set_fault(&env, &format!("size={size}"));
    let mut stream = env.program.stream(&streamed("hello")).await;
    let (mut bytes, mut done) = (0, false);
    while let Some(data) = stream.next().await {
        done = data == "[DONE]";
        let event: Value = serde_json::from_str(&data).unwrap_or_default();
        bytes += event["choices"][0]["delta"]["content"].as_str().map_or(0, str::len);
    }
    assert_eq!((bytes, done), (size, true));
    let grown = env.memory().saturating_sub(before);
    assert!(grown < bound as u64, "grown by {grown} bytes");
    env.still_serves().await;
}

#[tokio::test]
async fn f14_new_fields_in_a_json_answer_are_ignored() {
    let env = TestEnv::new(&["alice"]).await;
    let body = json!({ "usage": [1], "content": "hi", "finish": null, "next": { "content": "no" } });
    env.set_web_fault(&format!("text={} header=Content-Type:application/json", json!(body.to_string())));
    assert_eq!(env.program.chat(&question("hello")).await.text(), "hi");
    assert_eq!(env.program.stream(&streamed("hello")).await.text().await, ("hi".into(), true));
    env.still_serves().await;
}

#[tokio::test]
async fn a_reply_in_quotes_or_json_is_unwrapped() {
    let env = TestEnv::new(&["alice"]).await;
    for fault in ["body=json", "body=json-string", "text=\"\\\"say \\\\\\\"hi\\\\\\\"\\\"\""] {
        env.set_web_fault(fault);
        let answer = env.program.chat(&question("echo: say \"hi\"")).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "say \"hi\""), "{fault}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn f16_nothing_is_sent_before_the_first_byte() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("gate");
    let mut socket = env.raw_request(&streamed("echo: hi")).await;
    env.wait_for(|state| state.held_chunks == 1).await;
    // Long enough for a head to arrive, if one had been sent.
    assert_eq!(env.program.get("/v1/models").await.status, 200);
    let mut head = [0; 16];
    let read = socket.try_read(&mut head);
    assert!(read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    env.simulator.release(1);
    tokio::io::AsyncReadExt::read_exact(&mut socket, &mut head).await.unwrap();
    assert_eq!(&head[..15], b"HTTP/1.1 200 OK");
    env.still_serves().await;
}

#[tokio::test]
async fn r06_a_malformed_chunk_after_text_is_an_interruption() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault(r#"raw="HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\nZZ\r\n""#);
    let request = streamed("hello");
    let (text, last) = ending(env.program.stream(&request).await).await;
    assert!(text == "one" && last.contains("stream_interrupted"), "{text} {last}");
    env.still_serves().await;
}

#[tokio::test]
async fn f20_characters_in_single_bytes_arrive_whole() {
    let env = TestEnv::new(&["alice"]).await;
    let text = "é 你好 🦣 👩‍👩‍👧‍👦 e\u{301} \u{2028} ünï";
    env.set_web_fault("slice=1");
    let (came, done) = env.program.stream(&streamed(&format!("echo: {text}"))).await.text().await;
    assert_eq!((came.as_str(), done), (text, true));
    assert_eq!(env.program.chat(&question(&format!("echo: {text}"))).await.text(), text);
    env.still_serves().await;
}

#[tokio::test]
async fn f20_bytes_that_are_no_text_end_in_one_replacement_character_and_an_error() {
    for (fault, text) in [("utf8=invalid", "one \u{fffd}"), ("utf8=cut", "one two\u{fffd}")] {
        let env = TestEnv::new(&["alice"]).await;
        env.set_web_fault(fault);
        breaks_off(&env, &streamed("echo: one two"), text).await;
        let answer = env.program.chat(&question("echo: one two")).await;
        assert_eq!(answer.error(), (502, "upstream_bad_response".into()), "{fault}");
        env.still_serves().await;
    }
}
