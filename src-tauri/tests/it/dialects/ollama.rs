//! Tests of Ollama's model endpoints, embeddings, and the counts and durations in its replies.

use serde_json::json;

use crate::support::TestEnv;

#[tokio::test]
async fn models_are_listed_and_shown() {
    let env = TestEnv::new(&["alice"]).await;
    let tags = env.program.get("/api/tags").await.json();
    let model = &tags["models"][0];
    assert!(model["name"].is_string() && model["details"]["family"].is_string(), "{model}");
    let shown = env.program.post("/api/show", &json!({ "model": "gpt-4.1:latest" })).await.json();
    assert!(shown["capabilities"].as_array().unwrap().contains(&json!("tools")));
    let architecture = shown["model_info"]["general.architecture"].as_str().unwrap();
    assert!(shown["model_info"][format!("{architecture}.context_length")].as_u64().unwrap() > 8_000);
    assert_eq!(
        env.program.post("/api/show", &json!({ "model": "nothing" })).await.error(),
        (404, "not_found".into())
    );
    let version = env.program.get("/api/version").await.json();
    assert!(version["version"].as_str().unwrap().starts_with("0."));
    assert_eq!(env.program.get("/api/ps").await.json(), json!({ "models": [] }));
    env.still_serves().await;
}

#[tokio::test]
async fn counts_and_durations_stand_at_the_end() {
    let env = TestEnv::new(&["alice"]).await;
    let body =
        json!({ "model": "gpt-4.1", "messages": [{ "role": "user", "content": "echo: one two three" }] });
    let streamed = env.program.post("/api/chat", &body).await;
    let text = String::from_utf8(streamed.body.to_vec()).unwrap();
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["done"], &last["eval_count"], &last["done_reason"]),
        (&json!(true), &json!(3), &json!("stop"))
    );
    assert!(last["prompt_eval_count"].as_u64().unwrap() > 0 && last["total_duration"].as_u64().unwrap() > 0);
    assert!(last["total_duration"].as_u64() >= last["eval_duration"].as_u64());
    env.still_serves().await;
}

#[tokio::test]
async fn loading_a_model_makes_no_upstream_call() {
    let env = TestEnv::new(&["alice"]).await;
    for path in ["/api/chat", "/api/generate"] {
        let answer = env.program.post(path, &json!({ "model": "gpt-4.1", "keep_alive": 0 })).await;
        assert_eq!((answer.status, &answer.json()["done_reason"]), (200, &json!("load")), "{path}");
    }
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}

#[tokio::test]
async fn embeddings_come_over_the_official_api_and_are_missed_by_name_without_it() {
    let env = TestEnv::with_api_account().await;
    let body = json!({ "model": "text-embedding-3-small", "input": ["one", "two"] });
    let answer = env.program.post("/api/embed", &body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let vectors = answer.json()["embeddings"].as_array().unwrap().len();
    assert_eq!((vectors, answer.header("x-mammouth-attempts")), (2, Some("1")));
    let old = json!({ "model": "text-embedding-3-small", "prompt": "one" });
    let old = env.program.post("/api/embeddings", &old).await.json();
    assert_eq!(old["embedding"], answer.json()["embeddings"][0]);
    let web = TestEnv::new(&["alice"]).await;
    let missing = web.program.post("/api/embed", &body).await;
    assert_eq!(missing.error(), (400, "unsupported_parameter".into()));
    assert!(missing.json()["error"].is_string());
    web.still_serves().await;
}
