//! Tests of every management command over local HTTP.

mod accounts;
mod keys;
mod records;
mod settings;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Answer, Options, Program, TestEnv, question};

/// A program in demo mode. Its secrets are in memory, so every command can run completely.
async fn demo() -> Program {
    Program::start_in(tempfile::tempdir().unwrap(), None, Options::default().arg("--demo")).await
}

/// Does the same as [`demo`], and accepts the terms.
async fn demo_with_terms() -> Program {
    let program = demo().await;
    good(&program, "settings.accept_terms", json!({})).await;
    program
}

/// Runs a command with the demo's control token, which is in a separate folder.
async fn command(program: &Program, name: &str, args: Value) -> Answer {
    let token = std::fs::read_to_string(program.dir.path().join("demo/control-token")).expect("a token");
    let request = program.http.post(format!("{}/control/{name}", program.base)).bearer_auth(token.trim());
    Answer::of(request.body(args.to_string()).send().await).await
}

async fn good(program: &Program, name: &str, args: Value) -> Value {
    let answer = command(program, name, args).await;
    assert_eq!(answer.status, 200, "{name}: {:?}", answer.body);
    answer.json()
}

async fn bad(program: &Program, name: &str, args: Value) -> String {
    let answer = command(program, name, args).await;
    assert_ne!(answer.status, 200, "{name}: {:?}", answer.body);
    answer.error().1
}

async fn account(program: &Program, label: &str) -> Value {
    let accounts = good(program, "accounts.list", json!({})).await;
    let found = accounts.as_array().unwrap().iter().find(|account| account["label"] == label);
    found.unwrap_or_else(|| panic!("no {label} in {accounts}")).clone()
}

#[tokio::test]
async fn every_command_is_answered_and_wrong_arguments_are_told_from_unknown_names() {
    let program = demo().await;
    assert_eq!(bad(&program, "no.such", json!({})).await, "unknown_command");
    let mut refused = BTreeSet::new();
    for name in gateway::management::command_names() {
        let answer = command(&program, name, json!([1, 2])).await;
        let code = answer.error().1;
        assert_ne!(code, "unknown_command", "{name}");
        assert_ne!(answer.status, 500, "{name}: {code}");
        if code == "bad_arguments" {
            refused.insert(name);
        }
    }
    assert!(refused.contains("accounts.add") && refused.contains("settings.set"), "{refused:?}");
}

#[tokio::test]
async fn the_status_says_what_the_program_does() {
    let program = demo().await;
    let status = good(&program, "status", json!({})).await;
    assert_eq!(
        (&status["state"], &status["serving"], &status["demo"]),
        (&json!("serving"), &json!(true), &json!(true))
    );
    assert_eq!((&status["desktop"], &status["welcomed"]), (&json!(false), &json!(false)));
    for account in status["accounts"].as_array().unwrap() {
        good(&program, "accounts.enable", json!({ "label": account["label"], "enabled": false })).await;
    }
    assert_eq!(good(&program, "status", json!({})).await["state"], "error");
    good(&program, "settings.welcomed", json!({})).await;
    assert_eq!(good(&program, "status", json!({})).await["welcomed"], true);
    assert_eq!(bad(&program, "accounts.sign_in", json!({})).await, "terms");
    good(&program, "settings.accept_terms", json!({})).await;
    assert_eq!(bad(&program, "accounts.sign_in", json!({})).await, "desktop_only");
    assert_eq!(bad(&program, "window.open", json!({})).await, "desktop_only");
}

#[tokio::test]
async fn a_paused_server_refuses_clients_until_it_is_resumed() {
    let env = TestEnv::new(&["alice"]).await;
    env.control("serving.set", &json!({ "on": false })).await;
    let refused = env.program.chat(&question("hello")).await;
    assert_eq!(refused.error(), (503, "overloaded".into()));
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("stopped"));
    assert_eq!(env.program.get("/v1/models").await.status, 503);
    assert_eq!(env.program.get("/healthz").await.status, 200);
    assert_eq!(env.program.get("/metrics").await.status, 200);
    let status = env.control("status", &json!({})).await;
    assert_eq!((&status["state"], &status["serving"]), (&json!("stopped"), &json!(false)));
    env.control("serving.set", &json!({ "on": true })).await;
    env.still_serves().await;
}

