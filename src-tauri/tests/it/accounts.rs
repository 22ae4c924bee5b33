//! Tests of accounts: limits per model family, state that survives a restart, account selection and its
//! reasons.

use mock_upstream::MockAccount;
use serde_json::{Value, json};

use crate::support::{Options, Program, TestEnv, question, retry_after, simulator_with, wait_retry_after};

fn ask(model: &str, text: &str) -> Value {
    let mut request = question(&format!("echo: {text}"));
    request["model"] = model.into();
    request
}

async fn one_call_left(options: Options) -> TestEnv {
    let simulator = simulator_with(vec![MockAccount::web("alice").with_limit(1)]).await;
    let program = Program::start_with(&simulator, options).await;
    TestEnv { simulator, program }
}

#[tokio::test]
async fn a_limit_holds_for_its_family_and_unlimited_models_go_on() {
    let env = one_call_left(Options::default()).await;
    assert_eq!(env.program.chat(&ask("gpt-4.1", "a")).await.status, 200);
    let refused = env.program.chat(&ask("gpt-5", "b")).await;
    assert_eq!(refused.error(), (429, "insufficient_quota".into()));
    let window = 3 * 60 * 60;
    assert!((window - 60..=window).contains(&retry_after(&refused).unwrap()), "{:?}", refused.headers);
    assert_eq!(env.account_state("web-1").await, "limited openai");
    assert_eq!(env.program.chat(&ask("claude-sonnet-4-20250514", "c")).await.status, 200);
    for n in 0..3 {
        assert_eq!(env.program.chat(&ask("gpt-4o-mini", &n.to_string())).await.status, 200);
    }
    assert_eq!(env.program.chat(&ask("o4-mini", "d")).await.status, 429);
    assert_eq!(env.model_calls().len(), 6, "a limited family is not asked again");
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn the_settings_say_which_models_are_unlimited() {
    let env = one_call_left(Options::default().settings("unlimited_models = [\"openai-gpt-5\"]\n")).await;
    assert_eq!(env.program.chat(&ask("gpt-4.1", "a")).await.status, 200);
    assert_eq!(env.program.chat(&ask("gpt-4.1", "b")).await.status, 429);
    assert_eq!(env.program.chat(&ask("gpt-4o-mini", "c")).await.status, 429, "not in the list any more");
    assert_eq!(env.model_calls().len(), 2);
    assert_eq!(env.program.chat(&ask("gpt-5", "d")).await.status, 429);
    assert_eq!(env.model_calls().len(), 3, "asked all the same, since the list says so");
    assert_eq!(env.account_state("web-1").await, "limited openai openai-gpt-5");
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn what_is_known_of_an_account_outlives_a_restart() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    env.set_account_fault("alice", "quota header=Retry-After:900");
    assert_eq!(env.program.chat(&ask("gpt-4.1", "a")).await.status, 200);
    env.set_account_fault("carol", "bad-cookie");
    assert_eq!(env.program.chat(&ask("grok-3", "b")).await.status, 200, "carol, and then alice");
    env.set_web_fault("status=429 header=Retry-After:600");
    assert_eq!(env.program.chat(&ask("gpt-4.1", "c")).await.status, 429);
    let states = ["limited openai", "limited", "needs_login"];
    for (n, state) in states.iter().enumerate() {
        assert_eq!(&env.account_state(&format!("web-{}", n + 1)).await, state);
    }
    env.clear_faults();
    env.simulator.clear_calls();
    let env = env.restart().await;
    for (n, state) in states.iter().enumerate() {
        assert_eq!(&env.account_state(&format!("web-{}", n + 1)).await, state, "after the restart");
    }
    let refused = env.program.chat(&ask("gpt-4.1", "d")).await;
    assert_eq!(refused.error(), (429, "rate_limit_exceeded".into()));
    assert!((500..=660).contains(&retry_after(&refused).unwrap()), "{:?}", refused.headers);
    assert_eq!(env.model_calls().len(), 0, "nobody is asked before the time");
    env.serves_model("grok-3").await;
    assert_eq!(env.accounts_called(), ["alice"]);
}

#[tokio::test]
async fn f06_a_pause_without_a_named_time_is_short_and_ends_by_itself() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("status=429");
    let refused = env.program.chat(&ask("gpt-4.1", "a")).await;
    assert_eq!((refused.status, retry_after(&refused)), (429, Some(1)));
    env.clear_faults();
    wait_retry_after(&refused).await;
    env.still_serves().await;
    assert_eq!(env.account_state("web-1").await, "ready");
}

/// Sends some conversations. Returns the accounts that served them, and the selection reason of the last one.
async fn accounts_picked(env: &TestEnv, texts: &[&str]) -> (String, Value) {
    env.simulator.clear_calls();
    let mut why = Value::Null;
    for text in texts {
        let answer = env.program.chat(&ask("gpt-4.1", text)).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        let record = env.record_of(&answer.headers).await;
        why = record["attempts"][0]["why"].clone();
    }
    (env.accounts_called().join(" "), why)
}

async fn enable(env: &TestEnv, label: &str, enabled: bool) {
    env.control("accounts.enable", &json!({ "label": label, "enabled": enabled })).await;
}

