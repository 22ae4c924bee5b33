//! Assembles the tool calls of a stream one after the other, whatever order their deltas arrive in. Pure.
//!
//! The first call is streamed as it arrives. The next call begins when the one before is complete; deltas that arrive
//! early wait, at the latest until the end.

use std::collections::BTreeMap;

use serde::de::IgnoredAny;
use serde_json::Value;

use protocol::Event;

/// Maximum number of calls in a reply.
const MAX_TOOL_CALLS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct ToolCallAssembler {
    /// The calls by the host's index.
    calls: BTreeMap<u64, PartialCall>,
    /// Index of the call whose deltas are streamed.
    open: Option<u64>,
    /// Other events that arrived while a call was incomplete.
    queued: Vec<Event>,
}

#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    /// The arguments so far; their beginning has been sent.
    arguments: String,
    sent: usize,
    done: bool,
}

impl ToolCallAssembler {
    /// Whether there is any call.
    pub(super) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Adds a delta of a call. Returns the number of bytes of arguments in it.
    pub(super) fn push_delta(&mut self, piece: &Value, out: &mut Vec<Event>) -> u64 {
        let index = self.call_index(piece);
        if self.calls.len() >= MAX_TOOL_CALLS && !self.calls.contains_key(&index) {
            return 0;
        }
        let call = self.calls.entry(index).or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        if call.id.is_empty() {
            call.id = text(&piece["id"]);
        }
        if call.name.is_empty() {
            call.name = text(&piece["function"]["name"]);
        }
        let arguments = match &piece["function"]["arguments"] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            // Some providers send the object itself.
            object @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                object.to_string()
            }
        };
        call.arguments.push_str(&arguments);
        self.advance(index, out);
        arguments.len() as u64
    }

    /// Adds another event. It ends the call before it, so it waits until that call is complete.
    pub(super) fn push_other(&mut self, event: Event, out: &mut Vec<Event>) {
        let open = self.open.and_then(|index| self.calls.get(&index));
        let incomplete = open.is_some_and(|call| !call.is_complete());
        if incomplete || !self.queued.is_empty() {
            self.queued.push(event);
        } else {
            self.close();
            out.push(event);
        }
    }

    /// Appends everything that waited.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        if let Some(call) = self.open.take().and_then(|index| self.calls.get_mut(&index)) {
            call.emit_arguments(out);
            call.done = true;
        }
        for call in self.calls.values_mut().filter(|call| !call.done && !call.name.is_empty()) {
            call.emit_start(out);
            call.emit_arguments(out);
            call.done = true;
        }
        out.append(&mut self.queued);
    }

    /// Index of the call of a delta. Without an index it is the call with the same id, else the latest one.
    fn call_index(&self, piece: &Value) -> u64 {
        let by_id = || {
            let id = piece["id"].as_str().filter(|id| !id.is_empty())?;
            self.calls.iter().find(|(_, call)| call.id == id).map(|(index, _)| *index)
        };
        let next = self.calls.keys().next_back().map_or(0, |last| last + 1);
        let latest = || if piece["id"].is_string() { next } else { next.saturating_sub(1) };
        piece["index"].as_u64().or_else(by_id).unwrap_or_else(latest)
    }

    fn advance(&mut self, index: u64, out: &mut Vec<Event>) {
        if let Some(open) = self.open.filter(|open| *open != index) {
            let complete = self.calls.get(&open).is_some_and(PartialCall::is_complete);
            if !complete || !self.queued.is_empty() {
                return;
            }
            self.close();
        }
        let Some(call) = self.calls.get_mut(&index).filter(|call| !call.done && !call.name.is_empty()) else {
            return;
        };
        if self.open.is_none() {
            // A text may have come out in between: what follows it is a new call in any case.
            call.emit_start(out);
            self.open = Some(index);
        }
        call.emit_arguments(out);
    }

    fn close(&mut self) {
        if let Some(call) = self.open.take().and_then(|index| self.calls.get_mut(&index)) {
            call.done = true;
        }
    }
}

impl PartialCall {
    fn is_complete(&self) -> bool {
        serde_json::from_str::<IgnoredAny>(&self.arguments).is_ok()
    }

