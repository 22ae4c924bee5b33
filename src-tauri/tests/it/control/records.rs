//! Tests of `log.…` and `overview`.

use serde_json::json;

use crate::support::{Options, TestEnv, question};

#[tokio::test]
async fn records_are_counted_fetched_and_summed_up() {
    let env = TestEnv::new(&["alice"]).await;
    env.still_serves().await;
    env.set_web_fault("quota");
    assert_eq!(env.program.chat(&question("hi")).await.status, 429);
    let records = env.wait_for_records(|records| records.len() == 2).await;
    assert_eq!(env.control("log.count", &json!({})).await, 2);
    assert_eq!(env.control("log.count", &json!({ "failed_only": true })).await, 1);
    assert_eq!(env.control("log.count", &json!({ "status": 200, "text": "GPT-4" })).await, 1);
    let one = env.control("log.get", &json!({ "id": records[0]["id"] })).await;
    assert_eq!(one, records[0]);
    let none = env.program.control("log.get", &json!({ "id": 1 })).await;
    assert_eq!(none.error(), (404, "not_found".into()));

    let overview = env.control("overview", &json!({})).await;
    let minutes = overview["minutes"].as_array().unwrap();
    let sum = |field: &str| minutes.iter().map(|minute| minute[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((minutes.len(), sum("requests"), sum("failed")), (60, 2, 1));
    assert_eq!(overview["today"]["requests"], 2);
    assert_eq!(overview["last_errors"][0]["code"], "insufficient_quota");
    assert_eq!(overview["turned_away"], json!([]));
    assert_eq!(env.control("status", &json!({})).await["last_error"]["code"], "insufficient_quota");
    assert_eq!(env.control("log.clear", &json!({})).await, 2);
    assert_eq!(env.control("status", &json!({})).await["last_error"], json!(null));
}

#[tokio::test]
async fn l09_bodies_are_kept_while_the_user_wants_them_and_no_longer() {
    let env = TestEnv::new(&["alice"]).await;
    env.program.chat(&question("echo: CANARY_PROMPT")).await;
    let records = env.wait_for_records(|records| records.len() == 1).await;
    let id = json!({ "id": records[0]["id"] });
    assert_eq!(env.program.control("log.bodies", &id).await.status, 404);
    env.control("settings.set", &json!({ "name": "keep_bodies", "value": true })).await;
    assert_eq!(env.control("status", &json!({})).await["bodies_kept"], true);
    env.program.chat(&question("echo: CANARY_PROMPT")).await;
    let records = env.wait_for_records(|records| records.len() == 2).await;
    let id = json!({ "id": records[0]["id"] });
    let bodies = env.control("log.bodies", &id).await;
    assert!(bodies["request"].as_str().unwrap().contains("CANARY_PROMPT"));
    assert!(bodies["response"].as_str().unwrap().contains("CANARY_PROMPT"));
    let har = env.control("log.export", &json!({ "format": "har" })).await;
    assert!(har["text"].as_str().unwrap().contains("CANARY_PROMPT"));
    env.control("settings.set", &json!({ "name": "keep_bodies", "value": null })).await;
    assert_eq!(env.program.control("log.bodies", &id).await.status, 404);
    let dir = env.program.stop().await;
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let content = std::fs::read(entry.unwrap().path()).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&content).contains("CANARY_PROMPT"));
    }
}

