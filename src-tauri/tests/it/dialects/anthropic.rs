//! Tests of requests of Anthropic's clients other than messages.

use serde_json::{Value, json};

use crate::support::{Answer, KEY, Options, TestEnv, Upstream};

fn hi() -> Value {
    json!({ "model": "claude-sonnet-4-20250514", "max_tokens": 100, "messages": [{ "role": "user", "content": "echo: hi" }] })
}

#[tokio::test]
async fn a_system_prompt_and_a_later_system_message_become_the_preprompt() {
    let env = TestEnv::new(&["alice"]).await;
    let mut body = hi();
    body["system"] =
        json!([{ "type": "text", "text": "Be short.", "cache_control": { "type": "ephemeral" } }]);
    body["messages"].as_array_mut().unwrap().push(json!({ "role": "system", "content": "Be kind." }));
    let answer = env.program.post("/v1/messages?beta=true", &body).await;
    assert_eq!((answer.status, &answer.json()["content"]), (200, &json!([{ "type": "text", "text": "hi" }])));
    assert_eq!(env.model_calls()[0].preprompt.as_deref(), Some("Be short.\n\nBe kind."));
    env.still_serves().await;
}

/// Checks that reasoning in the history is not sent upstream: models reject reasoning without their vendor's
/// signature, and no upstream has a field for it.
#[tokio::test]
async fn thoughts_that_come_back_are_not_sent_upstream() {
    let thoughts = [
        json!({ "type": "thinking", "thinking": "ours", "signature": "unsigned" }),
        json!({ "type": "thinking", "thinking": "signed elsewhere", "signature": "EqQBCkYIBxgC" }),
        json!({ "type": "redacted_thinking", "data": "EmwKAhgB" }),
    ];
    let call = json!({ "type": "tool_use", "id": "t1", "name": "now", "input": {} });
    let result = json!({ "type": "tool_result", "tool_use_id": "t1", "content": "noon" });
    let user = |content: Value| json!({ "role": "user", "content": content });
    let said = |more: Value| {
        let blocks: Vec<Value> = thoughts.iter().cloned().chain(more.as_array().unwrap().clone()).collect();
        json!({ "role": "assistant", "content": blocks })
    };
    for upstream in Upstream::BOTH {
        let env = upstream.one_account(Options::default()).await;
        let mut body = hi();
        body["model"] = json!("gpt-4.1");
        body["tools"] = json!([{ "name": "now", "input_schema": { "type": "object" } }]);
        body["thinking"] = json!({ "type": "adaptive" });
        body["messages"] = json!([
            user(json!("one")),
            said(json!([{ "type": "text", "text": "two" }, call])),
            user(json!([result])),
            said(json!([])),
            user(json!("echo: three")),
        ]);
        let answer = env.program.post("/v1/messages", &body).await;
        assert_eq!(answer.json()["content"], json!([{ "type": "text", "text": "three" }]), "{upstream:?}");
        let asked = json!(env.model_calls()[0].messages).to_string();
        for never in ["ours", "elsewhere", "EmwKAhgB", "EqQBCkYIBxgC", "unsigned", "thinking"] {
            assert!(!asked.contains(never), "{upstream:?}: {never} in {asked}");
        }
        assert!(!asked.contains("\"content\":\"\""), "models refuse a turn that says nothing: {asked}");
        env.still_serves().await;
    }
}

#[tokio::test]
async fn tokens_are_counted_without_a_call() {
    let env = TestEnv::new(&["alice"]).await;
    let answer = env.program.post("/v1/messages/count_tokens?beta=true", &hi()).await;
    assert!(answer.json()["input_tokens"].as_u64().is_some_and(|tokens| (1..50).contains(&tokens)));
    let refused = env.program.post("/v1/messages/count_tokens", &json!({ "model": "m" })).await;
    assert_eq!(refused.error(), (400, "invalid_request".into()));
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}

#[tokio::test]
async fn the_probes_of_claude_code_are_answered_quietly() {
    let env = TestEnv::new(&["alice"]).await;
    let events = env.program.post("/api/event_logging/batch", &json!({ "events": [1] })).await;
    assert_eq!((events.status, &*events.body), (200, &b"{}"[..]));
    assert_eq!(env.program.get("/api/claude_cli/bootstrap").await.status, 200);
    let head = env.program.http.head(format!("{}/", env.program.base)).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert!(env.simulator.calls().is_empty());
    assert!(env.program.records().await.is_empty(), "what is no question is no record");
    env.still_serves().await;
}

#[tokio::test]
async fn the_list_of_models_has_the_form_that_the_client_reads() {
    let env = TestEnv::new(&["alice"]).await;
    let get = async |path: &str| {
        let request = env.program.http.get(format!("{}{path}", env.program.base));
        Answer::of(request.header("x-api-key", KEY).header("anthropic-version", "2023-06-01").send().await)
            .await
    };
    let list = get("/v1/models?limit=1000").await.json();
    assert_eq!((&list["has_more"], &list["data"][0]["type"]), (&json!(false), &json!("model")));
    assert_eq!(list["first_id"], list["data"][0]["id"]);
    assert_eq!(get("/v1/models/gpt-4.1").await.json()["display_name"], "gpt-4.1");
    let missing = get("/v1/models/nothing").await;
    assert_eq!((missing.status, &missing.json()["error"]["type"]), (404, &json!("not_found_error")));
    assert_eq!(env.program.get("/v1/models").await.json()["object"], "list");
    env.still_serves().await;
}

#[tokio::test]
async fn a_thread_is_refused_as_the_sdk_expects() {
    let env = TestEnv::new(&["alice"]).await;
    let mut body = hi();
    body["thread"] = json!({ "type": "create" });
    let answer = env.program.post("/v1/messages?beta=true", &body).await;
    let details = answer.json()["error"]["details"].clone();
    assert_eq!((answer.status, &details["error_code"]), (400, &json!("thread_unsupported_request")));
    assert_eq!(details["unsupported"], json!([]));
    env.still_serves().await;
}

#[tokio::test]
async fn without_a_page_the_root_is_not_found() {
    let env = TestEnv::with_options(&["alice"], Options::default().arg("--no-ui")).await;
    let head = env.program.http.head(format!("{}/", env.program.base)).send().await.unwrap();
    assert_eq!(head.status(), 404);
}
