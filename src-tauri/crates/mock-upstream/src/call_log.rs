//! Bounded log of the recorded calls, with a way to wait for changes.

use std::collections::VecDeque;

use serde::{Serialize, Serializer};
use serde_json::Value;
use tokio::sync::watch;

const MAX_RECORDED_CALLS: usize = 10_000;
const MAX_RECORDED_BYTES: usize = 128 * 1024 * 1024;

/// A recorded request.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct RecordedCall {
    /// Sequence number of the call since the start, from 0.
    pub id: u64,
    /// Number of the connection since the start, from 1.
    pub connection: u64,
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// The label of the account whose cookie or key came with the request.
    pub account: Option<String>,
    /// Whether the request has exactly one session cookie or key, and it is valid.
    pub cookie_ok: bool,
    /// Headers, names in lower case. Serialisation omits cookies and keys.
    #[serde(serialize_with = "without_cookies")]
    pub headers: Vec<(String, String)>,
    pub model: Option<String>,
    pub preprompt: Option<String>,
    /// The turns in order, each as the JSON object of the request.
    pub messages: Vec<Value>,
    /// Other fields of the body (API only).
    pub fields: serde_json::Map<String, Value>,
    pub uploaded: Option<RecordedUpload>,
    /// Description of the protocol violation, if there is one.
    pub problem: Option<String>,
    /// Status of the response. `None` before the response, and after a reset without one.
    pub status: Option<u16>,
    pub sent_chunks: usize,
    pub sent_bytes: u64,
    /// Whether the call has ended.
    pub ended: bool,
    /// Whether the client disconnected before the request was read or the response complete.
    pub peer_closed_early: bool,
}

impl RecordedCall {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The texts of the turns in order. An even number violates the `turns` layout, which the mock does not reject.
    pub fn texts(&self) -> Vec<&str> {
        self.messages.iter().filter_map(|message| message["content"].as_str()).collect()
    }

    /// Approximate size of the call in memory, bytes.
    fn memory_size(&self) -> usize {
        let messages: usize = self.messages.iter().map(|message| message.to_string().len()).sum();
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let fields: usize = self.fields.values().map(|value| value.to_string().len()).sum();
        let upload = self.uploaded.as_ref().map_or(0, |upload| upload.name.len() + upload.file_name.len());
        self.path.len()
            + self.preprompt.as_ref().map_or(0, String::len)
            + messages
            + headers
            + upload
            + fields
    }
}

/// An uploaded image, without its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordedUpload {
    /// `name` of the form.
    pub name: String,
    /// File name of the file part.
    pub file_name: String,
    pub content_type: String,
    pub bytes_len: usize,
    /// SHA-256 of the bytes in lower-case hexadecimal.
    pub sha256: String,
}

