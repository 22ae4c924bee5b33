//! Stored responses of the Responses API (`store`, `previous_response_id`), in memory only and limited in bytes, number
//! and time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dialects::{ItemTools, ResponsesState, StoredResponse};
use parking_lot::{Mutex, MutexGuard};
use protocol::{Message, Part, Request, Role};

use super::error::ProxyError;

/// The most memory of all stored responses together, bytes.
const MAX_STORED_BYTES: usize = 64 * 1024 * 1024;
const MAX_STORED_RESPONSES: usize = 1_000;
const RESPONSE_TTL: Duration = Duration::from_secs(60 * 60);

/// The store of responses, by client and response id.
#[derive(Default)]
pub(super) struct ResponseStore {
    entries: Mutex<VecDeque<ResponseEntry>>,
}

struct ResponseEntry {
    client: Arc<str>,
    id: String,
    body: String,
    messages: Arc<[Message]>,
    item_tools: ItemTools,
    bytes: usize,
    stored_at: Instant,
}

/// The parts of a request that are needed to store its response.
pub(super) struct PendingResponse {
    client: Arc<str>,
    request: Arc<Request>,
    has_instructions: bool,
    item_tools: ItemTools,
}

impl PendingResponse {
    /// The pending response of a request with `store`; `None` for other requests.
    pub(super) fn new(
        client: &Arc<str>,
        request: &Arc<Request>,
        state: Option<&ResponsesState>,
    ) -> Option<Self> {
        let state = state.filter(|state| state.store)?;
        let (client, request) = (Arc::clone(client), Arc::clone(request));
        let item_tools = state.item_tools.clone();
        Some(Self { client, request, has_instructions: state.has_instructions, item_tools })
    }
}

impl ResponseStore {
    /// Stores a response with the conversation before it. The oldest responses are removed to make room. A response
    /// that alone exceeds the limit is not stored.
    pub(super) fn insert(&self, pending: &PendingResponse, response: StoredResponse, now: Instant) {
        let reply = Message { role: Role::Assistant, parts: response.parts };
        let before = pending.request.messages.iter().skip(usize::from(pending.has_instructions)).cloned();
        let messages: Arc<[Message]> = before.chain([reply]).collect();
        let item_tools = pending.item_tools.clone();
        let message_bytes: usize = messages.iter().map(|message| parts_bytes(&message.parts)).sum();
        let bytes = response.body.len() + item_tools.bytes() + message_bytes;
        if bytes > MAX_STORED_BYTES {
            return;
        }
        let client = Arc::clone(&pending.client);
        let entry = ResponseEntry {
            client,
            id: response.id,
            body: response.body,
            messages,
            item_tools,
            bytes,
            stored_at: now,
        };
        let mut entries = self.unexpired(now);
        entries.push_back(entry);
        while entries.len() > MAX_STORED_RESPONSES
            || entries.iter().map(|entry| entry.bytes).sum::<usize>() > MAX_STORED_BYTES
        {
            entries.pop_front();
        }
    }

    /// Inserts the stored conversation of the previous response between the new instructions and the new input, and adds
    /// the tools that its input items brought.
    ///
    /// # Errors
    /// The previous response is not stored, or the tools of both together are too many.
    pub(super) fn resume(
        &self,
        client: &str,
        request: &mut Request,
        state: &mut ResponsesState,
        now: Instant,
    ) -> Result<(), ProxyError> {
        let Some(previous) = &state.previous_response_id else { return Ok(()) };
        let entries = self.unexpired(now);
        let entry = entries.iter().find(|entry| &entry.id == previous && *entry.client == *client);
        let Some(entry) = entry else { return Err(ProxyError::PreviousResponseNotFound) };
        let position = usize::from(state.has_instructions);
        request.messages.splice(position..position, entry.messages.iter().cloned());
        state.restore_item_tools(&entry.item_tools, request).map_err(ProxyError::Invalid)
    }

    /// The body of a stored response.
    pub(super) fn get_body(&self, client: &str, id: &str, now: Instant) -> Option<String> {
        let entries = self.unexpired(now);
        let entry = entries.iter().find(|entry| entry.id == id && *entry.client == *client)?;
        Some(entry.body.clone())
    }

