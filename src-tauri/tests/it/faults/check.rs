//! How a case is checked.

use futures_util::future::join_all;
use serde_json::json;

use super::case::After::{Challenge, Limited, NeedsLogin, Ready, Throttled};
use super::case::{By, Case};
use crate::support::{Answer, Options, SPOKEN, Scene, Spoken, Upstream, question, retry_after};

/// Each case over every dialect with one account, and once beside an account that could help.
pub async fn check(cases: impl IntoIterator<Item = Vec<Case>>) {
    for (at, case) in cases.into_iter().flatten().enumerate() {
        let spoken = &SPOKEN[at % SPOKEN.len()];
        tokio::join!(every_dialect(&case, at), beside_another(&case, spoken, at / SPOKEN.len()));
    }
}

/// An account that is ready afterwards serves for all dialects; else each has one of its own, and all at once wait.
async fn every_dialect(case: &Case, at: usize) {
    let turns = SPOKEN.iter().zip(at..);
    if case.after != Ready || case.impatient {
        join_all(turns.map(async |(spoken, turn)| {
            let scene = case.upstream.alone(case.options()).await;
            alone(&scene, case, spoken, turn).await;
            recovers(scene, case).await;
        }))
        .await;
        return;
    }
    let scene = case.upstream.alone(case.options()).await;
    for (spoken, turn) in turns {
        alone(&scene, case, spoken, turn).await;
        // More good calls than bad ones, or calls would stop for a while.
        for _ in 0..3 {
            scene.still_serves().await;
        }
        scene.simulator.clear_calls();
    }
}

impl Case {
    fn streams(&self, turn: usize) -> bool {
        match self.by {
            By::All => turn % 2 == 1,
            By::Whole => false,
            By::Streams => true,
        }
    }

    fn options(&self) -> Options {
        // Enough for the account that answers, however busy the machine is.
        let limits = if self.impatient { "[limits]\nfirst_byte_seconds = 3\n" } else { "" };
        Options::default().settings(limits)
    }

    /// How the first account stands afterwards.
    fn standing(&self) -> &'static str {
        match (self.after, self.upstream) {
            (Ready, _) => "ready",
            (Limited, Upstream::Web) => "limited openai",
            (Limited, Upstream::Api) => "limited budget",
            (Throttled, _) => "limited",
            (NeedsLogin, _) => "needs_login",
            (Challenge, _) => "unreachable",
        }
    }

    fn told(&self) -> (u16, String) {
        (self.told.0, self.told.1.to_owned())
    }
}

async fn alone(scene: &Scene, case: &Case, spoken: &Spoken, turn: usize) {
    case.upstream.fault(scene, &case.fault);
    let answer = spoken.asks(scene, "hello", case.streams(turn)).await;
    told(case, spoken, &answer);
    let what = format!("{case:?} on {}", spoken.path);
    assert_eq!(scene.asked().len(), case.calls, "{what}");
    let record = scene.record_of(&answer.headers).await;
    assert_eq!((&record["status"], &record["code"]), (&json!(case.told.0), &json!(case.told.1)), "{what}");
    assert_eq!(record["attempts"].as_array().unwrap().len(), case.calls, "{what}");
    assert_eq!(scene.standing(case.upstream.labels()[0]).await, case.standing(), "{what}");
    scene.no_problem();
    scene.until(|state| state.active_calls == 0).await;
}

fn told(case: &Case, spoken: &Spoken, answer: &Answer) {
    let what = format!("{case:?} on {}: {:?}", spoken.path, answer.body);
    assert_eq!(answer.status, case.told.0, "{what}");
    assert_eq!(spoken.refusal(answer), case.told(), "{what}");
    assert_eq!(answer.header("x-should-retry"), Some("false"), "{what}: our own attempts are spent");
    assert_eq!(answer.header("x-mammouth-attempts"), Some(case.calls.to_string().as_str()), "{what}");
    assert_eq!(retry_after(answer).is_some(), case.told.0 == 429, "{what}");
    let body = String::from_utf8_lossy(&answer.body);
    for never in ["<", "alice-session", "sk-dora-key"] {
        assert!(!body.contains(never), "{what}");
    }
}

/// What still can be served is, and nobody is asked in vain.
async fn recovers(scene: Scene, case: &Case) {
    scene.heal();
    match (case.after, case.upstream) {
        (Ready, _) => drop(scene.still_serves().await),
        (Limited, Upstream::Web) => drop(scene.serves("grok-3").await),
        (Limited, Upstream::Api) | (Throttled, _) => drop(refuses(&scene, case).await),
        (NeedsLogin, _) => {
            refuses(&scene, case).await;
            assert_eq!(scene.control("accounts.check", &json!({})).await[0]["ok"], true);
            scene.still_serves().await;
        }
        (Challenge, _) => {
            let wait = retry_after(&refuses(&scene, case).await);
            assert!(wait.is_some_and(|wait| wait <= 60), "{case:?}: {wait:?}");
            scene.restart().await.still_serves().await;
        }
    }
}

/// The same is told again, and nobody is asked for it.
async fn refuses(scene: &Scene, case: &Case) -> Answer {
    let again = scene.program.chat(&question("hello")).await;
    assert_eq!(again.error(), case.told(), "{case:?}");
    assert_eq!(scene.asked().len(), case.calls, "{case:?}: nobody is asked before the time is over");
    again
}

async fn beside_another(case: &Case, spoken: &Spoken, turn: usize) {
    let scene = case.upstream.pair(case.options()).await;
    let ([first, second], [_, label]) = (case.upstream.owners(), case.upstream.labels());
    case.upstream.fault_of_first(&scene, &case.fault);
    let answer = spoken.asks(&scene, "hello", case.streams(turn)).await;
    let what = format!("{case:?} on {}: {:?}", spoken.path, answer.body);
    if case.other {
        assert_eq!(answer.status, 200, "{what}");
        assert_eq!(answer.header("x-mammouth-account"), Some(label), "{what}");
        assert_eq!(answer.header("x-mammouth-attempts"), Some("2"), "{what}");
        assert_eq!(scene.who(), [first, second], "{what}");
    } else {
        assert_eq!(answer.status, case.told.0, "{what}");
        assert_eq!(spoken.refusal(&answer), case.told(), "{what}");
        assert_eq!(scene.who(), [first], "{what}: another account cannot help");
    }
    assert_eq!(scene.standing(case.upstream.labels()[0]).await, case.standing(), "{what}");
    scene.no_problem();
    if case.after != Challenge {
        assert_eq!(scene.standing(label).await, "ready", "{what}");
        scene.still_serves().await;
    }
}
