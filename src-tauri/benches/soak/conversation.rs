//! Conversations over the Responses API, whose responses the program keeps for the next turn.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::Outcome;
use crate::load::{CallEnd, Load, refusal, send};
use crate::program::Target;

/// Number of turns of one conversation.
const TURNS_PER_CONVERSATION: usize = 20;
/// Size of a turn's text, bytes. The reply is as long.
const TURN_BYTES: usize = 4 << 10;
/// Time between two turns: what is kept reaches its limit within some minutes.
const TURN_INTERVAL: Duration = Duration::from_millis(100);

/// Runs conversations in sequence. Each turn names the response before it.
pub(crate) async fn run_conversations(load: Arc<Load>, end: CancellationToken) -> Outcome<()> {
    let mut ticks = interval(TURN_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut turn, mut previous) = (0, None);
    while end.run_until_cancelled(ticks.tick()).await.is_some() {
        if turn % TURNS_PER_CONVERSATION == 0 {
            previous = None;
        }
        previous = load.turn(&turn_text(turn), previous.as_deref()).await;
        turn += 1;
    }
    Ok(())
}

/// One word, because the mock upstream waits after each.
fn turn_text(turn: usize) -> String {
    format!("turn{turn}-").repeat(TURN_BYTES / 8)
}

/// Asks for a response that repeats the text. Returns its id.
pub(crate) async fn read_turn(
    target: &Target,
    text: &str,
    previous: Option<&str>,
) -> Outcome<Result<String, CallEnd>> {
    let body = serde_json::json!({
        "model": "gpt-4o-mini",
        "input": format!("echo: {text}"),
        "previous_response_id": previous,
    });
    let Some((mut wire, head)) = send(target, &target.own("/v1/responses", &body.to_string())).await? else {
        return Ok(Err(CallEnd::PortClosed));
    };
    let status = head.status();
    let body = wire.body(head.rest).await?;
    if status != 200 {
        return refusal(&body).map(Err);
    }
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    if answer["output"][0]["content"][0]["text"].as_str() != Some(text) {
        return Err("not what was asked for".into());
    }
    Ok(Ok(answer["id"].as_str().ok_or("a response without an id")?.to_owned()))
}
