//! Property test that all dialects are equivalent: generated conversations are written in every dialect and
//! sent through the program. The upstream request must equal that of the same chat completion, field by
//! field. Only what a dialect cannot express is removed before (see `dialect_writers.rs`).

mod attachments;
mod conversation;
mod dialect_writers;
mod normalize;

use proptest::prop_assert_eq;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use self::conversation::{Conversation, any_conversation};
use self::dialect_writers::{CHAT_WRITER, DIALECT_WRITERS, DialectWriter};
use self::normalize::normalize;
use crate::support::{Options, TestEnv, Upstream};

/// Number of conversations per upstream. The seed is fixed, so that every run has the same cases.
const DEFAULT_CASES: u32 = 64;

#[test]
fn every_dialect_asks_the_same_over_an_api_key() {
    check_equivalence(Upstream::Api);
}

#[test]
fn every_dialect_asks_the_same_over_a_web_session() {
    check_equivalence(Upstream::Web);
}

fn check_equivalence(upstream: Upstream) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let env = runtime.block_on(upstream.one_account(Options::default()));
    let config =
        Config { cases: cases(), failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&any_conversation(), |talk| runtime.block_on(check(&env, upstream, &talk)));
    result.unwrap_or_else(|failure| panic!("{failure}"));
    runtime.block_on(env.still_serves());
}

/// Number of cases; the variable `REQUEST_CASES` overrides it for a longer search.
fn cases() -> u32 {
    std::env::var("REQUEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(DEFAULT_CASES)
}

async fn check(env: &TestEnv, upstream: Upstream, talk: &Conversation) -> Result<(), TestCaseError> {
    let talk = if upstream == Upstream::Web { talk.clone().with_pictures_alone() } else { talk.clone() };
    if upstream == Upstream::Web {
        // Over a web session, even a chat completion is converted.
        let normalized = normalized_call(env, upstream, &CHAT_WRITER, &talk).await?.to_string();
        let missing = talk.texts().into_iter().find(|text| !normalized.contains(&json_inner(text)));
        prop_assert_eq!(missing, None, "in {}", normalized);
    }
    for speaker in &DIALECT_WRITERS {
        let Some(talk) = (speaker.without_inexpressible)(talk.clone()) else { continue };
        let expected = normalized_call(env, upstream, &CHAT_WRITER, &talk).await?;
        let actual = normalized_call(env, upstream, speaker, &talk).await?;
        let (expected_text, actual_text) = (format!("{expected:#}"), format!("{actual:#}"));
        if expected_text != actual_text {
            let said = (speaker.write)(&talk);
            let reason =
                format!("{} says\n{said:#}\nwanted: {expected_text}\nfound: {actual_text}", speaker.path);
            return Err(TestCaseError::fail(reason));
        }
    }
    Ok(())
}

/// A text as it occurs within JSON, without the quotes.
fn json_inner(text: &str) -> String {
    serde_json::Value::from(text).to_string().trim_matches('"').to_owned()
}

/// Normalised upstream call for this conversation in this dialect.
async fn normalized_call(
    env: &TestEnv,
    upstream: Upstream,
    speaker: &DialectWriter,
    talk: &Conversation,
) -> Result<serde_json::Value, TestCaseError> {
    env.simulator.clear_calls();
    let body = (speaker.write)(talk);
    let answer = env.program.post(speaker.path, &body).await;
    let refused = |what: String| TestCaseError::fail(format!("{} says\n{body:#}\n{what}", speaker.path));
    if answer.status != 200 {
        return Err(refused(format!("{}: {:?}", answer.status, answer.body)));
    }
    // A web session reports the fields that it cannot express, whatever the dialect; the API ignores none.
    if upstream == Upstream::Api
        && let Some(ignored) = answer.header("x-mammouth-ignored")
    {
        return Err(refused(format!("ignored: {ignored}")));
    }
    let calls = env.model_calls();
    let call = calls.first().ok_or_else(|| refused("nothing was asked".to_owned()))?;
    if let Some(problem) = &call.problem {
        return Err(refused(problem.clone()));
    }
    Ok(normalize(upstream, call))
}
