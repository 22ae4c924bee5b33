//! Tests of the model list with keys, the catalog on the disk, and the user's aliases.

use serde_json::{Value, json};

use crate::support::{Options, TestEnv, question};

async fn listed(env: &TestEnv) -> Vec<Value> {
    // A reply needs the catalog, so the catalog is loaded afterwards.
    env.program.chat(&question("hi")).await;
    env.program.get("/v1/models").await.json()["data"].as_array().unwrap().clone()
}

fn find<'a>(list: &'a [Value], id: &str) -> Option<&'a Value> {
    list.iter().find(|model| model["id"] == id)
}

#[tokio::test]
async fn the_list_says_what_can_be_served_now_and_by_whom() {
    let mixed = TestEnv::mixed(&["alice"], &["dora"], Options::default()).await;
    let list = listed(&mixed).await;
    let both = find(&list, "gpt-4.1").unwrap();
    assert_eq!(both["served_by"], json!(["api", "web"]));
    assert_eq!((&both["context_length"], &both["max_output_tokens"]), (&json!(1_047_576), &json!(32_768)));
    assert_eq!(both["pricing"], json!({"prompt": "0.000002", "completion": "0.000008"}));
    assert_eq!(find(&list, "grok-3").unwrap()["served_by"], json!(["web"]));
    assert_eq!(find(&list, "text-embedding-3-small").unwrap()["served_by"], json!(["api"]));
    let keyed = TestEnv::with_api_account().await;
    let list = listed(&keyed).await;
    assert!(find(&list, "gpt-4.1").is_some() && find(&list, "grok-3").is_none(), "only a session has it");
    assert_eq!(keyed.program.get("/v1/models/deepseek-v3.1").await.json()["owned_by"], "deepseek");
    assert_eq!(keyed.program.get("/v1/models/grok-3").await.status, 404);
    keyed.still_serves().await;
}

#[tokio::test]
async fn the_catalogue_outlives_a_restart_and_is_not_fetched_again() {
    let env = TestEnv::with_api_account().await;
    listed(&env).await;
    let fetched =
        |env: &TestEnv| env.simulator.calls().iter().filter(|call| call.path.starts_with("/public/")).count();
    assert_eq!(fetched(&env), 2);
    assert!(
        env.simulator
            .calls()
            .iter()
            .filter(|call| call.path.starts_with("/public/"))
            .all(|call| call.header("authorization").is_none())
    );
    let env = env.restart().await;
    assert!(find(&listed(&env).await, "deepseek-v3.1").is_some());
    assert_eq!(fetched(&env), 2);
    env.still_serves().await;
}

#[tokio::test]
async fn without_a_key_the_catalog_is_not_fetched() {
    let env = TestEnv::new(&["alice"]).await;
    listed(&env).await;
    assert_eq!(env.simulator.calls().len(), 1);
    env.still_serves().await;
}

#[tokio::test]
async fn aliases_patterns_and_dated_names_lead_to_models_of_the_catalogue() {
    let settings = "nearest_models = true\n[aliases]\n\"claude-opus-*\" = \"claude-sonnet-4-5\"\nfast = \"gpt-4o-mini\"\n";
    let env = TestEnv::mixed(&[], &["dora"], Options::default().settings(settings)).await;
    for (name, id) in [
        ("claude-opus-4-5-20251101", "claude-sonnet-4-5"),
        ("fast", "gpt-4o-mini"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("mammouth-recommended", "mammouth-recommended"),
    ] {
        let mut request = question("echo: hi");
        request["model"] = json!(name);
        let answer = env.program.chat(&request).await;
        assert_eq!((answer.status, answer.header("x-mammouth-model")), (200, Some(id)), "{name}");
    }
    let exact = TestEnv::with_api_account().await;
    let mut request = question("echo: hi");
    request["model"] = json!("claude-haiku-4-5-20251001");
    assert_eq!(exact.program.chat(&request).await.error(), (404, "not_found".into()));
    exact.still_serves().await;
}
