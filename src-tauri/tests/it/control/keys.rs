//! Tests of `keys.…`: client keys, their permissions and limits.

use serde_json::{Value, json};

use super::{bad, demo, good};
use crate::support::{Answer, Options, Program, question};

async fn chat(program: &Program, key: &str) -> Answer {
    let request = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(key);
    let body = question("hello").to_string();
    Answer::of(request.header("content-type", "application/json").body(body).send().await).await
}

async fn key(program: &Program, name: &str) -> Value {
    let keys = good(program, "keys.list", json!({})).await;
    keys.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap().clone()
}

#[tokio::test]
async fn u10_the_old_main_key_is_refused_as_soon_as_it_is_replaced() {
    let options = || Options::default().without_defaults().arg("--demo").arg("--port").arg("0");
    let program = Program::start_in(tempfile::tempdir().unwrap(), None, options()).await;
    let main = good(&program, "keys.list", json!({ "reveal": true })).await[0]["key"].clone();
    let old = main.as_str().unwrap().to_owned();
    assert_eq!(chat(&program, &old).await.status, 200);
    let new = good(&program, "keys.replace_main", json!({})).await["key"].as_str().unwrap().to_owned();
    assert_eq!(chat(&program, &old).await.error(), (401, "invalid_api_key".into()));
    assert_eq!(chat(&program, &new).await.status, 200);
    let given = demo().await;
    assert_eq!(bad(&given, "keys.replace_main", json!({})).await, "fixed_by_environment");
}

#[tokio::test]
async fn a_key_asks_for_its_models_only_and_stops_at_its_cap_over_a_restart() {
    let program = demo().await;
    let made = json!({ "name": "ide", "models": ["gpt-4.1"], "daily_tokens": 1, "daily_cost_usd": 5.0 });
    let secret = good(&program, "keys.add", made).await["key"].as_str().unwrap().to_owned();
    let listed = key(&program, "ide").await;
    assert_eq!((&listed["key"], &listed["daily_tokens"]), (&json!(null), &json!(1)));
    assert_eq!((&listed["models"], &listed["last_used_ms"]), (&json!(["gpt-4.1"]), &json!(null)));
    assert_eq!(chat(&program, &secret).await.status, 200);
    let over = chat(&program, &secret).await;
    assert_eq!(over.error(), (429, "client_limit".into()));
    assert_eq!(over.header("x-should-retry"), Some("false"));
    let used = key(&program, "ide").await;
    assert!(used["today_tokens"].as_u64() > Some(1) && used["last_used_ms"].is_u64(), "{used}");

    let program = Program::start_in(program.stop().await, None, Options::default().arg("--demo")).await;
    assert_eq!(
        chat(&program, &secret).await.error(),
        (429, "client_limit".into()),
        "unless midnight UTC has passed"
    );
    let wider = json!({ "name": "ide", "models": ["gpt-5"], "daily_tokens": null, "daily_cost_usd": null });
    good(&program, "keys.change", wider).await;
    assert_eq!(
        chat(&program, &secret).await.error(),
        (403, "forbidden".into()),
        "another model than its own"
    );
    let all = json!({ "name": "ide", "models": [], "daily_tokens": null, "daily_cost_usd": null });
    good(&program, "keys.change", all).await;
    assert_eq!(chat(&program, &secret).await.status, 200);
    good(&program, "keys.revoke", json!({ "name": "ide" })).await;
    assert_eq!(chat(&program, &secret).await.status, 401);
    assert_eq!(bad(&program, "keys.revoke", json!({ "name": "ide" })).await, "not_found");
    let negative = json!({ "name": "x", "daily_cost_usd": -1.0 });
    assert_eq!(bad(&program, "keys.add", negative).await, "bad_arguments");
}