#[tokio::test]
async fn balance_takes_turns_and_a_conversation_stays() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    let (who, why) = accounts_picked(&env, &["1", "2", "3", "4"]).await;
    assert_eq!(who, "alice bob carol alice");
    assert_eq!(why["by"], "balance", "{why}");
    let (who, why) = accounts_picked(&env, &["2", "2", "3", "2"]).await;
    assert_eq!(who, "bob bob carol bob");
    assert_eq!(why["by"], "conversation", "{why}");
    enable(&env, "web-2", false).await;
    assert_eq!(env.account_state("web-2").await, "disabled");
    let (who, why) = accounts_picked(&env, &["2"]).await;
    assert_ne!(who, "bob", "a conversation does not hold on to an account that is out");
    assert_eq!(why["disabled"], 1, "{why}");
    env.still_serves().await;
}

#[tokio::test]
async fn a_conversation_is_known_by_its_beginning() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    let mut talk = json!({ "model": "gpt-4.1", "messages": [
        { "role": "system", "content": "Be short." }, { "role": "user", "content": "first" },
    ] });
    for turn in 0..4 {
        assert_eq!(env.program.chat(&talk).await.status, 200);
        assert_eq!(env.program.chat(&question(&format!("another {turn}"))).await.status, 200);
        let messages = talk["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": "assistant", "content": format!("answer {turn}") }));
        messages.push(json!({ "role": "user", "content": format!("question {turn}") }));
    }
    let whose: Vec<String> = env.accounts_called().into_iter().step_by(2).collect();
    assert_eq!(whose, ["alice"; 4]);
    env.still_serves().await;
}

#[tokio::test]
async fn fill_first_uses_up_one_account_before_the_next() {
    let env =
        TestEnv::with_options(&["alice", "bob"], Options::default().settings("strategy = \"fill-first\"\n"))
            .await;
    let (who, why) = accounts_picked(&env, &["1", "2", "3"]).await;
    assert_eq!(who, "alice alice alice");
    assert_eq!(why["by"], "fill_first", "{why}");
    env.set_account_fault("alice", "quota");
    assert_eq!(accounts_picked(&env, &["4", "5"]).await.0, "alice bob bob");
    env.still_serves().await;
}

#[tokio::test]
async fn reset_soonest_uses_up_the_window_that_began_first() {
    let options = Options::default().settings("strategy = \"reset-soonest\"\n");
    let env = TestEnv::with_options(&["alice", "bob"], options).await;
    enable(&env, "web-1", false).await;
    assert_eq!(accounts_picked(&env, &["1"]).await.0, "bob");
    enable(&env, "web-1", true).await;
    let (who, why) = accounts_picked(&env, &["2", "3"]).await;
    assert_eq!(who, "bob bob");
    assert_eq!(why["by"], "reset_soonest", "{why}");
    env.still_serves().await;
}

#[tokio::test]
async fn a_lighter_model_than_asked_for_is_noticed() {
    let env = TestEnv::new(&["alice"]).await;
    env.set_web_fault("downgrade=anthropic-claude-haiku");
    let answer = env.program.chat(&ask("claude-sonnet-4-20250514", "hi")).await;
    assert_eq!(answer.text(), "hi");
    assert_eq!(answer.header("x-mammouth-model"), Some("anthropic-claude-haiku"));
    assert_eq!(env.record_of(&answer.headers).await["model_served"], "anthropic-claude-haiku");
    let downgrades = env.accounts().await[0]["downgrades"].clone();
    assert_eq!(downgrades, json!([["anthropic", "anthropic-claude-haiku"]]));
    env.clear_faults();
    assert_eq!(env.program.chat(&ask("claude-sonnet-4-20250514", "hi")).await.status, 200);
    assert_eq!(env.accounts().await[0]["downgrades"], json!([]));
    env.still_serves().await;
}

#[tokio::test]
async fn without_an_account_that_can_serve_the_reason_is_told() {
    let nobody = |options| async { Program::start_in(tempfile::tempdir().unwrap(), None, options).await };
    let none = nobody(Options::default()).await.chat(&question("hello")).await;
    assert_eq!(none.error(), (503, "no_account".into()));
    let only_web =
        Options::default().env("API_KEYS", "sk-canary-0123456789").settings("prefer = \"only-web\"");
    // No upstream call is made: the catalog is not fetched for a key that may not serve.
    let keys = nobody(only_web).await;
    let answer = keys.chat(&question("hello")).await;
    assert_eq!(answer.error(), (503, "no_account".into()));
    assert!(answer.json()["error"]["message"].as_str().unwrap().contains("web-session"));
    let listed = keys.cli(&["accounts", "list"]).await;
    assert_eq!(String::from_utf8(listed.stdout).unwrap().trim(), "api-1: ready");
}

#[tokio::test]
async fn accounts_are_listed_with_label_kind_and_state_and_without_secrets() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    let accounts = env.accounts().await;
    for (account, label) in accounts.iter().zip(["web-1", "web-2"]) {
        assert_eq!((&account["label"], &account["kind"]), (&json!(label), &json!("web")));
        assert_eq!((&account["state"], &account["origin"]), (&json!("ready"), &json!("environment")));
    }
    assert!(!json!(accounts).to_string().contains("session"));
    let check = env.control("accounts.check", &json!({ "label": "web-2" })).await;
    assert_eq!((&check[0]["ok"], &check[0]["email"]), (&json!(true), &json!("bob@simulator.invalid")));
    env.still_serves().await;
}