    /// Removes a response. Returns whether it was stored.
    pub(super) fn remove(&self, client: &str, id: &str, now: Instant) -> bool {
        let mut entries = self.unexpired(now);
        let before = entries.len();
        entries.retain(|entry| entry.id != id || *entry.client != *client);
        entries.len() < before
    }

    /// The entries that have not expired; expired ones are removed.
    fn unexpired(&self, now: Instant) -> MutexGuard<'_, VecDeque<ResponseEntry>> {
        let mut entries = self.entries.lock();
        while entries
            .front()
            .is_some_and(|oldest| now.saturating_duration_since(oldest.stored_at) > RESPONSE_TTL)
        {
            entries.pop_front();
        }
        entries
    }
}

fn parts_bytes(parts: &[Part]) -> usize {
    let sizes = parts.iter().map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => text.len(),
        Part::Image(image) => image.bytes().len(),
        Part::ImageLink(link) => link.url.as_str().len(),
        Part::File(file) => file.name.len() + file.data.len(),
        Part::Call(call) => call.id.len() + call.name.len() + call.arguments.len(),
        Part::Result(result) => result.call_id.len() + parts_bytes(&result.parts),
    });
    sizes.map(|bytes| bytes + size_of::<Part>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> Message {
        Message { role: Role::User, parts: vec![Part::Text(text.into())] }
    }

    fn pending(messages: Vec<Message>, instructed: bool) -> PendingResponse {
        let request = Arc::new(Request { messages, ..Request::default() });
        PendingResponse {
            client: "ide".into(),
            request,
            has_instructions: instructed,
            item_tools: ItemTools::default(),
        }
    }

    fn kept(id: &str, text: &str) -> StoredResponse {
        StoredResponse { id: id.into(), body: "{}".into(), parts: vec![Part::Text(text.into())] }
    }

    fn after(previous: &str, instructed: bool) -> ResponsesState {
        let mut state = ResponsesState::default();
        (state.previous_response_id, state.has_instructions) = (Some(previous.into()), instructed);
        state
    }

    #[test]
    fn a_resumed_conversation_follows_the_new_instructions() {
        let (store, now) = (ResponseStore::default(), Instant::now());
        store.insert(&pending(vec![says("old rule"), says("a")], true), kept("1", "b"), now);
        let mut request = Request { messages: vec![says("new rule"), says("c")], ..Request::default() };
        store.resume("ide", &mut request, &mut after("1", true), now).unwrap();
        let texts: Vec<&Part> = request.messages.iter().flat_map(|message| &message.parts).collect();
        assert_eq!(texts.len(), 4);
        assert_eq!(texts[1], &Part::Text("a".into()));
        let resumed = store.resume("other", &mut request, &mut after("1", true), now);
        assert!(resumed.is_err(), "another key's is not told of");
        assert!(store.resume("ide", &mut request, &mut after("2", true), now).is_err());
    }

    #[test]
    fn stored_responses_are_bounded_in_time_bytes_and_number() {
        let (store, now) = (ResponseStore::default(), Instant::now());
        let big = "x".repeat(MAX_STORED_BYTES / 3);
        for id in ["1", "2", "3"] {
            store.insert(&pending(vec![says(&big)], false), kept(id, "y"), now);
        }
        assert_eq!(
            (store.get_body("ide", "1", now), store.get_body("ide", "3", now)),
            (None, Some("{}".into()))
        );
        assert!(store.remove("ide", "3", now) && !store.remove("ide", "3", now));
        assert_eq!(store.get_body("ide", "2", now + RESPONSE_TTL + Duration::from_secs(1)), None);
        for n in 0..MAX_STORED_RESPONSES + 5 {
            store.insert(&pending(Vec::new(), false), kept(&n.to_string(), ""), now);
        }
        assert_eq!(
            (store.get_body("ide", "4", now), store.get_body("ide", "5", now).is_some()),
            (None, true)
        );
    }
}
