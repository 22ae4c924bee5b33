//! Checks of a case.

use futures_util::future::join_all;
use serde_json::json;

use super::case::ExpectedAccountState::{Challenge, Limited, NeedsLogin, Ready, Throttled};
use super::case::{ClientKind, FaultCase};
use crate::support::{
    Answer, DIALECT_CLIENTS, DialectClient, Options, TestEnv, Upstream, question, retry_after,
};

/// Checks each case over every dialect with one account, and over one dialect with two accounts.
pub async fn check(cases: impl IntoIterator<Item = Vec<FaultCase>>) {
    for (at, case) in cases.into_iter().flatten().enumerate() {
        let spoken = &DIALECT_CLIENTS[at % DIALECT_CLIENTS.len()];
        tokio::join!(
            check_every_dialect(&case, at),
            check_with_two_accounts(&case, spoken, at / DIALECT_CLIENTS.len())
        );
    }
}

/// Checks a case over every dialect. If the account stays ready, one program serves all dialects; otherwise
/// each dialect has its own program, and all run concurrently.
async fn check_every_dialect(case: &FaultCase, at: usize) {
    let turns = DIALECT_CLIENTS.iter().zip(at..);
    if case.account_state != Ready || case.short_timeout {
        join_all(turns.map(async |(spoken, turn)| {
            let env = case.upstream.one_account(case.options()).await;
            check_with_one_account(&env, case, spoken, turn).await;
            check_recovery(env, case).await;
        }))
        .await;
        return;
    }
    let env = case.upstream.one_account(case.options()).await;
    for (spoken, turn) in turns {
        check_with_one_account(&env, case, spoken, turn).await;
        // More successes than failures, because the circuit breaker would open otherwise.
        for _ in 0..3 {
            env.still_serves().await;
        }
        env.simulator.clear_calls();
    }
}

impl FaultCase {
    fn streams(&self, turn: usize) -> bool {
        match self.clients {
            ClientKind::All => turn % 2 == 1,
            ClientKind::Whole => false,
            ClientKind::Streams => true,
        }
    }

    fn options(&self) -> Options {
        // Enough for the account that answers, however busy the machine is.
        let limits = if self.short_timeout { "[limits]\nfirst_byte_seconds = 3\n" } else { "" };
        Options::default().settings(limits)
    }

    /// Expected state of the first account.
    fn expected_account_state(&self) -> &'static str {
        match (self.account_state, self.upstream) {
            (Ready, _) => "ready",
            (Limited, Upstream::Web) => "limited openai",
            (Limited, Upstream::Api) => "limited budget",
            (Throttled, _) => "limited",
            (NeedsLogin, _) => "needs_login",
            (Challenge, _) => "unreachable",
        }
    }

    fn expected_error(&self) -> (u16, String) {
        (self.error.0, self.error.1.to_owned())
    }
}

async fn check_with_one_account(env: &TestEnv, case: &FaultCase, spoken: &DialectClient, turn: usize) {
    case.upstream.set_fault(env, &case.fault);
    let answer = spoken.send(env, "hello", case.streams(turn)).await;
    check_error(case, spoken, &answer);
    let what = format!("{case:?} on {}", spoken.path);
    assert_eq!(env.model_calls().len(), case.calls, "{what}");
    let record = env.record_of(&answer.headers).await;
    assert_eq!((&record["status"], &record["code"]), (&json!(case.error.0), &json!(case.error.1)), "{what}");
    assert_eq!(record["attempts"].as_array().unwrap().len(), case.calls, "{what}");
    assert_eq!(env.account_state(case.upstream.labels()[0]).await, case.expected_account_state(), "{what}");
    env.assert_no_protocol_error();
    env.wait_for(|state| state.active_calls == 0).await;
}

fn check_error(case: &FaultCase, spoken: &DialectClient, answer: &Answer) {
    let what = format!("{case:?} on {}: {:?}", spoken.path, answer.body);
    assert_eq!(answer.status, case.error.0, "{what}");
    assert_eq!(spoken.read_error(answer), case.expected_error(), "{what}");
    assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}: our own attempts are spent");
    assert_eq!(answer.header("x-mammouth-attempts"), Some(case.calls.to_string().as_str()), "{what}");
    assert_eq!(retry_after(answer).is_some(), case.error.0 == 429, "{what}");
    let body = String::from_utf8_lossy(&answer.body);
    for never in ["<", "alice-session", "sk-dora-key"] {
        assert!(!body.contains(never), "{what}");
    }
}

/// Checks that available models are served and that no further calls are made for the others.
async fn check_recovery(env: TestEnv, case: &FaultCase) {
    env.clear_faults();
    match (case.account_state, case.upstream) {
        (Ready, _) => drop(env.still_serves().await),
        (Limited, Upstream::Web) => drop(env.serves_model("grok-3").await),
        (Limited, Upstream::Api) | (Throttled, _) => drop(check_refusal(&env, case).await),
        (NeedsLogin, _) => {
            check_refusal(&env, case).await;
            assert_eq!(env.control("accounts.check", &json!({})).await[0]["ok"], true);
            env.still_serves().await;
        }
        (Challenge, _) => {
            let wait = retry_after(&check_refusal(&env, case).await);
            assert!(wait.is_some_and(|wait| wait <= 60), "{case:?}: {wait:?}");
            env.restart().await.still_serves().await;
        }
    }
}

/// Checks that the same error is returned again without an upstream call.
async fn check_refusal(env: &TestEnv, case: &FaultCase) -> Answer {
    let again = env.program.chat(&question("hello")).await;
    assert_eq!(again.error(), case.expected_error(), "{case:?}");
    assert_eq!(env.model_calls().len(), case.calls, "{case:?}: nobody is asked before the time is over");
    again
}

async fn check_with_two_accounts(case: &FaultCase, spoken: &DialectClient, turn: usize) {
    let env = case.upstream.two_accounts(case.options()).await;
    let ([first, second], [_, label]) = (case.upstream.owners(), case.upstream.labels());
    case.upstream.set_first_account_fault(&env, &case.fault);
    let answer = spoken.send(&env, "hello", case.streams(turn)).await;
    let what = format!("{case:?} on {}: {:?}", spoken.path, answer.body);
    if case.fails_over {
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(answer.header("x-mammouth-account"), Some(label), "{what}");
        assert_eq!(answer.header("x-mammouth-attempts"), Some("2"), "{what}");
        assert_eq!(env.accounts_called(), [first, second], "{what}");
    } else {
        assert_eq!(answer.status, case.error.0, "{what}");
        assert_eq!(spoken.read_error(&answer), case.expected_error(), "{what}");
        assert_eq!(env.accounts_called(), [first], "{what}: another account cannot help");
    }
    assert_eq!(env.account_state(case.upstream.labels()[0]).await, case.expected_account_state(), "{what}");
    env.assert_no_protocol_error();
    if case.account_state != Challenge {
        assert_eq!(env.account_state(label).await, "ready", "{what}");
        env.still_serves().await;
    }
}
