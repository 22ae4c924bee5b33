//! Tests of the circuit breaker: calls stop while Mammouth fails for all accounts, and resume afterwards.

use crate::support::{
    Answer, Options, TestEnv, Upstream, question, retry_after, streamed, wait_retry_after, web_fault,
};

const UNREACHABLE: (u16, &str) = (503, "upstream_unreachable");

fn is_down(answer: &Answer) -> bool {
    answer.status == UNREACHABLE.0 && answer.error().1 == UNREACHABLE.1
}

/// Opens the breaker by two requests with two failed calls each: four failures in a row.
async fn bring_down(env: &TestEnv) -> Answer {
    env.set_web_fault("status=503");
    for _ in 0..2 {
        let answer = env.program.chat(&question("hello")).await;
        assert_eq!(answer.error(), (502, "upstream_bad_response".into()));
    }
    let answer = env.program.chat(&question("hello")).await;
    assert_eq!(answer.error(), (UNREACHABLE.0, UNREACHABLE.1.into()));
    answer
}

/// Whether the answered call was a probe.
async fn was_probe(env: &TestEnv, answer: &Answer) -> bool {
    let record = env.record_of(&answer.headers).await;
    record["attempts"][0]["why"]["tries"].as_bool().expect("a reason")
}

#[tokio::test]
async fn f07_four_failures_in_a_row_stop_the_calls_until_two_probes_are_good() {
    let env = TestEnv::new(&["alice"]).await;
    let answer = bring_down(&env).await;
    assert_eq!(env.model_calls().len(), 4, "while Mammouth is down nobody is asked");
    assert_eq!(answer.header("x-should-retry"), Some("false"));
    assert!(retry_after(&answer).is_some_and(|wait| wait <= 5));
    assert_eq!(env.account_state("web-1").await, "unreachable");

    env.set_web_fault("gate");
    wait_retry_after(&answer).await;
    let probe = tokio::spawn({
        let request = env.program.http.post(format!("{}/v1/chat/completions", env.program.base));
        let request = request.bearer_auth(crate::support::KEY).header("content-type", "application/json");
        let request = request.body(question("echo: back").to_string());
        async move { Answer::of(request.send().await).await }
    });
    env.wait_for(|state| state.held_chunks == 1).await;
    assert!(is_down(&env.program.chat(&question("hello")).await), "one probe at a time");
    assert_eq!(env.model_calls().len(), 5);
    env.simulator.release(1);
    let first = probe.await.unwrap();
    assert_eq!(first.text(), "back");
    let second = env.still_serves().await;
    for probe in [&first, &second] {
        assert!(was_probe(&env, probe).await);
    }
    let third = env.still_serves().await;
    assert!(!was_probe(&env, &third).await, "closed after two");
    assert_eq!(env.account_state("web-1").await, "ready");
}

#[tokio::test]
async fn f07_a_bad_probe_costs_one_call_and_waits_again() {
    let env = TestEnv::new(&["alice"]).await;
    let answer = bring_down(&env).await;
    wait_retry_after(&answer).await;
    let probe = env.program.chat(&question("hello")).await;
    assert_eq!(probe.error(), (502, "upstream_bad_response".into()));
    assert!(is_down(&env.program.chat(&question("hello")).await));
    assert_eq!(env.model_calls().len(), 5);
    env.assert_no_protocol_error();
}

#[tokio::test]
async fn f08_a_storm_of_requests_is_no_storm_of_calls_and_ends_with_the_fault() {
    for upstream in Upstream::BOTH {
        storm(upstream).await;
    }
}

async fn storm(upstream: Upstream) {
    let env = upstream.two_accounts(Options::default()).await;
    upstream.set_fault(&env, "status=500");
    let mut last = None;
    for wave in 0..5 {
        let requests = (0..40).map(|n| {
            let program = &env.program;
            async move { program.chat(&question(&format!("{wave} {n}"))).await }
        });
        for answer in futures_util::future::join_all(requests).await {
            assert!([502, 503].contains(&answer.status), "{answer:?}");
            assert_eq!(answer.header("x-should-retry"), Some("false"));
            last = Some(answer);
        }
    }
    let (calls, requests) = (env.model_calls().len(), 200);
    assert!(calls * 10 <= requests * 11, "{calls} calls for {requests} requests");
    env.clear_faults();
    let last = last.unwrap();
    assert!(is_down(&last) && retry_after(&last).unwrap() <= 5, "back within five seconds");
    wait_retry_after(&last).await;
    env.still_serves().await;
    env.still_serves().await;
}

/// Sends as many requests as a busy editor makes in an hour. Memory and sockets are compared only after the
/// first of them, when the program's caches are filled.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn f27_a_long_time_without_mammouth_costs_nothing_and_ends_by_itself() {
    const SETTLED: usize = 400;
    for upstream in Upstream::BOTH {
        let env = upstream.two_accounts(Options::default()).await;
        upstream.set_fault(&env, "status=503");
        let mut before = (0, 0);
        for n in 0..4 * SETTLED {
            if n == SETTLED {
                before = (env.memory(), env.open_files());
            }
            let answer = env.program.chat(&question("hello")).await;
            assert!([502, 503].contains(&answer.status), "{answer:?}");
        }
        let grown = env.memory().saturating_sub(before.0);
        assert!(grown < 6 * 1024 * 1024, "{upstream:?}: grown by {grown} bytes");
        env.wait_for_open_files(before.1 + 4).await;
        assert!(env.model_calls().len() * 10 <= 4 * SETTLED, "{upstream:?}: few calls while it is down");
        // A response to a probe has no `Retry-After`; the next response has one.
        let mut last = env.program.chat(&question("hello")).await;
        while !is_down(&last) {
            last = env.program.chat(&question("hello")).await;
        }
        assert!(retry_after(&last).is_some_and(|wait| wait <= 5), "{upstream:?}: back within five seconds");
        env.clear_faults();
        wait_retry_after(&last).await;
        env.still_serves().await;
        env.still_serves().await;
    }
}

#[tokio::test]
async fn f11_replies_that_always_break_off_stop_the_calls_too() {
    let env = TestEnv::new(&["alice", "bob"]).await;
    env.simulator.set_faults(vec![web_fault("cut=2")]);
    for n in 0..4 {
        let (text, done) = env.program.stream(&streamed(&format!("echo: a b c {n}"))).await.text().await;
        assert_eq!((text.as_str(), done), ("a b ", false));
    }
    let answer = env.program.chat(&question("hello")).await;
    assert!(is_down(&answer), "{answer:?}");
    assert_eq!(env.model_calls().len(), 4);
    wait_retry_after(&answer).await;
    env.still_serves().await;
}
