//! Decoder of chat completion chunks, or of a whole chat completion, into events. Pure.
//!
//! A field of an unexpected type counts as missing, because the providers behind the host add different fields.

use serde_json::Value;

use super::error_mapping::is_error_value;
use super::tool_call_assembler::ToolCallAssembler;
use super::usage_observer::{self, Observed};
use protocol::{Event, FinishReason, Usage};

const BYTES_PER_TOKEN: u64 = 4;
/// Fields that may hold reasoning text.
const REASONING_FIELDS: [&str; 3] = ["reasoning_content", "reasoning", "thinking"];

/// Fields in which vLLM and SGLang report the matched stop sequence.
const MATCHED_STOP_FIELDS: [&str; 2] = ["stop_reason", "matched_stop"];

/// Decoder of one reply.
#[derive(Debug, Default)]
pub(super) struct ChunkDecoder {
    observed: Observed,
    calls: ToolCallAssembler,
    stops: Vec<String>,
    finish: Option<FinishReason>,
    prompt_bytes: u64,
    output_bytes: u64,
    has_output: bool,
}

/// Result of decoding a chunk, beside its events.
#[derive(Debug, PartialEq)]
pub(super) enum ChunkOutcome {
    Decoded,
    Error(Value),
}

impl ChunkDecoder {
    /// Creates a decoder for the reply to a prompt of `bytes` bytes with these stop sequences.
    pub(super) fn for_prompt(bytes: usize, stops: &[String]) -> Self {
        Self { prompt_bytes: bytes as u64, stops: stops.to_vec(), ..Self::default() }
    }

    pub(super) fn model(&self) -> Option<&str> {
        self.observed.model.as_deref()
    }

    /// Whether the reply has output (text, reasoning, tool calls, images) or a reason for having none: a model may
    /// reach a stop sequence at once, or reason until its tokens are used up.
    pub(super) fn has_output(&self) -> bool {
        self.has_output
    }

    /// Decodes the next chunk (or the whole completion) and appends its events to `out`.
    pub(super) fn push(&mut self, mut json: Value, out: &mut Vec<Event>) -> ChunkOutcome {
        if !json.is_object() {
            return ChunkOutcome::Decoded;
        }
        if is_error_value(&json["error"]) {
            return ChunkOutcome::Error(json["error"].take());
        }
        if self.observed.model.is_none() {
            self.observed.model = usage_observer::parse_model(&json["model"]);
        }
        self.observed.usage = usage_observer::parse_usage(&json["usage"]).or(self.observed.usage);
        let choices = json.get_mut("choices").and_then(Value::as_array_mut);
        // Only one choice is ever asked for.
        if let Some(choice) = choices.and_then(|choices| choices.first_mut()) {
            let before = out.len();
            self.push_choice(choice, out);
            self.has_output |= out.len() > before || self.calls.has_calls() || self.finish.is_some();
        }
        ChunkOutcome::Decoded
    }

    /// Appends the events that waited for the end, and the last event.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        let called = self.calls.has_calls();
        self.calls.finish(out);
        let finish = match self.finish.take() {
            Some(FinishReason::Stop | FinishReason::StopSequence(_)) | None if called => {
                FinishReason::ToolCalls
            }
            Some(finish) => finish,
            None => FinishReason::Stop,
        };
        out.push(Event::Done { finish, usage: self.usage() });
    }

    /// The usage that the host reported, else an estimate.
    pub(super) fn usage(&self) -> Usage {
        self.observed.usage.unwrap_or(Usage {
            prompt_tokens: self.prompt_bytes.div_ceil(BYTES_PER_TOKEN),
            completion_tokens: self.output_bytes.div_ceil(BYTES_PER_TOKEN),
            estimated: true,
            ..Usage::default()
        })
    }

    fn push_choice(&mut self, choice: &mut Value, out: &mut Vec<Event>) {
        if let Some(finish) = parse_finish_reason(&choice["finish_reason"]) {
            self.finish =
                Some(self.matched_stop(choice).filter(|_| finish == FinishReason::Stop).unwrap_or(finish));
        }
        let name = if choice["delta"].is_object() { "delta" } else { "message" };
        let Some(delta) = choice.get_mut(name).filter(|delta| delta.is_object()) else { return };
        if let Some(thought) = REASONING_FIELDS.into_iter().find_map(|name| take_text(&mut delta[name])) {
            self.push_event(Event::Reasoning(thought), out);
        }
        if let Some(words) = take_text(&mut delta["content"]).or_else(|| take_text(&mut delta["refusal"])) {
            self.push_event(Event::Text(words), out);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            self.output_bytes += self.calls.push_delta(call, out);
        }
        for image in delta["images"].as_array().into_iter().flatten() {
            let url = image["image_url"]["url"].as_str().or_else(|| image["url"].as_str());
            if let Some(url) = url.filter(|url| url.starts_with("data:image/")) {
                self.calls.push_other(Event::Image(url.to_owned()), out);
            }
        }
    }

    /// The matched stop sequence, if the model's server reports it. OpenAI's format has no field for it.
    fn matched_stop(&self, choice: &Value) -> Option<FinishReason> {
        let told = MATCHED_STOP_FIELDS.into_iter().find_map(|name| choice[name].as_str())?;
        let stop = self.stops.iter().find(|stop| *stop == told)?;
        Some(FinishReason::StopSequence(stop.clone()))
    }

    fn push_event(&mut self, event: Event, out: &mut Vec<Event>) {
        if let Event::Text(text) | Event::Reasoning(text) = &event {
            self.output_bytes += text.len() as u64;
        }
        self.calls.push_other(event, out);
    }
}

