//! Tests with accounts of both kinds: selection for a model, and failover when one kind is unavailable.

use serde_json::json;

use crate::support::{DIALECT_CLIENTS, Options, TestEnv, Upstream, question, streamed};

fn prefer(setting: &str) -> Options {
    Options::default().settings(&format!("prefer = \"{setting}\""))
}

async fn server(env: &TestEnv, model: &str) -> String {
    let mut request = question(&format!("echo: {model}"));
    request["model"] = json!(model);
    let answer = env.program.chat(&request).await;
    match answer.header("x-mammouth-account") {
        Some(account) => account.to_owned(),
        None => format!("{} {}", answer.error().0, answer.error().1),
    }
}

#[tokio::test]
async fn the_setting_decides_who_serves_what_both_kinds_have() {
    for (setting, both) in [("api", "api-1"), ("web", "web-1"), ("only-api", "api-1"), ("only-web", "web-1")]
    {
        let env = TestEnv::mixed(&["alice"], &["dora"], prefer(setting)).await;
        assert_eq!(server(&env, "gpt-4.1").await, both, "{setting}");
        env.still_serves().await;
    }
}

#[tokio::test]
async fn a_model_goes_to_the_kind_that_has_it() {
    let env = TestEnv::mixed(&["alice"], &["dora"], prefer("api")).await;
    assert_eq!(server(&env, "gpt-4.1").await, "api-1");
    assert_eq!(server(&env, "grok-3").await, "web-1", "the catalogue has none");
    assert_eq!(server(&env, "openai-gpt-5").await, "web-1", "the site's own id");
    assert_eq!(server(&env, "deepseek-v3.1").await, "api-1");
    assert_eq!(
        server(&env, "somebody-new").await,
        "web-1",
        "the API knows no such model, so the next is asked"
    );
    let web = TestEnv::mixed(&["alice"], &["dora"], prefer("web")).await;
    assert_eq!(server(&web, "deepseek-v3.1").await, "api-1");
    web.still_serves().await;
}

#[tokio::test]
async fn f01_one_kind_takes_over_from_the_other() {
    let env = TestEnv::mixed(&["alice"], &["dora"], prefer("api")).await;
    for fault in ["quota", "bad-cookie", "status=500"] {
        let env = TestEnv::mixed(&["alice"], &["dora"], prefer("api")).await;
        env.set_api_fault(fault);
        for request in [question("echo: hi"), streamed("echo: hi")] {
            let answer = env.program.chat(&request).await;
            assert_eq!((answer.status, answer.header("x-mammouth-account")), (200, Some("web-1")), "{fault}");
        }
        env.assert_no_protocol_error();
    }
    env.set_web_fault("quota");
    assert_eq!(server(&env, "gpt-4.1").await, "api-1");
    let only = TestEnv::mixed(&["alice"], &["dora"], prefer("only-api")).await;
    only.set_api_fault("quota");
    assert_eq!(server(&only, "gpt-4.1").await, "429 insufficient_quota");
}

#[tokio::test]
async fn f07_a_host_that_is_down_does_not_close_the_other() {
    let env = TestEnv::mixed(&["alice"], &["dora"], prefer("api")).await;
    env.set_api_fault("body=challenge");
    assert_eq!(server(&env, "gpt-4.1").await, "503 upstream_challenge");
    assert_eq!(env.account_state("api-1").await, "unreachable");
    assert_eq!(server(&env, "gpt-4.1").await, "web-1");
    assert_eq!(env.account_state("web-1").await, "ready");
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn a_wish_that_only_an_api_can_honour_never_goes_to_a_session() {
    let mut request = question("echo: hi");
    request["n"] = json!(2);
    let env = TestEnv::mixed(&["alice"], &["dora"], prefer("web")).await;
    assert_eq!(env.program.chat(&request).await.header("x-mammouth-account"), Some("api-1"));
    env.set_api_fault("quota");
    assert_eq!(env.program.chat(&request).await.error(), (429, "insufficient_quota".into()));
    let web = TestEnv::new(&["alice"]).await;
    assert_eq!(web.program.chat(&request).await.error(), (400, "unsupported_parameter".into()));
    web.still_serves().await;
}

#[tokio::test]
async fn an_effort_in_the_models_name_is_named_where_a_session_answers() {
    for spoken in DIALECT_CLIENTS {
        for upstream in Upstream::BOTH {
            let env = upstream.one_account(Options::default()).await;
            let mut request = (spoken.ask)("echo: hi");
            request["model"] = json!("gpt-5:high");
            let answer = env.program.post(spoken.path, &request).await;
            let what = format!("{upstream:?} {}: {:?}", spoken.path, answer.body);
            assert_eq!((spoken.text)(&answer.json()), "hi", "{what}");
            let named = answer.header("x-mammouth-ignored");
            assert_eq!(named, (upstream == Upstream::Web).then_some("model.effort"), "{what}");
            let sent = env.model_calls()[0].fields.get("reasoning_effort").cloned();
            assert_eq!(sent, (upstream == Upstream::Api).then(|| json!("high")), "{what}");
        }
    }
}

#[tokio::test]
async fn what_a_session_cannot_honour_is_named() {
    let env = TestEnv::mixed(&["alice"], &["dora"], prefer("web")).await;
    let mut request = question("echo: hi");
    request["temperature"] = json!(0.2);
    let web = env.program.chat(&request).await;
    assert_eq!(web.header("x-mammouth-ignored"), Some("temperature"));
    request["model"] = json!("deepseek-v3.1");
    let api = env.program.chat(&request).await;
    assert_eq!((api.header("x-mammouth-account"), api.header("x-mammouth-ignored")), (Some("api-1"), None));
    env.still_serves().await;
}
