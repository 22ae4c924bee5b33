//! Command `try`: one real request through the program's own HTTP service.

use serde::{Deserialize, Serialize};

use super::{BoxFuture, Control, ControlError, ErrorCode, UserMessage};
use crate::server::SwitchError;

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct TestResult {
    pub status: u16,
    /// The reply.
    pub text: String,
    /// The model that answered.
    pub model: Option<String>,
    /// The label of the account that answered.
    pub account: Option<String>,
    pub attempts: u32,
    pub first_byte_ms: u64,
    pub duration_ms: u64,
    /// Why there is no reply.
    pub error: Option<String>,
    /// The same as a code, as clients get it.
    pub code: Option<String>,
}

/// Saves a change. The error is a sentence for people.
pub type SavePort<'a> = Box<dyn FnOnce() -> Result<(), String> + Send + 'a>;

/// Operations that need the proxy or the server. Implemented by `app`, since `management` may not depend on `proxy`.
pub trait Backend: Send + Sync {
    /// Sends one real request.
    fn test_request(&self, model: String, text: String) -> BoxFuture<'_, TestResult>;

    /// Opens the keyless port, moves it, or closes it. `save` is called once the new port is bound.
    ///
    /// # Errors
    /// The new port cannot be bound, or `save` failed. Nothing is changed then.
    fn set_keyless_port<'a>(
        &'a self,
        port: Option<u16>,
        save: SavePort<'a>,
    ) -> BoxFuture<'a, Result<(), SwitchError>>;

    /// The current message about the keyless port, if there is one.
    fn keyless_notice(&self) -> Option<UserMessage>;
}

/// The longest text of a test request, bytes.
const MAX_QUESTION_BYTES: usize = 32 << 10;

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(super) struct TestRequestArgs {
    model: String,
    text: String,
}

pub(super) async fn test_request(
    control: &Control,
    args: TestRequestArgs,
) -> Result<TestResult, ControlError> {
    if args.text.len() > MAX_QUESTION_BYTES {
        return Err(ControlError::new(ErrorCode::BadArguments, "the question is longer than 32 KB"));
    }
    Ok(control.backend()?.test_request(args.model, args.text).await)
}
