//! Tests of the program with a real GNOME Keyring: its entries, and a keyring that is locked, absent, hung or
//! corrupt. Tests with a clock, such as the interval between two checks, are in `app/secret_loader/tests.rs`.

use std::collections::HashSet;

use mock_upstream::MockUpstream;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{
    Answer, KEY, KeyringSession, Options, Program, cli_with, question, simulator, stderr_text, stdout_text,
    wait_until,
};

/// Options without cookies in the environment: all accounts come from the keyring.
fn options(session: &KeyringSession, simulator: &MockUpstream) -> Options {
    session.options().without_defaults().arg("--port").arg("0").env("MAMMOUTH_WEB_URL", simulator.base_url())
}

async fn start(dir: TempDir, session: &KeyringSession, simulator: &MockUpstream) -> Program {
    Program::start_in(dir, None, options(session, simulator)).await
}

/// The main key, as shown to the user.
async fn revealed(program: &Program) -> String {
    stdout_text(&program.cli(&["keys", "list", "--reveal"]).await).trim().to_owned()
}

async fn ask(program: &Program, key: &str) -> Answer {
    let request = program.http.post(format!("{}/v1/chat/completions", program.base)).bearer_auth(key);
    let body = question("hi").to_string();
    Answer::of(request.header("content-type", "application/json").body(body).send().await).await
}

async fn add(program: &Program, label: &str, cookie: &str) -> Result<(), String> {
    let added =
        cli_with(program.dir.path(), &[], &["accounts", "add", "--accept-terms", "--label", label], cookie)
            .await;
    if added.status.success() { Ok(()) } else { Err(stderr_text(&added)) }
}

/// State of each account, by label.
async fn states(program: &Program) -> Vec<(String, String)> {
    let list = program.control("accounts.list", &json!({})).await.json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|a| (text(&a["label"]), text(&a["state"]))).collect()
}

async fn until_all_are(program: &Program, state: &str) {
    wait_until(state, async || states(program).await.iter().all(|(_, now)| now == state)).await;
}

/// A data directory with one account in the keyring, and the main key.
async fn used(session: &KeyringSession, simulator: &MockUpstream) -> (TempDir, String) {
    let program = start(tempfile::tempdir().unwrap(), session, simulator).await;
    let key = revealed(&program).await;
    add(&program, "mine", &simulator.cookies()[0].1).await.unwrap();
    (program.stop().await, key)
}

