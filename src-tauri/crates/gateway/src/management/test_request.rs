//! Commands `try` and `try.stop`: one real request through the program's own HTTP service.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::{BoxFuture, Control, ControlError, ErrorCode, UserMessage};
use crate::server::SwitchError;
use storage::request_log::RequestErrorCode;

/// Result of a test request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct TestResult {
    pub status: u16,
    /// The reply.
    pub text: String,
    /// Model that replied.
    pub model: Option<String>,
    /// Label of the account that was used.
    pub account: Option<String>,
    pub attempts: u32,
    pub first_byte_ms: u64,
    pub duration_ms: u64,
    /// Error message, if the request failed.
    pub error: Option<String>,
    /// Code of the error, as clients get it.
    pub code: Option<String>,
}

/// A piece of a test's reply, sent when it arrives.
#[derive(Debug, Clone, Serialize, ts_rs::TS)]
pub struct TestText {
    /// The id that the caller gave to the test.
    pub id: String,
    pub text: String,
}

/// Callback that receives the text of a reply in pieces.
pub type TextSink = Box<dyn Fn(&str) + Send + Sync>;

/// The running tests that have an id.
pub(super) struct TestRuns {
    texts: broadcast::Sender<Arc<TestText>>,
    running: Mutex<HashMap<String, CancellationToken>>,
}

/// Number of pieces by which a slow reader of the events may lag behind.
const BUFFERED_TEXTS: usize = 256;

impl Default for TestRuns {
    fn default() -> Self {
        Self { texts: broadcast::Sender::new(BUFFERED_TEXTS), running: Mutex::default() }
    }
}

impl TestRuns {
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<TestText>> {
        self.texts.subscribe()
    }

    /// Sends the pieces of this test as events.
    fn sink(&self, id: &str) -> TextSink {
        let (texts, id) = (self.texts.clone(), id.to_owned());
        Box::new(move |text| {
            // Without a reader of the events there is no receiver.
            let _ = texts.send(Arc::new(TestText { id: id.clone(), text: text.to_owned() }));
        })
    }

    fn begin(&self, id: &str) -> CancellationToken {
        let token = CancellationToken::new();
        self.running.lock().insert(id.to_owned(), token.clone());
        token
    }

    fn end(&self, id: &str) -> Option<CancellationToken> {
        self.running.lock().remove(id)
    }
}

/// Guard of a running test. Dropping it removes the test, also if its caller disconnects.
struct RunGuard<'a> {
    runs: &'a TestRuns,
    id: String,
}

impl Drop for RunGuard<'_> {
    fn drop(&mut self) {
        self.runs.end(&self.id);
    }
}

/// Function that saves the change of a port. The error is a message for users.
pub type SavePort<'a> = Box<dyn FnOnce() -> Result<(), String> + Send + 'a>;

/// Operations that need the proxy or the server. Implemented by `app`, since `management` may not depend on `proxy`.
pub trait Backend: Send + Sync {
    /// Sends one real request. `sink` receives the reply's text as it arrives. Dropping the future cancels
    /// the request.
    fn test_request(&self, model: String, text: String, sink: TextSink) -> BoxFuture<'_, TestResult>;

    /// Opens the keyless port, moves it, or closes it. `save` is called once the new port is bound.
    ///
    /// # Errors
    /// The new port cannot be bound, or `save` failed. Nothing is changed then.
    fn set_keyless_port<'a>(
        &'a self,
        port: Option<u16>,
        save: SavePort<'a>,
    ) -> BoxFuture<'a, Result<(), SwitchError>>;

    /// Sets the most memory of the stored responses of the Responses API, bytes.
    fn set_stored_response_bytes(&self, max_bytes: usize);

    /// The current message about the keyless port, if there is one.
    fn keyless_notice(&self) -> Option<UserMessage>;
}

/// The longest text of a test request, bytes.
const MAX_QUESTION_BYTES: usize = 32 << 10;

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct TestRequestArgs {
    model: String,
    text: String,
    /// Id of the test. If it is set, the reply's text is also sent as events, and the test can be stopped.
    #[ts(optional = nullable)]
    id: Option<String>,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct StopArgs {
    id: String,
}

/// The longest id of a test, bytes.
const MAX_ID_BYTES: usize = 64;

pub(super) async fn test_request(
    control: &Control,
    args: TestRequestArgs,
) -> Result<TestResult, ControlError> {
    if args.text.len() > MAX_QUESTION_BYTES {
        return Err(ControlError::new(ErrorCode::BadArguments, "the question is longer than 32 KB"));
    }
    let Some(id) = args.id else {
        return Ok(control.backend()?.test_request(args.model, args.text, Box::new(|_| {})).await);
    };
    if id.len() > MAX_ID_BYTES {
        return Err(ControlError::new(ErrorCode::BadArguments, "the id is longer than 64 bytes"));
    }
    let runs = control.test_runs();
    let (backend, stopped, sink) = (control.backend()?, runs.begin(&id), runs.sink(&id));
    let _running = RunGuard { runs, id };
    Ok(tokio::select! {
        result = backend.test_request(args.model, args.text, sink) => result,
        () = stopped.cancelled() => stopped_result(),
    })
}

/// Stops a running test. Does nothing if the test has ended.
pub(super) async fn stop(control: &Control, args: StopArgs) -> Result<(), ControlError> {
    if let Some(running) = control.test_runs().end(&args.id) {
        running.cancel();
    }
    Ok(())
}

/// Returns the result of a stopped test, with the status and code of a request whose client disconnected.
fn stopped_result() -> TestResult {
    TestResult {
        status: 499,
        error: Some("stopped".to_owned()),
        code: Some(RequestErrorCode::ClientClosed.name().to_owned()),
        ..TestResult::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_test_sends_its_text_and_can_be_stopped() {
        let runs = TestRuns::default();
        let mut texts = runs.subscribe();
        let stopped = runs.begin("a");
        let sink = runs.sink("a");
        sink("Hel");
        sink("lo");
        for piece in ["Hel", "lo"] {
            let text = texts.try_recv().unwrap();
            assert_eq!((text.id.as_str(), text.text.as_str()), ("a", piece));
        }
        runs.end("a").unwrap().cancel();
        assert!(stopped.is_cancelled());
    }

    #[test]
    fn a_test_whose_caller_leaves_is_forgotten() {
        let runs = TestRuns::default();
        let _stopped = runs.begin("b");
        drop(RunGuard { runs: &runs, id: "b".to_owned() });
        assert!(runs.end("b").is_none());
    }
}
