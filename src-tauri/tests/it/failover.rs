//! Tests of failover: the order of calls, their maximum number, and the error when no account is available.

use serde_json::json;

use crate::support::{Options, TestEnv, Upstream, question, retry_after, streamed, web_fault};

#[tokio::test]
async fn f01_three_limited_accounts_end_in_the_soonest_reset() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    env.simulator.set_faults(vec![
        web_fault("quota header=Retry-After:500").for_account("bob"),
        web_fault("quota header=Retry-After:900"),
    ]);
    let first = env.program.chat(&question("hello")).await;
    assert_eq!(first.error(), (429, "insufficient_quota".into()));
    assert_eq!(env.accounts_called(), ["alice", "bob", "carol"]);
    let again = env.program.chat(&question("hello")).await;
    for answer in [&first, &again] {
        assert_eq!(answer.error(), (429, "insufficient_quota".into()));
        assert!((490..=500).contains(&retry_after(answer).unwrap()), "{:?}", answer.headers);
        assert_eq!(answer.header("x-should-retry"), Some("false"));
    }
    assert_eq!(env.model_calls().len(), 3, "an account that is known to be limited is not asked");
    assert_eq!(again.header("x-mammouth-attempts"), None);
    env.serves_model("grok-3").await;
}

#[tokio::test]
async fn f01_three_calls_are_the_bound_and_the_fourth_account_is_there_for_the_next_request() {
    let env = TestEnv::new(&["alice", "bob", "carol", "dave"]).await;
    let out = ["alice", "bob", "carol"].map(|label| web_fault("quota").for_account(label));
    env.simulator.set_faults(out.to_vec());
    let answer = env.program.chat(&question("hello")).await;
    assert_eq!(answer.error(), (429, "insufficient_quota".into()));
    assert_eq!((retry_after(&answer), answer.header("x-mammouth-attempts")), (Some(1), Some("3")));
    let next = env.program.chat(&question("hello")).await;
    assert_eq!((next.status, next.header("x-mammouth-account")), (200, Some("web-4")));
    assert_eq!(env.accounts_called(), ["alice", "bob", "carol", "dave"]);
    env.still_serves().await;
}

#[tokio::test]
async fn f04_all_throttled_gives_the_shortest_retry_after() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    env.simulator.set_faults(vec![
        web_fault("status=429 header=Retry-After:40").for_account("bob"),
        web_fault("status=429 header=Retry-After:90"),
    ]);
    let answer = env.program.chat(&streamed("hello")).await;
    assert_eq!(answer.error(), (429, "rate_limit_exceeded".into()));
    assert!((30..=44).contains(&retry_after(&answer).unwrap()), "{:?}", answer.headers);
    assert_eq!(env.account_state("web-2").await, "limited");
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn f04_one_limited_and_one_lost_account_are_told_apart() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    env.simulator.set_faults(vec![
        web_fault("bad-cookie").for_account("alice"),
        web_fault("status=429 header=Retry-After:30").for_account("bob"),
    ]);
    let answer = env.program.chat(&question("hello")).await;
    assert_eq!(answer.error(), (429, "rate_limit_exceeded".into()), "waiting helps, so that is told");
    assert_eq!(env.account_state("web-1").await, "needs_login");
    assert_eq!(env.account_state("web-2").await, "limited");
    assert_eq!(env.accounts().await[0]["advice"], json!({ "what": "sign_in" }));
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn f07_all_accounts_failing_end_after_three_calls() {
    let env = TestEnv::new(&["alice", "bob", "carol", "dave"]).await;
    env.set_web_fault("status=503");
    let answer = env.program.chat(&question("hello")).await;
    assert_eq!(answer.error(), (502, "upstream_bad_response".into()));
    assert_eq!(env.accounts_called(), ["alice", "bob", "carol"]);
    env.still_serves().await;
}

#[tokio::test]
async fn f10_an_empty_success_fails_over_once() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    env.set_web_fault("body=empty");
    let answer = env.program.chat(&streamed("hello")).await;
    assert_eq!(answer.error(), (502, "upstream_bad_response".into()));
    assert_eq!(env.accounts_called(), ["alice", "bob"]);
    env.still_serves().await;
}

#[tokio::test]
async fn a_refusal_and_a_passing_fault_in_one_request_still_end_in_a_reply() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    env.simulator.set_faults(vec![
        web_fault("quota").for_account("alice"),
        web_fault("status=500").for_account("bob").times(1),
    ]);
    let answer = env.program.chat(&question("echo: hi")).await;
    assert_eq!((answer.status, answer.header("x-mammouth-attempts")), (200, Some("3")));
    assert_eq!(env.accounts_called(), ["alice", "bob", "bob"], "the one that refused is not asked again");
    env.still_serves().await;
}

