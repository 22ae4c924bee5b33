//! Tests of legacy completions, which autocompletion in editors uses.

use serde_json::{Value, json};

use crate::support::{Answer, KEY, Sse, TestEnv};

fn prompt(text: &str) -> Value {
    json!({ "model": "gpt-4.1", "prompt": text })
}

async fn complete(env: &TestEnv, body: &Value) -> Answer {
    env.program.post("/v1/completions", body).await
}

async fn stream(env: &TestEnv, mut body: Value) -> Vec<Value> {
    body["stream"] = json!(true);
    let request = env.program.http.post(format!("{}/v1/completions", env.program.base)).bearer_auth(KEY);
    let request = request.header("content-type", "application/json").body(body.to_string());
    let mut events = Sse::new(request.send().await.unwrap()).all().await;
    assert_eq!(events.pop().as_deref(), Some("[DONE]"));
    events.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

fn texts(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["choices"][0]["text"].as_str()).collect()
}

#[tokio::test]
async fn a_prompt_becomes_the_one_user_turn() {
    let env = TestEnv::new(&["alice"]).await;
    let answer = complete(&env, &prompt("echo: once upon a time")).await;
    let body = answer.json();
    assert_eq!((answer.status, &body["object"]), (200, &json!("text_completion")));
    assert_eq!(body["choices"][0]["text"], "once upon a time");
    assert_eq!(body["choices"][0]["finish_reason"], "stop");
    assert!(body["id"].as_str().unwrap().starts_with("cmpl-"));
    assert!(body["usage"]["total_tokens"].as_u64().unwrap() > 0);
    let asked = &env.model_calls()[0];
    assert_eq!((asked.texts(), asked.preprompt.as_deref()), (vec!["echo: once upon a time"], Some("")));
    let listed = complete(&env, &json!({ "model": "gpt-4.1", "prompt": ["echo: one of one"] })).await;
    assert_eq!(listed.json()["choices"][0]["text"], "one of one");
    env.still_serves().await;
}

#[tokio::test]
async fn a_streamed_completion_has_text_finish_and_usage() {
    let env = TestEnv::new(&["alice"]).await;
    let mut body = prompt(r#"echo-chunks: ["a", "b"]"#);
    body["stream_options"] = json!({ "include_usage": true });
    body["echo"] = json!(true);
    let events = stream(&env, body).await;
    assert_eq!(texts(&events), [r#"echo-chunks: ["a", "b"]"#, "a", "b", ""]);
    assert_eq!(events[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(events[4]["choices"], json!([]));
    assert!(events[4]["usage"]["completion_tokens"].as_u64().unwrap() > 0);
    env.still_serves().await;
}

#[tokio::test]
async fn stop_and_max_tokens_hold_here_too() {
    let env = TestEnv::new(&["alice"]).await;
    let mut body = prompt("echo: one two three four");
    body["stop"] = json!("three");
    let stopped = complete(&env, &body).await.json();
    assert_eq!(stopped["choices"][0]["text"], "one two ");
    let mut body = prompt("echo: one two three four");
    body["max_tokens"] = json!(2);
    let events = stream(&env, body).await;
    assert_eq!(texts(&events).concat(), "one two");
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "length");
    env.still_serves().await;
}

#[tokio::test]
async fn what_would_change_the_meaning_is_refused() {
    let env = TestEnv::new(&["alice"]).await;
    for (field, value) in [
        ("prompt", json!(["a", "b"])),
        ("prompt", json!([1, 2, 3])),
        ("n", json!(2)),
        ("best_of", json!(2)),
        ("suffix", json!("end")),
        ("logprobs", json!(1)),
    ] {
        let mut body = prompt("hello");
        body[field] = value.clone();
        let answer = complete(&env, &body).await;
        assert_eq!(answer.error(), (400, "unsupported_parameter".into()), "{field} {value}");
        assert_eq!(answer.json()["error"]["param"], field);
    }
    assert_eq!(complete(&env, &json!({ "model": "gpt-4.1" })).await.error(), (400, "invalid_request".into()));
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}
