//! Tests of Claude Code's requirements for a gateway: <https://code.claude.com/docs/en/llm-gateway-protocol>.

use serde_json::{Value, json};

use crate::support::{Answer, KEY, TestEnv};

const AGENT: &str = "claude-cli/2.1.280 (external, cli)";
const HEADERS: [(&str, &str); 6] = [
    ("x-claude-code-session-id", "5f0c1a2b-3c4d-4e5f-8a9b-0c1d2e3f4a5b"),
    ("x-claude-code-agent-type", "Explore"),
    ("x-claude-code-request-class", "subagent"),
    ("x-claude-code-prev-tool-durations", "Bash=742"),
    ("x-stainless-os", "Linux"),
    ("x-app", "cli"),
];

fn question(model: &str) -> Value {
    json!({ "model": model, "max_tokens": 100, "messages": [{ "role": "user", "content": "echo: hi" }],
        "system": [{ "type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.280; cch=00000;" },
                   { "type": "text", "text": "You are Claude Code." }] })
}

/// Sends a request as Claude Code does, with all of its headers.
async fn send(request: reqwest::RequestBuilder) -> Answer {
    let request = request.header("user-agent", AGENT).header("anthropic-version", "2023-06-01");
    let request = HEADERS.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    Answer::of(request.send().await).await
}

async fn ask(env: &TestEnv, body: &Value) -> Answer {
    let request = env.program.http.post(format!("{}/v1/messages?beta=true", env.program.base));
    send(request.bearer_auth(KEY).header("content-type", "application/json").body(body.to_string())).await
}

async fn get(env: &TestEnv, path: &str) -> Answer {
    send(env.program.http.get(format!("{}{path}", env.program.base)).bearer_auth(KEY)).await
}

#[tokio::test]
async fn session_agent_and_purpose_are_in_the_log_and_can_be_searched_and_nothing_of_it_goes_out() {
    for env in [TestEnv::new(&["alice"]).await, TestEnv::with_api_account().await] {
        assert_eq!(ask(&env, &question("gpt-4.1")).await.status, 200);
        let record = env.program.wait_for_record_count(1).await[0].clone();
        assert_eq!(record["program"], "claude-code");
        assert_eq!(record["session"], HEADERS[0].1);
        assert_eq!((&record["agent"], &record["request_class"]), (&json!("Explore"), &json!("subagent")));
        for text in ["5f0c1a2b", "explore", "claude-code", "subagent"] {
            let found = env.control("log.count", &json!({ "text": text })).await;
            assert_eq!(found, 1, "{text}");
        }
        for call in env.simulator.calls() {
            for (name, value) in &call.headers {
                let is_foreign = ["x-claude", "x-stainless", "x-app", "anthropic-"]
                    .iter()
                    .any(|start| name.starts_with(start));
                assert!(!is_foreign && !value.contains("claude-cli"), "{name}: {value}");
            }
        }
        env.still_serves().await;
    }
}

#[tokio::test]
async fn the_attribution_block_does_not_reach_the_model() {
    let env = TestEnv::new(&["alice"]).await;
    assert_eq!(ask(&env, &question("gpt-4.1")).await.status, 200);
    let preprompt = env.simulator.calls().iter().find_map(|call| call.preprompt.clone()).unwrap_or_default();
    assert!(preprompt.contains("You are Claude Code."), "{preprompt}");
    assert!(!preprompt.contains("billing-header"), "{preprompt}");
    env.still_serves().await;
}

#[tokio::test]
async fn models_of_other_vendors_are_listed_under_an_id_that_it_accepts_and_answer_under_it() {
    let env = TestEnv::new(&["alice"]).await;
    let list = get(&env, "/v1/models?limit=1000").await.json();
    let models = list["data"].as_array().unwrap();
    assert!(!models.is_empty());
    for model in models {
        let (id, name) = (model["id"].as_str().unwrap(), model["display_name"].as_str().unwrap());
        assert!(id.contains("claude"), "{id}");
        assert_eq!(id.trim_end_matches("@claude-code"), name);
    }
    assert_eq!(get(&env, "/v1/models/gpt-4.1@claude-code").await.json()["display_name"], "gpt-4.1");
    let answer = ask(&env, &question("gpt-4.1@claude-code")).await;
    assert_eq!((answer.status, &answer.json()["model"]), (200, &json!("gpt-4.1@claude-code")));
    assert_eq!(answer.header("x-mammouth-model"), Some("openai-gpt-4.1"));
    // Other programs see the models' own names.
    assert!(!env.program.get("/v1/models").await.json().to_string().contains("@claude-code"));
    env.still_serves().await;
}

#[tokio::test]
async fn its_first_question_is_answered_and_a_foreign_login_is_refused_with_what_to_set() {
    const FOREIGN: &str = "sk-ant-oat01-a-login-of-claude-ai";
    let env = TestEnv::new(&["alice"]).await;
    let url = format!("{}/api/hello", env.program.base);
    assert_eq!(send(env.program.http.head(&url).bearer_auth(KEY)).await.status, 200);
    let refused =
        send(env.program.http.post(format!("{}/v1/messages", env.program.base)).bearer_auth(FOREIGN));
    let refused = refused.await;
    assert_eq!(refused.status, 401);
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("ANTHROPIC_AUTH_TOKEN"), "{message}");
    assert_eq!(refused.header("x-should-retry"), Some("false"));
    assert!(!refused.json().to_string().contains(FOREIGN) && !env.program.log().contains(FOREIGN));
    assert!(env.simulator.calls().is_empty());
    env.still_serves().await;
}
