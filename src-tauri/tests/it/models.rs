//! Tests of the model list and of the resolution of model names.

use serde_json::{Value, json};

use crate::support::{Options, TestEnv, question};

const ALIASES: &str =
    "[aliases]\nfast = \"gpt-4o-mini\"\n\"gpt-4.1\" = \"grok-4\"\nmine = \"some-new-model\"\n";

fn names(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_list_has_the_table_and_the_users_own_names() {
    let env = TestEnv::with_options(&["alice"], Options::default().settings(ALIASES)).await;
    let list = env.program.get("/v1/models").await;
    assert_eq!((list.status, &list.json()["object"]), (200, &json!("list")));
    let list = list.json();
    let names = names(&list);
    for name in ["fast", "mine", "gpt-4.1", "claude-sonnet-4-20250514", "grok-3", "o4-mini", "gemini-2.5-pro"]
    {
        assert_eq!(names.iter().filter(|listed| **listed == name).count(), 1, "{name} in {names:?}");
    }
    for model in list["data"].as_array().unwrap() {
        assert_eq!(model["object"], "model");
        assert!(model["created"].is_u64() && !model["owned_by"].as_str().unwrap().is_empty(), "{model}");
    }
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}

#[tokio::test]
async fn a_model_is_found_by_its_exact_name() {
    let env = TestEnv::with_options(&["alice"], Options::default().settings(ALIASES)).await;
    for path in ["/v1/models/fast", "/models/fast", "/v1/v1/models/fast"] {
        let model = env.program.get(path).await;
        assert_eq!((model.status, &model.json()["id"]), (200, &json!("fast")), "{path}");
    }
    for path in ["/v1/models/FAST", "/v1/models/nothing", "/v1/models/fast/x"] {
        assert_eq!(env.program.get(path).await.error(), (404, "not_found".into()), "{path}");
    }
    env.still_serves().await;
}

#[tokio::test]
async fn names_become_the_sites_own_and_unknown_ones_pass() {
    let env = TestEnv::new(&["alice"]).await;
    for (name, id) in [
        ("claude-3-7-sonnet-latest", "anthropic-claude-3-7-sonnet-latest"),
        ("gpt-4o-mini", "openai-gpt-4o-mini"),
        ("o4-mini", "openai-o4-mini"),
        ("gemini-2.5-pro-preview-05-06", "google-gemini-2.5-pro"),
        ("grok-3", "xai-grok-3-beta"),
        ("claude-sonnet-4-20250514", "anthropic-claude-4-2025-05-14"),
        ("gemini-2.5-pro", "google-gemini-2.5-pro"),
        ("grok-4", "xai-grok-4-0709"),
        ("gpt-5", "openai-gpt-5"),
        ("gpt-5-mini", "openai-gpt-5-mini"),
        ("gpt-5-thinking", "openai-gpt-5-thinking"),
        ("openai-gpt-4.1-search-preview", "openai-gpt-4.1-search-preview"),
        ("maker/new:model@1", "maker/new:model@1"),
        ("GPT-5", "GPT-5"),
    ] {
        env.simulator.clear_calls();
        let mut request = question("echo: hi");
        request["model"] = name.into();
        let answer = env.program.chat(&request).await;
        assert_eq!(answer.json()["model"], name, "the client sees the name it used");
        assert_eq!(answer.header("x-mammouth-model"), Some(id));
        assert_eq!(env.model_calls()[0].model.as_deref(), Some(id));
        let record = env.record_of(&answer.headers).await;
        assert_eq!((&record["model_asked"], &record["model_served"]), (&json!(name), &json!(id)));
    }
    env.still_serves().await;
}

#[tokio::test]
async fn the_users_own_names_come_first() {
    let env = TestEnv::with_options(&["alice"], Options::default().settings(ALIASES)).await;
    for (name, id) in
        [("fast", "openai-gpt-4o-mini"), ("gpt-4.1", "xai-grok-4-0709"), ("mine", "some-new-model")]
    {
        env.simulator.clear_calls();
        let mut request = question("echo: hi");
        request["model"] = name.into();
        assert_eq!(env.program.chat(&request).await.status, 200);
        assert_eq!(env.model_calls()[0].model.as_deref(), Some(id));
    }
    env.still_serves().await;
}