/// The text of a string or of a list of parts; `None` if there is none.
fn take_text(value: &mut Value) -> Option<String> {
    let text = match value.take() {
        Value::String(text) => text,
        Value::Array(parts) => {
            let texts =
                parts.iter().filter_map(|part| part["text"].as_str().or_else(|| part["thinking"].as_str()));
            texts.collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    };
    (!text.is_empty()).then_some(text)
}

fn parse_finish_reason(value: &Value) -> Option<FinishReason> {
    Some(match value.as_str()? {
        "length" | "max_tokens" => FinishReason::Length,
        "tool_calls" | "function_call" | "tool_use" => FinishReason::ToolCalls,
        "content_filter" | "safety" => FinishReason::ContentFilter,
        _ => FinishReason::Stop,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn decode(chunks: &[Value]) -> Vec<Event> {
        let (mut decoder, mut out) = (ChunkDecoder::for_prompt(40, &["END".to_owned()]), Vec::new());
        for chunk in chunks {
            assert_eq!(decoder.push(chunk.clone(), &mut out), ChunkOutcome::Decoded);
        }
        decoder.finish(&mut out);
        out
    }

    fn delta(delta: Value) -> Value {
        json!({"model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
    }

    #[test]
    fn a_reply_without_text_counts_if_it_has_a_finish_reason() {
        let (mut decoder, mut out) = (ChunkDecoder::default(), Vec::new());
        decoder.push(delta(json!({"role": "assistant", "content": ""})), &mut out);
        assert!(!decoder.has_output());
        decoder.push(json!({"choices": [{"delta": {}, "finish_reason": "length"}]}), &mut out);
        assert!(decoder.has_output());
        decoder.finish(&mut out);
        assert!(matches!(out.as_slice(), [Event::Done { finish: FinishReason::Length, .. }]), "{out:?}");
    }

    fn done(events: &[Event]) -> (FinishReason, Usage) {
        match events.last() {
            Some(Event::Done { finish, usage }) => (finish.clone(), *usage),
            other => panic!("{other:?} at the end"),
        }
    }

    #[test]
    fn text_reasoning_and_images_keep_their_order() {
        let events = decode(&[
            delta(json!({"role": "assistant", "content": ""})),
            delta(json!({"reasoning_content": "hm"})),
            delta(json!({"content": "a"})),
            delta(json!({"content": [{"type": "text", "text": "b"}], "new": 1})),
            delta(
                json!({"images": [{"image_url": {"url": "data:image/png;base64,AA"}}, {"url": "http://x"}]}),
            ),
            json!({"choices": [{"delta": {}, "finish_reason": "length"}]}),
            json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "completion_tokens_details": {"reasoning_tokens": 2}}}),
        ]);
        let image = Event::Image("data:image/png;base64,AA".into());
        let said = [Event::Reasoning("hm".into()), Event::Text("a".into()), Event::Text("b".into()), image];
        assert_eq!(events[..4], said);
        let (finish, usage) = done(&events);
        assert_eq!((finish, usage.prompt_tokens, usage.reasoning_tokens), (FinishReason::Length, 9, 2));
    }

    #[test]
    fn a_complete_reply_is_read_like_one_chunk() {
        let call = json!({"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}});
        let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        let events = decode(&[json!({"choices": [{"message": message, "finish_reason": "stop"}]})]);
        let begun = Event::Call { id: "c1".into(), name: "f".into() };
        assert_eq!(events[..2], [begun, Event::CallArguments("{}".into())]);
        assert_eq!(done(&events).0, FinishReason::ToolCalls);
    }

    #[test]
    fn a_matched_stop_sequence_is_reported_where_the_server_names_it() {
        let end = |more: Value| {
            let mut choice = json!({"delta": {"content": "a"}, "finish_reason": "stop"});
            choice.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            done(&decode(&[json!({"choices": [choice]})])).0
        };
        for told in [json!({"stop_reason": "END"}), json!({"stop_reason": null, "matched_stop": "END"})] {
            assert_eq!(end(told), FinishReason::StopSequence("END".into()));
        }
        // A token's number, another server's word for a natural end, a reply that was too long.
        for other in [
            json!({"matched_stop": 151_645}),
            json!({"stop_reason": "end_turn"}),
            json!({"stop_reason": "OTHER"}),
        ] {
            assert_eq!(end(other), FinishReason::Stop);
        }
        assert_eq!(end(json!({"finish_reason": "length", "stop_reason": "END"})), FinishReason::Length);
    }

    #[test]
    fn without_a_usage_there_is_an_estimate() {
        let (_, usage) = done(&decode(&[delta(json!({"content": "12345678"}))]));
        assert_eq!((usage.prompt_tokens, usage.completion_tokens, usage.estimated), (10, 2, true));
    }

    #[test]
    fn f14_odd_chunks_produce_no_events() {
        for odd in [
            json!({}),
            json!([]),
            json!(null),
            json!({"choices": 3}),
            delta(json!(5)),
            delta(json!({"content": 5})),
        ] {
            assert_eq!(decode(&[odd]).len(), 1);
        }
    }
}