#[tokio::test]
async fn l10_exports_are_whole_harmless_and_without_secrets() {
    let env = TestEnv::new(&["alice"]).await;
    let cookie = env.simulator.cookies()[0].1.clone();
    env.control("settings.set", &json!({ "name": "keep_bodies", "value": true })).await;
    let mut hostile = question(&format!("echo: {cookie}"));
    hostile["model"] = "=cmd|' /C calc'!A0".into();
    env.program.chat(&hostile).await;
    env.wait_for_records(|records| records.len() == 1).await;
    for (format, media_type) in
        [("csv", "text/csv"), ("jsonl", "application/jsonl"), ("har", "application/json")]
    {
        let file = env.control("log.export", &json!({ "format": format })).await;
        assert_eq!(file["media_type"], media_type);
        assert_eq!(file["name"], format!("mammouth-requests.{format}"));
        let text = file["text"].as_str().unwrap();
        assert!(text.contains("cmd|") && !text.contains(&cookie), "l13: {format}: {text}");
        assert!(format != "csv" || text.contains("\"'=cmd|"), "{text}");
    }
    let none = env.control("log.export", &json!({ "format": "jsonl", "query": { "status": 418 } })).await;
    assert_eq!(none["text"], "");
    let wrong = env.program.control("log.export", &json!({ "format": "../x" })).await;
    assert_eq!(wrong.error(), (400, "bad_arguments".into()));
}

#[tokio::test]
async fn a_wrong_key_is_shown_in_the_overview_and_not_logged() {
    let env = TestEnv::new(&["alice"]).await;
    let models = format!("{}/v1/models", env.program.base);
    for _ in 0..2 {
        let answer = env.program.http.get(&models).bearer_auth("wrong-key").send().await;
        assert_eq!(answer.expect("an answer").status(), 401);
    }
    // Rejections by the management API and requests for an icon by a browser count for no client.
    for path in ["control/status", "favicon.png"] {
        let refused = env.program.http.get(format!("{}/{path}", env.program.base)).send().await;
        assert!(refused.expect("an answer").status().is_client_error());
    }
    let told = env.control("overview", &json!({})).await["turned_away"].clone();
    assert_eq!(
        (&told[0]["code"], &told[0]["count"], &told[1]),
        (&json!("invalid_api_key"), &json!(2), &json!(null))
    );
    assert_eq!(env.control("log.count", &json!({})).await, 0);
}

#[tokio::test]
async fn the_log_says_why_a_request_was_refused() {
    let env = TestEnv::new(&["alice"]).await;
    env.control("settings.set", &json!({ "name": "keep_bodies", "value": true })).await;
    let wrong = json!({ "model": "gpt-4.1", "stream": true, "messages": [{ "role": "user", "content": 7 }] });
    let answer = env.program.chat(&wrong).await;
    assert_eq!(answer.status, 400);
    let error = answer.json()["error"].clone();
    let record = env.record_of(&answer.headers).await;
    assert_eq!((&record["message"], &record["param"]), (&error["message"], &error["param"]));
    assert!(record["message"].as_str().unwrap().contains("messages"), "{record}");
    assert_eq!((&record["model_asked"], &record["stream"]), (&json!("gpt-4.1"), &json!(true)));
    let bodies = env.control("log.bodies", &json!({ "id": record["id"] })).await;
    assert!(bodies["response"].as_str().unwrap().contains(error["message"].as_str().unwrap()));
    assert_eq!(record["bytes_out"], bodies["response"].as_str().unwrap().len());
    let overview = env.control("overview", &json!({})).await;
    assert_eq!(overview["last_errors"][0]["message"], error["message"]);
}

#[tokio::test]
async fn what_a_web_session_answers_has_a_value_and_no_bill() {
    let options = Options::default().settings("prefer = \"web\"");
    let env = TestEnv::mixed(&["alice"], &["dora"], options).await;
    let answer = env.program.chat(&question("echo: one two")).await;
    let record = env.record_of(&answer.headers).await;
    assert!(record["cost_usd"].as_f64().unwrap() > 0.0, "{record}");
    assert_eq!((&record["unbilled"], &record["tokens_estimated"]), (&json!(true), &json!(true)));
    let today = env.control("overview", &json!({})).await["today"].clone();
    assert_eq!((&today["billed_usd"], &today["cost_estimated"]), (&json!(0.0), &json!(true)));
    assert_eq!(today["cost_usd"], record["cost_usd"]);
}
