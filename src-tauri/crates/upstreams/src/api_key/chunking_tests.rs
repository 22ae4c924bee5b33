//! Tests that the same bytes give the same reply wherever the network splits them, passed through and translated.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use proptest::prelude::*;
use reqwest::Body;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::decode::ChunkDecoder;
use super::event_stream::EventStream;
use super::passthrough::Passthrough;
use super::usage_observer::{Observed, UsageObserver};
use crate::transport::body::BodyReader;
use protocol::Event;

/// A line of a stream, or several, as hosts of OpenAI's form write them.
fn event_lines() -> impl Strategy<Value = String> {
    let word = || "[a-z \\n\"\\\\é猛🦣\u{2028}]{1,8}";
    let delta = |delta: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": null });
        format!("data: {}\n\n", json!({ "model": "m", "choices": [choice] }))
    };
    let call = move |(index, text): (u64, String)| {
        let function = json!({ "name": "f", "arguments": text });
        delta(json!({ "tool_calls": [{ "index": index, "id": format!("c{index}"), "function": function }] }))
    };
    prop_oneof![
        word().prop_map(move |text| delta(json!({ "content": text }))),
        word().prop_map(move |text| delta(json!({ "reasoning_content": text }))),
        (0..3u64, word()).prop_map(call),
        Just(": keep-alive\n\n".to_owned()),
        Just("event: x\r\nid: 1\r\n\r\n".to_owned()),
        Just(delta(json!({ "content": "[DONE]", "usage": "\"error\"" })).replace("data: ", "data:")),
    ]
}

/// A whole stream.
fn reply() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(event_lines(), 0..8).prop_map(|events| {
        let first = json!({ "choices": [{ "delta": { "role": "assistant", "content": "a" } }] });
        let last = json!({ "choices": [{ "delta": {}, "finish_reason": "stop" }] });
        let usage = json!({ "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 4 } });
        let middle = events.concat();
        format!("data: {first}\n\n{middle}data: {last}\n\ndata: {usage}\n\ndata: [DONE]\n\n").into_bytes()
    })
}

/// The bytes as they come from the network: cut at these places.
fn chunked_reader(reply: &[u8], cuts: &[prop::sample::Index]) -> BodyReader {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(reply.len() + 1)).collect();
    places.extend([0, reply.len()]);
    places.sort_unstable();
    let pieces = places.windows(2).map(|ends| Bytes::copy_from_slice(&reply[ends[0]..ends[1]]));
    let pieces: Vec<_> = pieces.filter(|piece| !piece.is_empty()).map(Ok::<_, std::io::Error>).collect();
    let (late, idle) = (Instant::now() + Duration::from_secs(60), Duration::from_secs(60));
    BodyReader::new(Body::wrap_stream(stream::iter(pieces)), late, idle, u64::MAX)
}

async fn translated(reply: &[u8], cuts: &[prop::sample::Index]) -> Vec<Event> {
    let decoder = ChunkDecoder::for_prompt(40, &[]);
    let stream = EventStream::from_stream(chunked_reader(reply, cuts), "sk-1".into(), decoder);
    let stream =
        stream.wait_for_first_event(Instant::now() + Duration::from_secs(60)).await.expect("it begins");
    stream.map(|event| event.expect("a whole reply")).collect().await
}

async fn passed_through(reply: &[u8], cuts: &[prop::sample::Index], drop_usage: bool) -> (Vec<u8>, Observed) {
    let observer = UsageObserver::for_prompt(40);
    let relay = Passthrough::new(chunked_reader(reply, cuts), "sk-1".into(), drop_usage, observer);
    let mut relay =
        relay.wait_for_first_event(Instant::now() + Duration::from_secs(60)).await.expect("it begins");
    let mut bytes = Vec::new();
    while let Some(piece) = relay.next().await {
        bytes.extend_from_slice(&piece.expect("a whole reply"));
    }
    (bytes, relay.observed())
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime").block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn f20_any_cutting_gives_the_same_events(
        reply in reply(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (whole, cut) = run(async { (translated(&reply, &[]).await, translated(&reply, &cuts).await) });
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn f20_any_cutting_relays_the_same_bytes(
        reply in reply(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let (bytes, seen) = run(passed_through(&reply, &cuts, false));
        prop_assert_eq!(&bytes, &reply, "nothing is left out or changed");
        let usage = seen.usage.expect("it was told");
        prop_assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.estimated), (3, 4, false));
        let without_usage = run(passed_through(&reply, &cuts, true)).0;
        let text = String::from_utf8(reply).expect("it is text");
        let (before, rest) = text.split_once("data: {\"choices\":[],").expect("the usage is there");
        let after = rest.split_once("\n\n").expect("an end of it").1;
        prop_assert_eq!(String::from_utf8(without_usage).expect("text"), format!("{before}{after}"));
    }
}