#[tokio::test]
async fn a_test_request_passes_through_the_http_service() {
    let env = TestEnv::new(&["alice"]).await;
    let tried = env.control("try", &json!({ "model": "gpt-4.1", "text": "echo: does it work?" })).await;
    assert_eq!((&tried["status"], &tried["text"]), (&json!(200), &json!("does it work?")), "{tried}");
    assert_eq!((&tried["account"], &tried["attempts"]), (&json!("web-1"), &json!(1)));
    assert!(tried["duration_ms"].as_u64() >= tried["first_byte_ms"].as_u64());
    let records = env.wait_for_records(|records| !records.is_empty()).await;
    assert_eq!(records[0]["client"], "main", "it is a request like any other");
    env.set_web_fault("quota");
    let tried = env.control("try", &json!({ "model": "gpt-4.1", "text": "x" })).await;
    assert_eq!((&tried["status"], &tried["text"]), (&json!(429), &json!("")));
    assert!(tried["error"].as_str().unwrap().contains("quota"));
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn models_and_aliases_are_listed_and_change_at_once() {
    let env = TestEnv::new(&["alice"]).await;
    let alias = json!({ "name": "fast", "target": "gpt-4o-mini" });
    env.control("models.set_alias", &alias).await;
    let models = env.control("models.list", &json!({})).await;
    let fast = models.as_array().unwrap().iter().find(|model| model["id"] == "fast").unwrap().clone();
    assert_eq!((&fast["served_now"], fast["alias_of"].is_string()), (&json!(true), true), "{fast}");
    assert_eq!(env.serves_model("fast").await.header("x-mammouth-account"), Some("web-1"));
    let explained = env.control("accounts.explain", &json!({ "model": "fast" })).await;
    assert_eq!((&explained["account"], &explained["model"]), (&json!("web-1"), &json!("openai-gpt-4o-mini")));
    env.control("models.remove_alias", &json!({ "name": "fast" })).await;
    let models = env.control("models.refresh", &json!({})).await;
    assert!(models.as_array().unwrap().iter().all(|model| model["id"] != "fast"));
    let again = env.program.control("models.remove_alias", &json!({ "name": "fast" })).await;
    assert_eq!(again.error(), (404, "not_found".into()));
}

#[tokio::test]
async fn a_free_port_is_found_and_switched_to() {
    let program = demo().await;
    let free = good(&program, "port.free", json!({})).await["port"].as_u64().unwrap();
    assert_ne!(free, u64::from(program.port));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|addr| (addr.port(), taken)).unwrap();
    assert_eq!(bad(&program, "port.switch", json!({ "port": taken.0 })).await, "port_taken");
    assert_eq!(
        bad(&program, "settings.set", json!({ "name": "port", "value": taken.0 })).await,
        "fixed_by_environment"
    );
    assert_eq!(good(&program, "status", json!({})).await["address"], format!("127.0.0.1:{}", program.port));
}

#[tokio::test]
async fn l07_secrets_say_where_they_are_and_that_they_can_be_read() {
    let program = demo().await;
    let state = good(&program, "secrets.state", json!({})).await;
    assert_eq!(state, json!({ "place": "memory", "state": "open", "error": null }));
    assert_eq!(good(&program, "secrets.unlock", json!({})).await, state);
    let env = TestEnv::new(&["alice"]).await;
    let state = env.control("secrets.state", &json!({})).await;
    assert_eq!((&state["place"], &state["state"]), (&json!("keychain"), &json!("missing")));
    assert_eq!(state["error"], json!({ "what": "missing" }));
    env.control("settings.accept_terms", &json!({})).await;
    let cookie = &env.simulator.cookies()[0].1;
    let known = env.program.control("accounts.add", &json!({ "secret": cookie })).await;
    assert_eq!((known.status, &known.json()["label"]), (200, &json!("web-1")));
    assert_eq!(env.accounts().await.len(), 1);
    let options = Options::default().env("MAMMOUTH_WEB_URL", env.simulator.base_url());
    let empty = Program::start_in(tempfile::tempdir().unwrap(), None, options).await;
    empty.control("settings.accept_terms", &json!({})).await;
    let refused = empty.control("accounts.add", &json!({ "secret": cookie })).await;
    assert_eq!(refused.error(), (503, "keychain".into()), "never a silent fallback");
    assert_eq!(empty.control("accounts.list", &json!({})).await.json(), json!([]));
}
