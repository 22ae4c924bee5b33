//! Replies of a wanted size: the reply as it would be, with other words.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::chunks::{Chunks, filler_text};

/// Stands where the words will be. No reply holds it by chance.
const PLACE: &str = "\u{0}words\u{0}";

/// A stream says `size` bytes, rounded up to whole events; a whole answer exactly as many.
pub(super) fn filled(reply: Chunks, size: u64) -> Chunks {
    let reply = reply.concat();
    match serde_json::from_slice::<Value>(&reply) {
        Ok(whole) => in_whole(whole, size),
        Err(_) => in_stream(&String::from_utf8_lossy(&reply), size),
    }
}

fn in_whole(mut whole: Value, size: u64) -> Chunks {
    whole["choices"][0]["message"]["content"] = json!(PLACE);
    let (text, place) = (whole.to_string(), json!(PLACE).to_string());
    let (before, after) = text.split_once(place.trim_matches('"')).unwrap_or((&text, ""));
    around(before, filler_text().into(), size, after)
}

fn in_stream(events: &str, size: u64) -> Chunks {
    let mut events = events.split_inclusive("\n\n");
    let opening = events.next().unwrap_or_default();
    let says_nothing = |event: &&str| !event.contains("\"delta\":{\"content\":");
    let ending: String = events.filter(says_nothing).collect();
    let text = filler_text();
    let mut chunk: Value = data(opening).unwrap_or_default();
    chunk["choices"][0]["delta"] = json!({"content": text});
    let event = Bytes::from(format!("data: {chunk}\n\n"));
    let bytes = size.div_ceil(text.len() as u64).saturating_mul(event.len() as u64);
    around(opening, event, bytes, &ending)
}

fn data(event: &str) -> Option<Value> {
    serde_json::from_str(event.strip_prefix("data: ")?.trim()).ok()
}

fn around(before: &str, unit: Bytes, left: u64, after: &str) -> Chunks {
    let piece = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    Chunks::Filler { before: piece(before), unit, left, after: piece(after) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut chunks: Chunks) -> String {
        let bytes: Vec<u8> = std::iter::from_fn(|| chunks.next()).flatten().collect();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_whole_answer_of_a_wanted_size_is_json() {
        let reply = json!({"choices": [{"message": {"content": "a"}}], "usage": {}}).to_string();
        let json: Value = serde_json::from_str(&all(filled(Chunks::one(reply), 40_000))).unwrap();
        assert_eq!(json["choices"][0]["message"]["content"].as_str().unwrap().len(), 40_000);
    }

    #[test]
    fn a_stream_of_a_wanted_size_keeps_its_beginning_and_its_end() {
        let reply = "data: {\"choices\":[{\"delta\":{\"content\":\"\",\"role\":\"assistant\"}}]}\n\n\
                     data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n";
        let events = all(filled(Chunks::one(reply), 20_000));
        let said: usize = events.split("\n\n").filter_map(data).map(|event| content(&event)).sum();
        assert_eq!((said, events.ends_with("data: [DONE]\n\n")), (2 * filler_text().len(), true));
    }

    fn content(event: &Value) -> usize {
        event["choices"][0]["delta"]["content"].as_str().unwrap().len()
    }
}
