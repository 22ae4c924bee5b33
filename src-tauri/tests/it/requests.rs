//! What is asked in any dialect arrives the same: made-up conversations, each said in every dialect, sent through the
//! program, and what Mammouth was asked compared field by field with what it is asked for the same chat completion, which
//! is relayed as it is. Only what a dialect has no word for is taken out before (`speakers.rs` names it).

mod heard;
mod pictures;
mod speakers;
mod talk;

use proptest::prop_assert_eq;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use self::heard::heard;
use self::speakers::{CHAT, SPEAKERS, Speaker};
use self::talk::{Talk, any_talk};
use crate::support::{Options, Scene, Upstream};

/// Conversations for each upstream. The seed is fixed: what is found here is found in every run.
const CASES: u32 = 64;

#[test]
fn every_dialect_asks_the_same_over_an_api_key() {
    asks_the_same(Upstream::Api);
}

#[test]
fn every_dialect_asks_the_same_over_a_web_session() {
    asks_the_same(Upstream::Web);
}

fn asks_the_same(upstream: Upstream) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let scene = runtime.block_on(upstream.alone(Options::default()));
    let config =
        Config { cases: cases(), failure_persistence: None, max_shrink_iters: 2_000, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let found = runner.run(&any_talk(), |talk| runtime.block_on(check(&scene, upstream, &talk)));
    found.unwrap_or_else(|failure| panic!("{failure}"));
    runtime.block_on(scene.still_serves());
}

/// `REQUEST_CASES` asks for more, to look for what the fixed few do not show.
fn cases() -> u32 {
    std::env::var("REQUEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

async fn check(scene: &Scene, upstream: Upstream, talk: &Talk) -> Result<(), TestCaseError> {
    let talk = if upstream == Upstream::Web { talk.clone().with_pictures_alone() } else { talk.clone() };
    if upstream == Upstream::Web {
        // Over a session even a chat completion is written anew.
        let heard = asked(scene, upstream, &CHAT, &talk).await?.to_string();
        let missing = talk.texts().into_iter().find(|text| !heard.contains(&inner(text)));
        prop_assert_eq!(missing, None, "in {}", heard);
    }
    for speaker in &SPEAKERS {
        let Some(talk) = (speaker.sayable)(talk.clone()) else { continue };
        let wanted = asked(scene, upstream, &CHAT, &talk).await?;
        let found = asked(scene, upstream, speaker, &talk).await?;
        let (wanted, found) = (format!("{wanted:#}"), format!("{found:#}"));
        if wanted != found {
            let said = (speaker.say)(&talk);
            let reason = format!("{} says\n{said:#}\nwanted: {wanted}\nfound: {found}", speaker.path);
            return Err(TestCaseError::fail(reason));
        }
    }
    Ok(())
}

/// A text as it stands within a JSON text, without the quotes.
fn inner(text: &str) -> String {
    serde_json::Value::from(text).to_string().trim_matches('"').to_owned()
}

/// What Mammouth is asked for this conversation in this dialect.
async fn asked(
    scene: &Scene,
    upstream: Upstream,
    speaker: &Speaker,
    talk: &Talk,
) -> Result<serde_json::Value, TestCaseError> {
    scene.simulator.clear_calls();
    let body = (speaker.say)(talk);
    let answer = scene.program.post(speaker.path, &body).await;
    let refused = |what: String| TestCaseError::fail(format!("{} says\n{body:#}\n{what}", speaker.path));
    if answer.status != 200 {
        return Err(refused(format!("{}: {:?}", answer.status, answer.body)));
    }
    // What a session has no place for is told, whichever dialect said it.
    if upstream == Upstream::Api
        && let Some(ignored) = answer.header("x-mammouth-ignored")
    {
        return Err(refused(format!("ignored: {ignored}")));
    }
    let calls = scene.asked();
    let call = calls.first().ok_or_else(|| refused("nothing was asked".to_owned()))?;
    if let Some(problem) = &call.problem {
        return Err(refused(problem.clone()));
    }
    Ok(heard(upstream, call))
}