    fn emit_start(&mut self, out: &mut Vec<Event>) {
        if self.id.is_empty() {
            // Not every provider names its calls; the results must find theirs all the same.
            self.id = format!("call_{:016x}", getrandom::u64().unwrap_or_default());
        }
        out.push(Event::Call { id: self.id.clone(), name: self.name.clone() });
    }

    fn emit_arguments(&mut self, out: &mut Vec<Event>) {
        if self.sent < self.arguments.len() {
            out.push(Event::CallArguments(self.arguments[self.sent..].to_owned()));
            self.sent = self.arguments.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn piece(index: u64, id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
        json!({"index": index, "id": id, "function": {"name": name, "arguments": arguments}})
    }

    /// The calls with their arguments, in order.
    fn read(events: &[Event]) -> Vec<(String, String)> {
        let mut calls: Vec<(String, String)> = Vec::new();
        for event in events {
            match event {
                Event::Call { name, .. } => calls.push((name.clone(), String::new())),
                Event::CallArguments(text) => {
                    calls.last_mut().expect("a call before its arguments").1.push_str(text)
                }
                other => panic!("{other:?}"),
            }
        }
        calls
    }

    #[test]
    fn a_single_call_streams_as_it_comes() {
        let (mut calls, mut out) = (ToolCallAssembler::default(), Vec::new());
        calls.push_delta(&piece(0, Some("a"), Some("f"), ""), &mut out);
        calls.push_delta(&piece(0, None, None, "{\"x\""), &mut out);
        assert_eq!(out.len(), 2);
        calls.push_delta(&piece(0, None, None, ":1}"), &mut out);
        calls.push_delta(&piece(1, Some("b"), Some("g"), "{}"), &mut out);
        assert_eq!(read(&out), [("f".into(), "{\"x\":1}".into()), ("g".into(), "{}".into())]);
    }

    #[test]
    fn text_waits_for_an_incomplete_call() {
        let (mut calls, mut out) = (ToolCallAssembler::default(), Vec::new());
        calls.push_delta(&piece(0, Some("a"), Some("f"), "{"), &mut out);
        calls.push_other(Event::Text("late".into()), &mut out);
        calls.push_delta(&piece(0, None, None, "}"), &mut out);
        calls.finish(&mut out);
        assert_eq!(out.last(), Some(&Event::Text("late".into())));
        assert_eq!(read(&out[..out.len() - 1]), [("f".into(), "{}".into())]);
    }

    #[test]
    fn calls_without_id_or_index_are_kept_apart() {
        let (mut calls, mut out) = (ToolCallAssembler::default(), Vec::new());
        calls.push_delta(&json!({"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}), &mut out);
        calls.push_delta(&json!({"id": "b", "function": {"name": "g", "arguments": "{}"}}), &mut out);
        assert_eq!(read(&out), [("f".into(), "{\"x\":1}".into()), ("g".into(), "{}".into())]);
        let (mut calls, mut out) = (ToolCallAssembler::default(), Vec::new());
        calls.push_delta(&piece(0, None, Some("f"), "{}"), &mut out);
        assert!(matches!(&out[0], Event::Call { id, .. } if id.len() > 10));
    }

    proptest! {
        #[test]
        fn any_interleaving_gives_every_call_whole_and_in_order(order in prop::collection::vec(0u64..3, 0..60)) {
            let texts = ["{\"a\":[1,2]}", "{\"b\":\"x y\"}", "{}"];
            let mut rest: Vec<Vec<char>> = texts.iter().map(|text| text.chars().rev().collect()).collect();
            let (mut calls, mut out) = (ToolCallAssembler::default(), Vec::new());
            for index in 0..3 {
                calls.push_delta(&piece(index, Some(&format!("id{index}")), Some(&format!("f{index}")), ""), &mut out);
            }
            let all = order.into_iter().chain((0..3).flat_map(|index| std::iter::repeat_n(index, 20)));
            for index in all {
                if let Some(c) = rest[index as usize].pop() {
                    calls.push_delta(&piece(index, None, None, &c.to_string()), &mut out);
                }
            }
            calls.finish(&mut out);
            let mut found = read(&out);
            found.sort();
            let wanted: Vec<_> = (0..3).map(|i| (format!("f{i}"), texts[i].to_owned())).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
