//! Stored responses of the Responses API (`store`, `previous_response_id`), in memory only and limited in bytes, number
//! and time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dialects::{ItemTools, ResponsesState, StoredResponse};
use parking_lot::{Mutex, MutexGuard};
use protocol::{Message, Part, Request, Role};

use super::error::ProxyError;

const MAX_STORED_RESPONSES: usize = 1_000;
const RESPONSE_TTL: Duration = Duration::from_secs(60 * 60);

/// The store of responses, by client and response id.
pub(super) struct ResponseStore {
    entries: Mutex<VecDeque<ResponseEntry>>,
    /// The most memory of all stored responses together, bytes.
    max_bytes: AtomicUsize,
    stored_bytes: Arc<AtomicUsize>,
}

struct ResponseEntry {
    client: Arc<str>,
    id: String,
    body: Box<str>,
    turn: Arc<StoredTurn>,
    item_tools: ItemTools,
    stored_at: Instant,
    _size: CountedSize,
}

/// The messages that one request and its reply added to a conversation. A response that continues another shares the
/// messages before its own with it.
pub(super) struct StoredTurn {
    previous: Option<Arc<StoredTurn>>,
    messages: Vec<Message>,
    /// The number of messages up to the end of this turn.
    message_count: usize,
    /// The size of all messages up to the end of this turn.
    conversation_bytes: usize,
    _size: CountedSize,
}

impl StoredTurn {
    /// Returns all messages up to the end of this turn.
    fn conversation(&self) -> Vec<Message> {
        let mut turns: Vec<&Self> =
            std::iter::successors(Some(self), |turn| turn.previous.as_deref()).collect();
        turns.reverse();
        turns.into_iter().flat_map(|turn| &turn.messages).cloned().collect()
    }
}

impl Drop for StoredTurn {
    /// Drops the previous turns one after the other, since recursive drops of a long conversation would
    /// overflow the stack.
    fn drop(&mut self) {
        let mut previous = self.previous.take();
        while let Some(mut turn) = previous.and_then(Arc::into_inner) {
            previous = turn.previous.take();
        }
    }
}

/// A number of bytes that counts in a total until it is dropped.
struct CountedSize {
    bytes: usize,
    total: Arc<AtomicUsize>,
}

impl CountedSize {
    fn new(bytes: usize, total: &Arc<AtomicUsize>) -> Self {
        total.fetch_add(bytes, Ordering::Relaxed);
        Self { bytes, total: Arc::clone(total) }
    }
}

impl Drop for CountedSize {
    fn drop(&mut self) {
        self.total.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The parts of a request that are needed to store its response.
pub(super) struct PendingResponse {
    client: Arc<str>,
    request: Arc<Request>,
    has_instructions: bool,
    item_tools: ItemTools,
    previous: Option<Arc<StoredTurn>>,
}

impl PendingResponse {
    /// The pending response of a request with `store`; `None` for other requests. `previous` is what
    /// [`ResponseStore::resume`] returned for the request.
    pub(super) fn new(
        client: &Arc<str>,
        request: &Arc<Request>,
        state: Option<&ResponsesState>,
        previous: Option<Arc<StoredTurn>>,
    ) -> Option<Self> {
        let state = state.filter(|state| state.store)?;
        let (client, request) = (Arc::clone(client), Arc::clone(request));
        let item_tools = state.item_tools.clone();
        Some(Self { client, request, has_instructions: state.has_instructions, item_tools, previous })
    }

    /// The messages that came with the request itself.
    fn new_messages(&self) -> &[Message] {
        let resumed = self.previous.as_ref().map_or(0, |turn| turn.message_count);
        self.request.messages.get(usize::from(self.has_instructions) + resumed..).unwrap_or_default()
    }
}

impl ResponseStore {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            entries: Mutex::default(),
            max_bytes: AtomicUsize::new(max_bytes),
            stored_bytes: Arc::default(),
        }
    }

    /// Sets the most memory of all stored responses. The oldest are removed until the others fit.
    pub(super) fn set_max_bytes(&self, max_bytes: usize) {
        self.max_bytes.store(max_bytes, Ordering::Relaxed);
        self.remove_oldest(&mut self.entries.lock());
    }

