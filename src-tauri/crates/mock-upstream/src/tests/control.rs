//! Tests of rules that are set in the process and over HTTP.

use super::super::{Fault, FaultRule};
use super::*;

#[tokio::test]
async fn rules_apply_until_they_are_used_up() {
    let simulator = simulator().await;
    simulator.set_faults(vec![FaultRule::on_web_chat(Fault::status(500)).for_account("alice").times(1)]);
    assert_eq!(get(&simulator, "/api/login/user", COOKIE).await.status(), 200);
    assert_eq!(ask(&simulator, "x").await.status(), 500);
    assert_eq!(ask(&simulator, "x").await.status(), 200);
}

#[tokio::test]
async fn a_rule_applies_to_uploads_and_unknown_accounts() {
    let simulator = simulator().await;
    let challenge: Fault = "body=challenge".parse().unwrap();
    let any_path = FaultRule { path: None, ..FaultRule::on_web_chat(challenge) };
    simulator.set_faults(vec![FaultRule::on_uploads(Fault::status(507)), any_path]);
    assert_eq!(upload(&simulator, COOKIE, b"x").await.status(), 507);
    let stranger = get(&simulator, "/api/login/user", "").await;
    assert_eq!((stranger.status(), stranger.header("cf-mitigated").is_some()), (403, true));
}

#[tokio::test]
async fn a_faulty_answer_costs_no_quota() {
    let simulator = simulator().await;
    let bob = "Cookie: auth_session=bob-session\r\n";
    for (message, expected) in [("sim: status=500", 500), ("sim: quota", 403), ("x", 200), ("x", 403)] {
        assert_eq!(ask_as(&simulator, bob, "openai-gpt-5", &[turn(message, &[])]).await.status(), expected);
    }
}

#[tokio::test]
async fn rules_are_set_and_calls_are_read_by_http() {
    let simulator = simulator().await;
    let rules = br#"[{"path": "/api/models/llms", "fault": "status=418"}]"#;
    assert_eq!(request(&simulator, "POST /__sim/faults", "", rules).await.status(), 204);
    assert_eq!(ask(&simulator, "hello").await.status(), 418);
    assert_eq!(request(&simulator, "DELETE /__sim/faults", "", b"").await.status(), 204);
    assert_eq!(ask(&simulator, "hello").await.status(), 200);

    let calls = get(&simulator, "/__sim/calls", "").await;
    assert!(!String::from_utf8_lossy(&calls.raw).contains("alice-session"));
    assert_eq!(calls.json()[0]["messages"][0]["content"], "hello");
    assert_eq!(calls.json().as_array().unwrap().len(), 2);
    assert_eq!(request(&simulator, "DELETE /__sim/calls", "", b"").await.status(), 204);
    assert!(simulator.calls().is_empty());
}

#[tokio::test]
async fn chunks_are_released_by_http() {
    let simulator = simulator().await;
    let stream = start_asking(&simulator, "sim: gate\necho: a b").await;
    simulator.wait_for(|state| state.held_chunks == 1).await;
    assert_eq!(request(&simulator, "POST /__sim/release", "", b"2").await.status(), 204);
    assert_eq!(read_all(stream).await.text(), "a b");
}

#[tokio::test]
async fn control_calls_refuse_web_pages_and_nonsense() {
    let simulator = simulator().await;
    let from_page = request(&simulator, "POST /__sim/faults", "Origin: https://x.invalid\r\n", b"[]").await;
    assert_eq!(from_page.status(), 403);
    assert_eq!(request(&simulator, "POST /__sim/faults", "", b"[{\"fault\": \"x\"}]").await.status(), 400);
    assert_eq!(get(&simulator, "/__sim/nothing", "").await.status(), 404);
}