#[tokio::test]
async fn what_is_kept_is_the_same_after_a_restart() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice", "bob"]).await);
    let (dir, key) = used(&session, &simulator).await;
    let program = start(dir, &session, &simulator).await;
    assert_eq!(revealed(&program).await, key);
    until_all_are(&program, "ready").await;
    let answer = ask(&program, &key).await;
    assert_eq!((answer.status, answer.header("x-mammouth-account")), (200, Some("mine")));
    let names: HashSet<String> = session.entries().await.into_keys().collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains("client-key:main"));
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn an_account_is_checked_kept_once_and_removed_whole() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice", "bob"]).await);
    let cookies = simulator.cookies();
    let program = start(tempfile::tempdir().unwrap(), &session, &simulator).await;
    revealed(&program).await;
    add(&program, "nobody", "not-a-session-of-anybody").await.unwrap_err();
    assert_eq!(session.entries().await.len(), 1, "what Mammouth does not know is not kept");
    add(&program, "mine", &cookies[0].1).await.unwrap();
    let kept = session.entries().await;
    assert!(kept.values().any(|value| value == cookies[0].1.as_bytes()));
    add(&program, "again", &cookies[0].1).await.expect("a known account is told, not kept twice");
    assert!(add(&program, "mine", &cookies[1].1).await.unwrap_err().contains("already"));
    assert_eq!(session.entries().await, kept);
    let settings = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    assert!(settings.contains("\"mine\"") && !settings.contains("again"), "{settings}");
    assert!(!settings.contains(&cookies[0].1));
    assert!(program.cli(&["accounts", "remove", "mine"]).await.status.success());
    assert_eq!(session.entries().await.into_keys().collect::<Vec<_>>(), ["client-key:main"]);
    let program = start(program.stop().await, &session, &simulator).await;
    assert!(states(&program).await.is_empty());
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f45_a_locked_keychain_is_named_asked_once_and_read_when_it_opens() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice"]).await);
    let (dir, key) = used(&session, &simulator).await;
    session.lock().await;
    let calls = session.record_calls().await;
    let program = start(dir, &session, &simulator).await;
    until_all_are(&program, "locked").await;
    assert_eq!(calls.count("Prompt").await, 1, "one password window, at the start");

    let answer = ask(&program, &key).await;
    assert_eq!(answer.error(), (503, "no_account".to_owned()), "and not 401: the key is known by its digest");
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("locked"));
    let status = stdout_text(&program.cli(&["status"]).await);
    assert!(status.contains("mine: locked") && status.contains("Unlock it"), "{status}");

    let looks = calls.count("ReadAlias").await;
    wait_until("looked at twice more", async || calls.count("ReadAlias").await >= looks + 2).await;
    assert_eq!(calls.count("Prompt").await, 1, "looking opens no window");
    let check = program.cli(&["accounts", "check"]).await;
    assert_eq!(check.status.code(), Some(1));
    assert!(
        stdout_text(&check).contains("locked") && stdout_text(&check).contains("Unlock it"),
        "{}",
        stdout_text(&check)
    );
    assert_eq!(calls.count("Prompt").await, 2, "the user asked for it");

    session.unlock().await;
    until_all_are(&program, "ready").await;
    assert_eq!(ask(&program, &key).await.status, 200);
    assert_eq!(revealed(&program).await, key);
    assert_eq!(calls.count("Prompt").await, 2);
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f45_a_key_made_while_the_keychain_was_locked_is_kept_when_it_opens() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice"]).await);
    session.lock().await;
    let program = start(tempfile::tempdir().unwrap(), &session, &simulator).await;
    let key = revealed(&program).await;
    assert!(key.starts_with("mp-"));
    assert!(stdout_text(&program.cli(&["status"]).await).contains("ends with this run"));
    session.unlock().await;
    wait_until("kept", async || !session.entries().await.is_empty()).await;
    assert_eq!(session.entries().await["client-key:main"], key.as_bytes());
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f46_a_keychain_that_comes_later_or_comes_back_is_found() {
    let mut session = KeyringSession::start().await;
    let simulator = simulator(&["alice", "bob"]).await;
    let (dir, key) = used(&session, &simulator).await;
    session.kill_keyring().await;
    let program = start(dir, &session, &simulator).await;
    until_all_are(&program, "unreadable").await;
    let answer = ask(&program, &key).await;
    assert_eq!(answer.error(), (503, "no_account".to_owned()));
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("no keychain"));
    session.start_keyring().await;
    until_all_are(&program, "ready").await;
    assert_eq!(ask(&program, &key).await.status, 200);

    session.kill_keyring().await;
    assert_eq!(ask(&program, &key).await.status, 200, "what is read is not read again");
    session.start_keyring().await;
    add(&program, "second", &simulator.cookies()[1].1).await.unwrap();
    assert_eq!(session.entries().await.len(), 3);
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f46_a_bus_without_a_keychain_is_said() {
    let session = KeyringSession::without_keyring().await;
    let simulator = simulator(&["alice"]).await;
    let program = start(tempfile::tempdir().unwrap(), &session, &simulator).await;
    let refused = add(&program, "mine", &simulator.cookies()[0].1).await.unwrap_err();
    assert!(refused.contains("no keychain") && refused.contains("secret_store"), "{refused}");
    assert!(states(&program).await.is_empty());
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f47_f60_a_hung_keychain_delays_nobody_at_the_start_and_is_read_once_when_it_goes_on() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice", "bob"]).await);
    let (dir, key) = used(&session, &simulator).await;
    session.signal("STOP").await;
    let calls = session.record_calls().await;
    let program = start(dir, &session, &simulator).await;
    let clients = (0..50).map(|_| ask(&program, &key));
    for answer in futures_util::future::join_all(clients).await {
        // The state is 'starting' for three seconds; a slow machine may be past them.
        let (status, code) = answer.error();
        assert!(status == 503 && ["starting", "no_account"].contains(&code.as_str()), "{code}");
        if code == "starting" {
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    until_all_are(&program, "unreadable").await;
    let status = stdout_text(&program.cli(&["status"]).await);
    assert!(status.contains("did not answer in time"), "{status}");
    session.signal("CONT").await;
    until_all_are(&program, "ready").await;
    assert_eq!(ask(&program, &key).await.status, 200);
    assert_eq!(revealed(&program).await, key);
    // The hung call may have timed out after its start; clients start no further calls.
    assert!(calls.count("GetSecret").await <= 3, "{}", calls.count("GetSecret").await);
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f47_loaded_secrets_serve_while_the_keychain_hangs() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice", "bob"]).await);
    let (dir, key) = used(&session, &simulator).await;
    let program = start(dir, &session, &simulator).await;
    until_all_are(&program, "ready").await;
    revealed(&program).await;
    session.signal("STOP").await;
    let cookie = &simulator.cookies()[1].1;
    let refused = {
        let mut adding = std::pin::pin!(add(&program, "second", cookie));
        loop {
            tokio::select! {
                added = &mut adding => break added.unwrap_err(),
                answer = ask(&program, &key) => assert_eq!(answer.status, 200),
            }
        }
    };
    assert!(refused.contains("did not answer in time"), "{refused}");
    session.signal("CONT").await;
    wait_until("added", async || add(&program, "second", cookie).await.is_ok()).await;
    until_all_are(&program, "ready").await;
    assert_eq!(states(&program).await.len(), 2);
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f48_an_entry_that_is_gone_or_garbage_needs_a_login_and_is_never_sent() {
    let simulator = simulator(&["gone", "binary", "text", "empty", "twice", "good"]).await;
    let session = KeyringSession::start().await;
    let program = start(tempfile::tempdir().unwrap(), &session, &simulator).await;
    let key = revealed(&program).await;
    for (label, cookie) in simulator.cookies() {
        add(&program, &label, &cookie).await.unwrap();
    }
    let list = program.control("accounts.list", &json!({})).await.json();
    let entry = |at: usize| format!("account:{}", list[at]["id"].as_str().unwrap());
    let dir = program.stop().await;
    session.delete(&entry(0)).await;
    session.overwrite(&entry(1), &[0xff, 0xfe]).await;
    session.overwrite(&entry(2), b"canary-of-somebody-else").await;
    session.overwrite(&entry(3), b"").await;
    session.duplicate(&entry(4), b"canary-of-a-backup").await;

    let program = start(dir, &session, &simulator).await;
    wait_until("read", async || states(&program).await.iter().all(|(_, state)| state != "starting")).await;
    let mut now = states(&program).await;
    now.sort();
    let expected = [
        ("binary", "needs_login"),
        ("empty", "needs_login"),
        ("gone", "needs_login"),
        ("good", "ready"),
        ("text", "needs_login"),
        ("twice", "needs_login"),
    ];
    assert_eq!(now, expected.map(|(label, state)| (label.to_owned(), state.to_owned())));
    let before = simulator.calls().len();
    for _ in 0..3 {
        assert_eq!(ask(&program, &key).await.header("x-mammouth-account"), Some("good"));
    }
    let check = stdout_text(&program.cli(&["accounts", "check"]).await);
    assert!(check.contains("text: not ok") && check.contains("add it again"), "{check}");
    assert!(simulator.calls()[before..].iter().all(|call| call.account.as_deref() == Some("good")));
    for label in ["gone", "binary", "text", "empty", "twice"] {
        let removed = program.cli(&["accounts", "remove", label]).await;
        assert!(removed.status.success(), "{}", stderr_text(&removed));
    }
    assert_eq!(session.entries().await.len(), 2);
    add(&program, "gone", &simulator.cookies()[0].1).await.unwrap();
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn f45_a_refused_addition_or_removal_changes_nothing() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice", "bob"]).await);
    let (dir, key) = used(&session, &simulator).await;
    let program = start(dir, &session, &simulator).await;
    until_all_are(&program, "ready").await;
    session.lock().await;
    let before = std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap();
    let refused = add(&program, "second", &simulator.cookies()[1].1).await.unwrap_err();
    assert!(refused.contains("locked"), "{refused}");
    let removed = program.cli(&["accounts", "remove", "mine"]).await;
    assert!(stderr_text(&removed).contains("locked"), "{}", stderr_text(&removed));
    assert_eq!(std::fs::read_to_string(program.dir.path().join("settings.toml")).unwrap(), before);
    assert_eq!(ask(&program, &key).await.status, 200);
    session.unlock().await;
    assert_eq!(session.entries().await.len(), 2);
    program.stop().await;
    session.end().await;
}

#[tokio::test]
async fn a_chosen_file_keeps_accounts_and_key_without_a_keychain() {
    let simulator = simulator(&["alice"]).await;
    let cookie = &simulator.cookies()[0].1;
    let keys = tempfile::tempdir().unwrap();
    let key_file = keys.path().join("proxy.key").display().to_string();
    let options = || {
        let options =
            Options::default().without_defaults().arg("--port").arg("0").settings("secret_store = \"file\"");
        options.env("SECRET_KEY_FILE", key_file.as_str()).env("MAMMOUTH_WEB_URL", simulator.base_url())
    };
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start_in(dir, None, options()).await;
    let env = [("SECRET_KEY_FILE", key_file.as_str())];
    let cli = async |dir: &TempDir, args: &[&str], stdin: &str| cli_with(dir.path(), &env, args, stdin).await;
    let key = stdout_text(&cli(&program.dir, &["keys", "list", "--reveal"], "").await).trim().to_owned();
    let added = cli(&program.dir, &["accounts", "add", "--accept-terms", "--label", "mine"], cookie).await;
    assert!(added.status.success(), "{}", stderr_text(&added));
    let dir = program.stop().await;
    let settings = std::fs::read_to_string(dir.path().join("settings.toml")).unwrap();
    let sealed = std::fs::read(dir.path().join("secrets.sealed")).unwrap();
    for secret in [cookie.as_bytes(), key.as_bytes()] {
        assert!(!sealed.windows(secret.len()).any(|bytes| bytes == secret));
    }

    let again = || Options { settings: Some(settings.clone()), ..options() };
    let program = Program::start_in(dir, None, again()).await;
    until_all_are(&program, "ready").await;
    assert_eq!(ask(&program, &key).await.header("x-mammouth-account"), Some("mine"));
    let dir = program.stop().await;

    std::fs::remove_file(&key_file).unwrap();
    let program = Program::start_in(dir, None, again()).await;
    until_all_are(&program, "unreadable").await;
    let refused = ask(&program, &key).await;
    assert_eq!(refused.error(), (503, "no_account".to_owned()));
    let doctor = stdout_text(&cli(&program.dir, &["doctor"], "").await);
    assert!(doctor.contains("file of secrets: The key of the file of secrets cannot be used"), "{doctor}");
    assert!(!keys.path().join("proxy.key").exists(), "a new key would be of no use");
    assert_eq!(std::fs::read(program.dir.path().join("secrets.sealed")).unwrap(), sealed);
    program.stop().await;
}

/// Checks that accounts of the environment do not wait for a keychain.
#[tokio::test]
async fn f47_accounts_of_the_environment_do_not_wait_for_a_keychain() {
    let (session, simulator) = (KeyringSession::start().await, simulator(&["alice"]).await);
    session.signal("STOP").await;
    let program = Program::start_with(&simulator, session.options()).await;
    assert_eq!(ask(&program, KEY).await.status, 200);
    program.stop().await;
    session.end().await;
}
