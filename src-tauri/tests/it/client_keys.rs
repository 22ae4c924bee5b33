//! Tests of client keys with and without a GNOME Keyring: which keys can be shown, and what remains of a
//! revoked one.

use serde_json::{Value, json};

use crate::support::{
    Answer, KeyringSession, Options, Program, question, simulator, stderr_text, stdout_text,
};

async fn listed(program: &Program, name: &str, reveal: bool) -> Value {
    let keys = program.control("keys.list", &json!({ "reveal": reveal })).await.json();
    keys.as_array().unwrap().iter().find(|key| key["name"] == name).unwrap().clone()
}

async fn status(program: &Program, key: &str) -> u16 {
    let request = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(key);
    let body = question("hi").to_string();
    Answer::of(request.header("content-type", "application/json").body(body).send().await).await.status
}

fn settings(program: &Program) -> String {
    std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap()
}

#[tokio::test]
async fn a_named_key_can_be_shown_over_a_restart_until_it_is_revoked() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice"]).await);
    let options = || session.options();
    let program = Program::start_in(tempfile::tempdir().unwrap(), Some(&simulator), options()).await;
    let added = program.cli(&["keys", "add", "zed"]).await;
    assert!(stderr_text(&added).contains("shows this key again"), "{}", stderr_text(&added));
    let key = stdout_text(&added).trim().to_owned();
    assert_eq!(listed(&program, "zed", false).await["key"], json!(null));
    assert!(!settings(&program).contains(&key));

    let program = Program::start_in(program.stop().await, Some(&simulator), options()).await;
    let zed = listed(&program, "zed", true).await;
    assert_eq!((&zed["key"], &zed["can_show"]), (&json!(key), &json!(true)));
    assert_eq!(stdout_text(&program.cli(&["keys", "list", "--reveal", "zed"]).await).trim(), key);
    assert_eq!(program.cli(&["keys", "list", "--reveal", "none"]).await.status.code(), Some(1));
    assert_eq!(status(&program, &key).await, 200);

    assert!(program.cli(&["keys", "revoke", "zed"]).await.status.success());
    assert_eq!(status(&program, &key).await, 401);
    assert!(!session.entries().await.contains_key("client-key:zed"));
    assert!(!settings(&program).contains("zed"));
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f45_a_locked_keychain_is_why_a_named_key_cannot_be_shown_now() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice"]).await);
    let options = session.options();
    let program = Program::start_in(tempfile::tempdir().unwrap(), Some(&simulator), options).await;
    let key = stdout_text(&program.cli(&["keys", "add", "zed"]).await).trim().to_owned();
    session.lock().await;
    let zed = listed(&program, "zed", true).await;
    assert_eq!((&zed["key"], &zed["can_show"]), (&json!(null), &json!(true)));
    assert!(zed["origin"].as_str().unwrap().contains("locked"), "{zed}");
    assert_eq!(status(&program, &key).await, 200);
    session.unlock().await;
    assert_eq!(listed(&program, "zed", true).await["key"], json!(key));
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn l07_without_a_keychain_a_named_key_is_shown_once_and_lasts() {
    let simulator = simulator(&["alice"]).await;
    let program = Program::start(&simulator).await;
    let added = program.cli(&["keys", "add", "zed"]).await;
    let key = stdout_text(&added).trim().to_owned();
    assert!(stderr_text(&added).contains("shown only now"), "{}", stderr_text(&added));
    let zed = listed(&program, "zed", true).await;
    assert_eq!((&zed["key"], &zed["can_show"]), (&json!(null), &json!(false)));
    assert!(!settings(&program).contains(&key));
    let program = Program::start_in(program.stop().await, Some(&simulator), Options::default()).await;
    assert_eq!(status(&program, &key).await, 200);
    let revealed = program.cli(&["keys", "list", "--reveal", "zed"]).await;
    assert_eq!(stdout_text(&revealed), "");
    assert!(stderr_text(&revealed).contains("cannot be shown again"), "{}", stderr_text(&revealed));
}

/// Checks a key of which only the digest is stored, as earlier versions did.
#[tokio::test]
async fn a_key_with_a_digest_only_stays_valid_and_cannot_be_shown() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice"]).await);
    let key = "mp-0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    let options = session.options();
    let hex: String = gateway::auth::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
    let options = options.settings(&format!("[client_keys]\nold = \"{hex}\"\n"));
    let program = Program::start_in(tempfile::tempdir().unwrap(), Some(&simulator), options).await;
    assert_eq!(status(&program, key).await, 200);
    let old = listed(&program, "old", true).await;
    assert_eq!((&old["key"], &old["can_show"]), (&json!(null), &json!(false)));
    assert!(program.cli(&["keys", "revoke", "old"]).await.status.success());
    assert_eq!(status(&program, key).await, 401);
    program.stop().await;
    session.end().await;
}