    /// Stores a response with the conversation before it. The oldest responses are removed to make room. A response
    /// that alone exceeds the limit is not stored.
    pub(super) fn insert(&self, pending: &PendingResponse, response: StoredResponse, now: Instant) {
        let previous = pending.previous.clone();
        let mut reply = Message { role: Role::Assistant, parts: response.parts };
        reply.parts.iter_mut().for_each(release_unused_capacity);
        let messages: Vec<Message> = pending.new_messages().iter().cloned().chain([reply]).collect();
        let item_tools = pending.item_tools.clone();
        let message_bytes: usize = messages.iter().map(|message| parts_bytes(&message.parts)).sum();
        let (count_before, bytes_before) =
            previous.as_ref().map_or((0, 0), |turn| (turn.message_count, turn.conversation_bytes));
        let message_count = count_before + messages.len();
        let conversation_bytes = bytes_before + message_bytes;
        let entry_bytes = response.body.len() + item_tools.bytes();
        if entry_bytes + conversation_bytes > self.max_bytes.load(Ordering::Relaxed) {
            return;
        }
        let turn = Arc::new(StoredTurn {
            previous,
            messages,
            message_count,
            conversation_bytes,
            _size: CountedSize::new(message_bytes, &self.stored_bytes),
        });
        let entry = ResponseEntry {
            client: Arc::clone(&pending.client),
            id: response.id,
            body: response.body.into_boxed_str(),
            turn,
            item_tools,
            stored_at: now,
            _size: CountedSize::new(entry_bytes, &self.stored_bytes),
        };
        let mut entries = self.unexpired(now);
        entries.push_back(entry);
        self.remove_oldest(&mut entries);
    }

    fn remove_oldest(&self, entries: &mut VecDeque<ResponseEntry>) {
        while entries.len() > MAX_STORED_RESPONSES
            || self.stored_bytes.load(Ordering::Relaxed) > self.max_bytes.load(Ordering::Relaxed)
        {
            if entries.pop_front().is_none() {
                break;
            }
        }
    }

    /// Inserts the stored conversation of the previous response between the new instructions and the new input, and adds
    /// the tools that its input items brought. Returns the conversation's last turn.
    ///
    /// # Errors
    /// The previous response is not stored, or the tools of both together are too many.
    pub(super) fn resume(
        &self,
        client: &str,
        request: &mut Request,
        state: &mut ResponsesState,
        now: Instant,
    ) -> Result<Option<Arc<StoredTurn>>, ProxyError> {
        let Some(previous) = &state.previous_response_id else { return Ok(None) };
        let entries = self.unexpired(now);
        let entry = entries.iter().find(|entry| &entry.id == previous && *entry.client == *client);
        let Some(entry) = entry else { return Err(ProxyError::PreviousResponseNotFound) };
        let (turn, item_tools) = (Arc::clone(&entry.turn), entry.item_tools.clone());
        drop(entries);
        let position = usize::from(state.has_instructions);
        request.messages.splice(position..position, turn.conversation());
        state.restore_item_tools(&item_tools, request).map_err(ProxyError::Invalid)?;
        Ok(Some(turn))
    }

