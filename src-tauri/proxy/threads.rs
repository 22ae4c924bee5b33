//! Responses that their clients may come back to: kept in memory only, a bounded number of bytes for a bounded time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::chat::{Message, Part, Request, Role};
use crate::dialects::{ResponsesState, StoredResponse};

/// All that is kept together, bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;
const MOST: usize = 1_000;
const LIFE: Duration = Duration::from_secs(60 * 60);

#[derive(Default)]
pub(super) struct Threads {
    kept: Mutex<VecDeque<Thread>>,
}

struct Thread {
    client: Arc<str>,
    id: String,
    body: String,
    messages: Arc<[Message]>,
    bytes: usize,
    since: Instant,
}

/// What has to be kept of a request until its response is there.
pub(super) struct Pending {
    client: Arc<str>,
    request: Arc<Request>,
    instructed: bool,
}

impl Pending {
    /// Of a request whose response is to be kept; `None` for all others.
    pub(super) fn of(
        client: &Arc<str>,
        request: &Arc<Request>,
        memory: Option<&ResponsesState>,
    ) -> Option<Self> {
        let memory = memory.filter(|memory| memory.store)?;
        let (client, request) = (Arc::clone(client), Arc::clone(request));
        Some(Self { client, request, instructed: memory.has_instructions })
    }
}

impl Threads {
    /// Keeps a response with all that was said before it. The oldest make room.
    pub(super) fn keep(&self, pending: &Pending, kept: StoredResponse, now: Instant) {
        let said = Message { role: Role::Assistant, parts: kept.parts };
        let before = pending.request.messages.iter().skip(usize::from(pending.instructed)).cloned();
        let messages: Arc<[Message]> = before.chain([said]).collect();
        let bytes = kept.body.len() + messages.iter().map(|message| size(&message.parts)).sum::<usize>();
        if bytes > MOST_BYTES {
            return;
        }
        let client = Arc::clone(&pending.client);
        let thread = Thread { client, id: kept.id, body: kept.body, messages, bytes, since: now };
        let mut all = self.all(now);
        all.push_back(thread);
        while all.len() > MOST || all.iter().map(|thread| thread.bytes).sum::<usize>() > MOST_BYTES {
            all.pop_front();
        }
    }

    /// Puts what a response and those before it said before the new input, behind the new instructions.
    pub(super) fn go_on(
        &self,
        client: &str,
        request: &mut Request,
        memory: &ResponsesState,
        now: Instant,
    ) -> bool {
        let Some(previous) = &memory.previous_response_id else { return true };
        let all = self.all(now);
        let thread = all.iter().find(|thread| &thread.id == previous && *thread.client == *client);
        let Some(thread) = thread else { return false };
        let place = usize::from(memory.has_instructions);
        request.messages.splice(place..place, thread.messages.iter().cloned());
        true
    }

    /// The body of a kept response.
    pub(super) fn body(&self, client: &str, id: &str, now: Instant) -> Option<String> {
        let all = self.all(now);
        let thread = all.iter().find(|thread| thread.id == id && *thread.client == *client)?;
        Some(thread.body.clone())
    }

    /// Forgets a response. Says whether there was one.
    pub(super) fn forget(&self, client: &str, id: &str, now: Instant) -> bool {
        let mut all = self.all(now);
        let before = all.len();
        all.retain(|thread| thread.id != id || *thread.client != *client);
        all.len() < before
    }

    /// Those whose time is not over.
    fn all(&self, now: Instant) -> std::sync::MutexGuard<'_, VecDeque<Thread>> {
        let mut all = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        while all.front().is_some_and(|oldest| now.saturating_duration_since(oldest.since) > LIFE) {
            all.pop_front();
        }
        all
    }
}

fn size(parts: &[Part]) -> usize {
    let sizes = parts.iter().map(|part| match part {
        Part::Text(text) | Part::Reasoning(text) => text.len(),
        Part::Image(image) => image.bytes().len(),
        Part::ImageLink(link) => link.url.as_str().len(),
        Part::File(file) => file.name.len() + file.data.len(),
        Part::Call(call) => call.id.len() + call.name.len() + call.arguments.len(),
        Part::Result(result) => result.call_id.len() + size(&result.parts),
    });
    sizes.map(|bytes| bytes + size_of::<Part>()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> Message {
        Message { role: Role::User, parts: vec![Part::Text(text.into())] }
    }

    fn pending(messages: Vec<Message>, instructed: bool) -> Pending {
        let request = Arc::new(Request { messages, ..Request::default() });
        Pending { client: "ide".into(), request, instructed }
    }

    fn kept(id: &str, text: &str) -> StoredResponse {
        StoredResponse { id: id.into(), body: "{}".into(), parts: vec![Part::Text(text.into())] }
    }

    fn after(previous: &str, instructed: bool) -> ResponsesState {
        let mut memory = ResponsesState::default();
        (memory.previous_response_id, memory.has_instructions) = (Some(previous.into()), instructed);
        memory
    }

    #[test]
    fn a_conversation_goes_on_behind_the_new_instructions() {
        let (threads, now) = (Threads::default(), Instant::now());
        threads.keep(&pending(vec![says("old rule"), says("a")], true), kept("1", "b"), now);
        let mut request = Request { messages: vec![says("new rule"), says("c")], ..Request::default() };
        assert!(threads.go_on("ide", &mut request, &after("1", true), now));
        let texts: Vec<&Part> = request.messages.iter().flat_map(|message| &message.parts).collect();
        assert_eq!(texts.len(), 4);
        assert_eq!(texts[1], &Part::Text("a".into()));
        assert!(
            !threads.go_on("other", &mut request, &after("1", true), now),
            "another key's is not told of"
        );
        assert!(!threads.go_on("ide", &mut request, &after("2", true), now));
    }

    #[test]
    fn what_is_kept_is_bounded_in_time_bytes_and_number() {
        let (threads, now) = (Threads::default(), Instant::now());
        let big = "x".repeat(MOST_BYTES / 3);
        for id in ["1", "2", "3"] {
            threads.keep(&pending(vec![says(&big)], false), kept(id, "y"), now);
        }
        assert_eq!((threads.body("ide", "1", now), threads.body("ide", "3", now)), (None, Some("{}".into())));
        assert!(threads.forget("ide", "3", now) && !threads.forget("ide", "3", now));
        assert_eq!(threads.body("ide", "2", now + LIFE + Duration::from_secs(1)), None);
        for n in 0..MOST + 5 {
            threads.keep(&pending(Vec::new(), false), kept(&n.to_string(), ""), now);
        }
        assert_eq!((threads.body("ide", "4", now), threads.body("ide", "5", now).is_some()), (None, true));
    }
}
