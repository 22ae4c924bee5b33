//! Chat completions over the web upstream: what is asked upstream and what comes back.

use serde_json::json;

use crate::support::{Program, question, simulator, streamed};

#[tokio::test]
async fn a_reply_comes_whole() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let answer = program.chat(&question("echo: Bonjour \u{1F9A3}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.text(), "Bonjour \u{1F9A3}");
    assert_eq!(answer.json()["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer.header("x-mammouth-account"), Some("web-1"));
    assert_eq!(answer.header("x-mammouth-attempts"), Some("1"));
    let calls = simulator.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].model.as_deref(), Some("openai-gpt-4.1"));
    assert_eq!(calls[0].problem, None);
}

#[tokio::test]
async fn a_stream_has_role_text_finish_and_end_mark() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let mut request = streamed(r#"echo-chunks: ["One ","two ","three"]"#);
    request["stream_options"] = json!({ "include_usage": true });
    let mut stream = program.stream(&request).await;
    assert_eq!(stream.status, 200);
    assert_eq!(stream.next_json().await["choices"][0]["delta"]["role"], "assistant");
    for text in ["One ", "two ", "three"] {
        assert_eq!(stream.next_json().await["choices"][0]["delta"]["content"], text);
    }
    assert_eq!(stream.next_json().await["choices"][0]["finish_reason"], "stop");
    assert!(stream.next_json().await["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert_eq!(stream.next().await.as_deref(), Some("[DONE]"));
    assert_eq!(stream.next().await, None);
}
