//! Tests of stored responses and of Codex's first requests.

use serde_json::{Value, json};

use crate::support::{Answer, KEY, TestEnv, head, raw, with_key};

async fn ask(env: &TestEnv, body: Value) -> Answer {
    env.program.post("/v1/responses", &body).await
}

#[tokio::test]
async fn a_conversation_goes_on_from_a_kept_response() {
    let env = TestEnv::new(&["alice"]).await;
    let first = json!({ "model": "gpt-4.1", "instructions": "One.", "input": "echo: first" });
    let first = ask(&env, first).await.json();
    assert_eq!((&first["status"], &first["store"]), (&json!("completed"), &json!(true)));
    let id = first["id"].as_str().unwrap();
    let second = json!({ "model": "gpt-4.1", "instructions": "Two.", "input": "echo: second", "previous_response_id": id });
    let second = ask(&env, second).await;
    assert_eq!((second.status, &second.json()["previous_response_id"]), (200, &json!(id)));
    let asked = env.model_calls().pop().unwrap();
    assert_eq!(asked.texts(), ["echo: first", "first", "echo: second"]);
    assert_eq!(asked.preprompt.as_deref(), Some("Two."), "instructions are not carried over");
    let path = format!("/v1/responses/{id}");
    assert_eq!(env.program.get(&path).await.json(), first);
    let delete = || env.program.http.delete(format!("{}{path}", env.program.base)).bearer_auth(KEY).send();
    assert_eq!(Answer::of(delete().await).await.json()["deleted"], true);
    assert_eq!(Answer::of(delete().await).await.error(), (404, "not_found".into()));
    let gone = ask(&env, json!({ "model": "gpt-4.1", "input": "hi", "previous_response_id": id })).await;
    assert_eq!(gone.error(), (400, "previous_response_not_found".into()));
    assert_eq!(gone.json()["error"]["param"], "previous_response_id");
    env.still_serves().await;
}

#[tokio::test]
async fn tools_of_input_items_are_kept_with_the_response() {
    let env = TestEnv::with_api_account().await;
    let exec = json!([{ "type": "custom", "name": "exec", "description": "Runs code" }]);
    let space = json!([{ "type": "namespace", "name": "shell", "tools": exec }]);
    let own = json!([{ "type": "function", "name": "own", "parameters": { "type": "object" } }]);
    let items = json!([
        { "type": "additional_tools", "role": "developer", "tools": space },
        { "role": "user", "content": "echo: hi" },
    ]);
    let first = ask(&env, json!({ "model": "gpt-4.1", "tools": own, "input": items })).await.json();
    let mut previous = first["id"].clone();
    // The second response has the tools of the first, the third those of the second.
    for _ in 0..2 {
        let next = json!({ "model": "gpt-4.1", "previous_response_id": previous, "input": "call: shell__exec {\"input\": \"ls\"}" });
        let answer = ask(&env, next).await.json();
        let offered = &env.model_calls().pop().unwrap().fields["tools"];
        assert_eq!(
            offered.as_array().map(Vec::len),
            Some(1),
            "a request's own tools are for it alone: {offered}"
        );
        assert_eq!(offered[0]["function"]["name"], "shell__exec");
        let call = &answer["output"][0];
        assert_eq!((&call["type"], &call["name"]), (&json!("custom_tool_call"), &json!("exec")), "{answer}");
        assert_eq!((&call["namespace"], &call["input"]), (&json!("shell"), &json!("ls")), "{answer}");
        previous = answer["id"].clone();
        let result =
            json!([{ "type": "custom_tool_call_output", "call_id": call["call_id"], "output": "a" }]);
        let last = json!({ "model": "gpt-4.1", "previous_response_id": previous, "input": result });
        previous = ask(&env, last).await.json()["id"].clone();
    }
    env.still_serves().await;
}

#[tokio::test]
async fn a_streamed_response_is_kept_too_and_an_unwanted_one_is_not() {
    let env = TestEnv::new(&["alice"]).await;
    for (store, status) in [(true, 200), (false, 404)] {
        let streamed = json!({ "model": "gpt-4.1", "input": "echo: hi", "stream": true, "store": store });
        let body = String::from_utf8(ask(&env, streamed).await.body.to_vec()).unwrap();
        let last: Value = serde_json::from_str(
            body.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap(),
        )
        .unwrap();
        let id = last["response"]["id"].as_str().unwrap();
        assert_eq!(env.program.get(&format!("/v1/responses/{id}")).await.status, status);
    }
    env.still_serves().await;
}

#[tokio::test]
async fn endpoints_that_codex_tries_first_are_not_found() {
    let env = TestEnv::new(&["alice"]).await;
    let compact = env.program.post("/v1/responses/compact", &json!({ "model": "m", "input": [] })).await;
    assert_eq!(compact.error(), (405, "method_not_allowed".into()));
    let upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", &with_key()];
    let refused = raw(env.program.port, &head("GET", "/v1/responses", &upgrade)).await;
    assert_eq!((refused.status(), refused.code().as_str()), (426, "upgrade_required"));
    let text = refused.text().to_lowercase();
    assert!(text.contains("\r\nupgrade: http/1.1\r\n") && text.contains("\r\nconnection: upgrade"), "{text}");
    env.still_serves().await;
}
