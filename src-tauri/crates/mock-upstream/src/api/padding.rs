//! Replies of a given size: the normal reply with filler text.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::chunks::{BodyChunks, filler_text};

/// Placeholder of the text. No reply contains it by chance.
const TEXT_PLACEHOLDER: &str = "\u{0}words\u{0}";

/// Replaces the text of a reply: a stream gets `size` bytes rounded up to whole events, an unary reply exactly `size`.
pub(super) fn padded(reply: BodyChunks, size: u64) -> BodyChunks {
    let reply = reply.concat();
    match serde_json::from_slice::<Value>(&reply) {
        Ok(whole) => pad_json(whole, size),
        Err(_) => pad_stream(&String::from_utf8_lossy(&reply), size),
    }
}

fn pad_json(mut whole: Value, size: u64) -> BodyChunks {
    whole["choices"][0]["message"]["content"] = json!(TEXT_PLACEHOLDER);
    let (text, place) = (whole.to_string(), json!(TEXT_PLACEHOLDER).to_string());
    let (before, after) = text.split_once(place.trim_matches('"')).unwrap_or((&text, ""));
    filler_between(before, filler_text().into(), size, after)
}

fn pad_stream(events: &str, size: u64) -> BodyChunks {
    let mut events = events.split_inclusive("\n\n");
    let opening = events.next().unwrap_or_default();
    let says_nothing = |event: &&str| !event.contains("\"delta\":{\"content\":");
    let ending: String = events.filter(says_nothing).collect();
    let text = filler_text();
    let mut chunk: Value = event_json(opening).unwrap_or_default();
    chunk["choices"][0]["delta"] = json!({"content": text});
    let event = Bytes::from(format!("data: {chunk}\n\n"));
    let bytes = size.div_ceil(text.len() as u64).saturating_mul(event.len() as u64);
    filler_between(opening, event, bytes, &ending)
}

fn event_json(event: &str) -> Option<Value> {
    serde_json::from_str(event.strip_prefix("data: ")?.trim()).ok()
}

fn filler_between(before: &str, unit: Bytes, left: u64, after: &str) -> BodyChunks {
    let piece = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    BodyChunks::Filler { before: piece(before), unit, left, after: piece(after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut chunks: BodyChunks) -> String {
        let bytes: Vec<u8> = std::iter::from_fn(|| chunks.next()).flatten().collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_whole_answer_of_a_wanted_size_is_json() {
        let reply = json!({"choices": [{"message": {"content": "a"}}], "usage": {}}).to_string();
        let json: Value = serde_json::from_str(&all(padded(BodyChunks::single(reply), 40_000))).unwrap();
        assert_eq!(json["choices"][0]["message"]["content"].as_str().unwrap().len(), 40_000);
    }

    #[test]
    fn a_stream_of_a_wanted_size_keeps_its_beginning_and_its_end() {
        let reply = "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"role\":\"assistant\"}}]}\n\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
        let events = all(padded(BodyChunks::single(reply), 20_000));
        let said: usize = events.split("\n\n").filter_map(event_json).map(|event| content(&event)).sum();
        assert_eq!((said, events.ends_with("data: [DONE]\n\n")), (2 * filler_text().len(), true));
    }

    fn content(event: &Value) -> usize {
        event["choices"][0]["delta"]["content"].as_str().unwrap().len()
    }
}
