//! Tests of the upstream address that an account was added for.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Options, Program, cli_with, question, simulator, stderr_text, stdout_text};

/// Starts a program with accounts in an encrypted file and this address of the web upstream.
async fn start(dir: TempDir, web_url: &str) -> Program {
    let options = Options::default().env("MAMMOUTH_WEB_URL", web_url);
    let settings = "secret_store = \"file\"\nsecret_key_file = \"key\"\n";
    Program::start_in(dir, None, options.settings_once(settings)).await
}

async fn account(program: &Program) -> Value {
    program.control("accounts.list", &json!({})).await.json()[0].clone()
}

#[tokio::test]
async fn s11_a_kept_account_is_sent_to_another_address_only_when_the_user_confirms_it() {
    let (first, second) = (simulator(&["alice"]).await, simulator(&["alice"]).await);
    let host = |url: String| url.trim_start_matches("http://").to_owned();
    let (old, new) = (host(first.base_url()), host(second.base_url()));
    let program = start(tempfile::tempdir().unwrap(), &first.base_url()).await;
    let args = ["accounts", "add", "--accept-terms", "--label", "mine"];
    let added = cli_with(program.dir.path(), &[], &args, &first.cookies()[0].1).await;
    assert!(added.status.success(), "{}", stderr_text(&added));

    let program = start(program.stop().await, &second.base_url()).await;
    let detail = json!({ "added_for": old, "host": new });
    let found = account(&program).await;
    assert_eq!(found["state"], "other_host");
    assert_eq!(found["advice"], json!({ "what": "confirm_host", "detail": detail }));
    let answer = program.chat(&question("hi")).await;
    assert_eq!(answer.error(), (503, "no_account".to_owned()));
    let listed = stdout_text(&program.cli(&["accounts", "list"]).await);
    let command = format!("accounts use-host LABEL {new}");
    assert!(listed.contains("mine: not confirmed for this address") && listed.contains(&command), "{listed}");
    let status = program.control("status", &json!({})).await.json();
    assert_eq!((&status["state"], &status["reason"]), (&json!("error"), &json!("other_host")));
    let checked = program.cli(&["accounts", "check"]).await;
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        stdout_text(&checked).contains(&old) && stdout_text(&checked).contains(&new),
        "{}",
        stdout_text(&checked)
    );
    let other = program.cli(&["accounts", "use-host", "mine", &old]).await;
    assert!(other.status.code() == Some(1) && stderr_text(&other).contains(&new), "{}", stderr_text(&other));
    assert_eq!(account(&program).await["state"], "other_host");
    assert_eq!(second.connections(), 0, "nothing was sent there");

    let confirmed = program.cli(&["accounts", "use-host", "mine", &new]).await;
    assert!(confirmed.status.success(), "{}", stderr_text(&confirmed));
    assert_eq!(account(&program).await["state"], "ready");
    assert_eq!(program.chat(&question("hi")).await.status, 200);
    let program = start(program.stop().await, &second.base_url()).await;
    assert_eq!(program.chat(&question("hi")).await.status, 200, "it is remembered");

    // Accounts of earlier versions have no stored address, which means Mammouth's own.
    let dir = program.stop().await;
    let path = dir.path().join("settings.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("[account_hosts]"), "{text}");
    std::fs::write(&path, text.replace("[account_hosts]", "[unknown]")).unwrap();
    let program = start(dir, &second.base_url()).await;
    assert_eq!(account(&program).await["advice"]["detail"]["added_for"], "mammouth.ai");
}