#[tokio::test]
async fn f16_no_first_byte_in_time_goes_to_the_next_account_once() {
    // Enough for the account that answers, however busy the machine is.
    let patience = Options::default().settings("[limits]\nfirst_byte_seconds = 3\n");
    let env = TestEnv::with_options(&["alice", "bob"], patience).await;
    for fault in ["delay=forever", "first=forever"] {
        env.set_account_fault("alice", fault);
        let answer = env.program.chat(&question(&format!("{fault}\necho: hi"))).await;
        assert_eq!((answer.status, answer.header("x-mammouth-account")), (200, Some("web-2")), "{fault}");
        env.serves_model("grok-3").await;
        env.program.chat(&question("so that the next one begins with alice again")).await;
    }
    env.set_web_fault("first=forever");
    env.simulator.clear_calls();
    let answer = env.program.chat(&streamed("hello")).await;
    assert_eq!(answer.error(), (504, "upstream_timeout".into()));
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert_eq!(env.model_calls().len(), 2);
    env.wait_for(|state| state.active_calls == 0).await;
    assert_eq!(env.account_state("web-1").await, "ready");
    env.still_serves().await;
}

#[tokio::test]
async fn f22_a_refused_connection_is_tried_once_more_and_then_told() {
    // Bound but not listening: connections are refused, and no other process can take the port.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    for upstream in Upstream::BOTH {
        let bases = Options::default().env("MAMMOUTH_WEB_URL", &base).env("MAMMOUTH_API_URL", &base);
        let env = upstream.two_accounts(bases).await;
        let answer = env.program.chat(&question("hello")).await;
        assert_eq!(answer.error(), (503, "upstream_unreachable".into()), "{upstream:?}");
        assert_eq!(answer.header("x-should-retry"), Some("false"));
        let record = env.record_of(&answer.headers).await;
        assert_eq!(record["attempts"].as_array().unwrap().len(), 2, "{record}");
        assert_eq!(record["attempts"][0]["outcome"], "unreachable");
        assert_eq!(env.account_state(upstream.labels()[0]).await, "ready");
    }
}

#[tokio::test]
async fn f29_a_conversation_that_had_to_move_stays_where_it_went() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    let talk = question("echo: one conversation");
    assert_eq!(env.program.chat(&talk).await.status, 200);
    env.simulator.set_faults(vec![web_fault("status=500").for_account("alice").times(1)]);
    for _ in 0..4 {
        assert_eq!(env.program.chat(&talk).await.status, 200);
    }
    assert_eq!(env.accounts_called(), ["alice", "alice", "bob", "bob", "bob", "bob"]);
    env.still_serves().await;
}

#[tokio::test]
async fn f59_a_client_that_obeys_retry_after_adds_no_calls() {
    let env = TestEnv::new(&["alice", "bob", "carol"]).await;
    env.set_web_fault("status=503");
    // As the OpenAI SDKs do: two more tries, unless the answer says that they would not help.
    for attempt in 0..3 {
        let answer = env.program.chat(&question("hello")).await;
        if answer.header("x-should-retry") == Some("false") {
            break;
        }
        assert!(attempt < 2, "told to try for ever");
    }
    assert_eq!(env.model_calls().len(), 3);
    env.still_serves().await;
}

#[tokio::test]
async fn every_call_of_a_request_is_in_the_log_with_its_reason() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    env.set_account_fault("alice", "status=403 message=\"Usage limit <b>\\u001b[2J\"");
    let answer = env.program.chat(&question("echo: hi")).await;
    let record = env.record_of(&answer.headers).await;
    let attempts = &record["attempts"];
    assert_eq!(attempts[0]["account"], "web-1");
    assert_eq!((&attempts[0]["outcome"], &attempts[0]["status"]), (&json!("limited"), &json!(403)));
    assert!(attempts[0]["detail"].as_str().unwrap().contains("Usage limit"));
    assert_eq!(attempts[0]["why"]["by"], "balance", "{attempts}");
    assert_eq!((&attempts[1]["account"], &attempts[1]["outcome"]), (&json!("web-2"), &json!("ok")));
    assert_eq!(attempts[1]["why"]["limited"], 1, "{attempts}");
    assert_eq!((&record["account"], &record["status"]), (&json!("web-2"), &json!(200)));
    assert_eq!(record["tokens_estimated"], true);
    env.still_serves().await;
}
