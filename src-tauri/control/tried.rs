//! `try`: one real request through the proxy's own front door.

use serde::{Deserialize, Serialize};

use super::{BoxFuture, Control, ControlError, ErrorCode, Said};
use crate::server::SwitchError;

/// What became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TryView {
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

/// Saves a change; the error is a sentence for people.
pub type Save<'a> = Box<dyn FnOnce() -> Result<(), String> + Send + 'a>;

/// What the rooms that serve do for a command. `app` hands it over, because they and this room do not see each other.
pub trait Engine: Send + Sync {
    /// One real request.
    fn try_one(&self, model: String, text: String) -> BoxFuture<'_, TryView>;

    /// Opens the port without a key, moves it, or closes it. `save` is called once nothing else is in the way.
    ///
    /// # Errors
    /// All stays as it was.
    fn serve_without_key<'a>(
        &'a self,
        port: Option<u16>,
        save: Save<'a>,
    ) -> BoxFuture<'a, Result<(), SwitchError>>;

    /// What the user should know of that port now.
    fn without_key(&self) -> Option<Said>;
}

/// The longest question, bytes.
const LONGEST: usize = 32 << 10;

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(super) struct Args {
    model: String,
    text: String,
}

pub(super) async fn try_one(control: &Control, args: Args) -> Result<TryView, ControlError> {
    if args.text.len() > LONGEST {
        return Err(ControlError::new(ErrorCode::BadArguments, "the question is longer than 32 KB"));
    }
    Ok(control.engine()?.try_one(args.model, args.text).await)
}