fn without_cookies<S: Serializer>(headers: &[(String, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(headers.iter().filter(|(name, _)| name != "cookie" && name != "authorization"))
}

/// State that [`super::MockUpstream::wait_for`] observes.
#[derive(Debug, Default)]
pub struct MockUpstreamState {
    /// Calls, oldest first. A call is added when its request is complete or its client disconnected.
    pub calls: VecDeque<RecordedCall>,
    /// Number of running calls.
    pub active_calls: usize,
    /// Number of chunks held by the `gate` fault.
    pub held_chunks: usize,
    /// Number of connections accepted since the start.
    pub connections: u64,
    recorded_bytes: usize,
    next_id: u64,
}

impl MockUpstreamState {
    fn push(&mut self, call: RecordedCall) {
        self.recorded_bytes += call.memory_size();
        self.calls.push_back(call);
        while self.calls.len() > MAX_RECORDED_CALLS
            || (self.recorded_bytes > MAX_RECORDED_BYTES && self.calls.len() > 1)
        {
            let oldest = self.calls.pop_front();
            self.recorded_bytes -= oldest.map_or(0, |call| call.memory_size());
        }
    }
}

/// Owner of the state.
pub(super) struct CallLog(watch::Sender<MockUpstreamState>);

impl CallLog {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(MockUpstreamState::default()))
    }

    pub(super) fn calls(&self) -> Vec<RecordedCall> {
        self.0.borrow().calls.iter().cloned().collect()
    }

    pub(super) fn active_calls(&self) -> usize {
        self.0.borrow().active_calls
    }

    pub(super) fn clear(&self) {
        self.0.send_modify(|state| {
            state.calls.clear();
            state.recorded_bytes = 0;
        });
    }

    pub(super) async fn wait_for(&self, predicate: impl Fn(&MockUpstreamState) -> bool) {
        // The sender is in `self`, so the channel cannot close while this waits.
        let _ = self.0.subscribe().wait_for(|state| predicate(state)).await;
    }

    /// Counts a connection and returns its number.
    pub(super) fn count_connection(&self) -> u64 {
        let mut number = 0;
        self.0.send_modify(|state| {
            state.connections += 1;
            number = state.connections;
        });
        number
    }

    pub(super) fn connections(&self) -> u64 {
        self.0.borrow().connections
    }

    /// Counts a new call and returns its id.
    pub(super) fn begin(&self) -> u64 {
        let mut id = 0;
        self.0.send_modify(|state| {
            id = state.next_id;
            state.next_id += 1;
            state.active_calls += 1;
        });
        id
    }

    pub(super) fn push(&self, call: RecordedCall) {
        self.0.send_modify(|state| state.push(call));
    }

    /// Updates a call, if it is still in the log.
    pub(super) fn update(&self, id: u64, change: impl FnOnce(&mut RecordedCall)) {
        self.0.send_modify(|state| {
            if let Some(call) = state.calls.iter_mut().rev().find(|call| call.id == id) {
                change(call);
            }
        });
    }

    /// Records the end of a call and decrements the running calls in one step.
    pub(super) fn end(&self, id: u64, unrecorded: Option<RecordedCall>, peer_closed_early: bool) {
        self.0.send_modify(|state| {
            if let Some(call) = unrecorded {
                state.push(call);
            }
            if let Some(call) = state.calls.iter_mut().rev().find(|call| call.id == id) {
                call.ended = true;
                call.peer_closed_early = peer_closed_early;
            }
            state.active_calls -= 1;
        });
    }

    /// Counts a held chunk for as long as the guard lives.
    pub(super) fn hold(&self) -> HeldChunk<'_> {
        self.0.send_modify(|state| state.held_chunks += 1);
        HeldChunk(self)
    }
}

pub(super) struct HeldChunk<'a>(&'a CallLog);

impl Drop for HeldChunk<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.held_chunks -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(id: u64, preprompt: usize) -> RecordedCall {
        RecordedCall { id, preprompt: Some("x".repeat(preprompt)), ..RecordedCall::default() }
    }

    #[test]
    fn the_oldest_calls_are_dropped_first() {
        let mut state = MockUpstreamState::default();
        (0..10_005).for_each(|id| state.push(call(id, 1)));
        assert_eq!(state.calls.len(), MAX_RECORDED_CALLS);
        assert_eq!(state.calls[0].id, 5);
    }

    #[test]
    fn big_calls_are_dropped_sooner() {
        let mut state = MockUpstreamState::default();
        (0..5).for_each(|id| state.push(call(id, 40 * 1024 * 1024)));
        assert_eq!(state.calls.len(), 3);
        assert!(state.recorded_bytes <= MAX_RECORDED_BYTES);
    }

    #[test]
    fn a_call_as_json_has_no_cookie() {
        let headers =
            vec![("cookie".to_owned(), "auth_session=x".to_owned()), ("a".to_owned(), "b".to_owned())];
        let json = serde_json::to_value(RecordedCall { headers, ..RecordedCall::default() }).unwrap();
        assert_eq!(json["headers"], serde_json::json!([["a", "b"]]));
    }
}