    /// The body of a stored response.
    pub(super) fn get_body(&self, client: &str, id: &str, now: Instant) -> Option<String> {
        let entries = self.unexpired(now);
        let entry = entries.iter().find(|entry| entry.id == id && *entry.client == *client)?;
        Some(entry.body.to_string())
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

/// Gives back what a text that grew by deltas has reserved. It would not count in the limit.
fn release_unused_capacity(part: &mut Part) {
    match part {
        Part::Text(text) | Part::Reasoning(text) => text.shrink_to_fit(),
        Part::Call(call) => call.arguments.shrink_to_fit(),
        Part::Image(_) | Part::ImageLink(_) | Part::File(_) | Part::Result(_) => {}
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

    /// Memory for three of the large texts below, and some bytes for their metadata.
    const MAX_BYTES: usize = 3_100_000;

    fn big_text() -> String {
        "x".repeat(1_000_000)
    }

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
            previous: None,
        }
    }

    /// Continues the conversation of `previous` with `text`, as response `id`.
    fn continue_from(store: &ResponseStore, previous: &str, id: &str, text: &str, now: Instant) {
        let mut request = Request { messages: vec![says(text)], ..Request::default() };
        let turn = store.resume("ide", &mut request, &mut after(previous, false), now).unwrap();
        let pending = PendingResponse { previous: turn, ..pending(request.messages, false) };
        store.insert(&pending, kept(id, "y"), now);
    }

    fn stored(store: &ResponseStore, id: &str, now: Instant) -> bool {
        store.get_body("ide", id, now).is_some()
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
        let (store, now) = (ResponseStore::new(MAX_BYTES), Instant::now());
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
        let (store, now) = (ResponseStore::new(MAX_BYTES), Instant::now());
        for id in ["1", "2", "3", "4"] {
            store.insert(&pending(vec![says(&big_text())], false), kept(id, "y"), now);
        }
        assert_eq!(["1", "2", "4"].map(|id| stored(&store, id, now)), [false, true, true]);
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

    #[test]
    fn a_continued_conversation_is_stored_once() {
        let (store, now) = (ResponseStore::new(MAX_BYTES), Instant::now());
        store.insert(&pending(vec![says(&big_text())], false), kept("0", "y"), now);
        for n in 0..50 {
            continue_from(&store, &n.to_string(), &(n + 1).to_string(), "more", now);
        }
        assert!(stored(&store, "0", now) && stored(&store, "50", now));
        let mut request = Request { messages: vec![says("last")], ..Request::default() };
        store.resume("ide", &mut request, &mut after("50", false), now).unwrap();
        assert_eq!(request.messages.len(), 103);
        assert_eq!(request.messages[100], says("more"));

        assert!(store.remove("ide", "0", now), "the others keep its messages");
        store.resume("ide", &mut request, &mut after("50", false), now).unwrap();
        store.set_max_bytes(0);
        assert_eq!(store.stored_bytes.load(Ordering::Relaxed), 0, "all of it is given back");
    }

    #[test]
    fn what_a_reply_has_reserved_is_not_stored() {
        let (store, now) = (ResponseStore::new(MAX_BYTES), Instant::now());
        let mut text = String::with_capacity(1_000);
        text.push('y');
        let response = StoredResponse { parts: vec![Part::Text(text)], ..kept("1", "") };
        store.insert(&pending(Vec::new(), false), response, now);
        let entries = store.entries.lock();
        let Part::Text(text) = &entries[0].turn.messages[0].parts[0] else { panic!("not a text") };
        assert_eq!(text.capacity(), 1);
    }

    #[test]
    fn a_smaller_limit_removes_the_oldest_at_once() {
        let (store, now) = (ResponseStore::new(MAX_BYTES), Instant::now());
        for id in ["1", "2", "3"] {
            store.insert(&pending(vec![says(&big_text())], false), kept(id, "y"), now);
        }
        store.set_max_bytes(MAX_BYTES / 2);
        assert_eq!(["1", "2", "3"].map(|id| stored(&store, id, now)), [false, false, true]);
        continue_from(&store, "3", "4", &big_text(), now);
        assert_eq!(["3", "4"].map(|id| stored(&store, id, now)), [true, false], "too large by itself");
        store.set_max_bytes(0);
        store.insert(&pending(Vec::new(), false), kept("5", ""), now);
        assert!(!stored(&store, "5", now));
    }

    #[test]
    fn a_very_long_conversation_is_dropped_without_recursion() {
        let (store, now) = (ResponseStore::new(usize::MAX), Instant::now());
        let mut previous = None;
        for n in 0..100_000 {
            let next = PendingResponse { previous, ..pending(Vec::new(), false) };
            store.insert(&next, kept(&n.to_string(), ""), now);
            previous = store.entries.lock().back().map(|entry| Arc::clone(&entry.turn));
        }
        drop((store, previous));
    }
}
