//! IPC commands of the window: two commands that call the management API, for the main window only.

use futures_util::StreamExt;
use parking_lot::Mutex;
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{State, WebviewWindow};
use tokio_util::sync::CancellationToken;

use super::host::WindowHost;
use super::main_window::{DRAWN_COMMAND, MAIN_LABEL, show_drawn};
use gateway::management::{ControlError, ErrorCode};

/// Maximum size of a command's arguments, bytes of text. The HTTP API has the same limit.
const MAX_ARGUMENT_BYTES: usize = 256 * 1024;

/// The event stream of the page. A page that is loaded again starts a new stream and ends the old one.
#[derive(Default)]
pub(super) struct EventSubscription(Mutex<CancellationToken>);

impl EventSubscription {
    /// Ends the current stream. Returns the token that ends the next one.
    pub(super) fn restart(&self) -> CancellationToken {
        let mut current = self.0.lock();
        current.cancel();
        *current = CancellationToken::new();
        current.clone()
    }
}

/// Runs a command of the management API, or shows the window whose page is drawn.
#[tauri::command]
pub(super) async fn control(
    window: WebviewWindow,
    host: State<'_, WindowHost>,
    name: String,
    args: Option<Value>,
) -> Result<Value, ControlError> {
    check_window(&window)?;
    if name == DRAWN_COMMAND {
        show_drawn(&window);
        return Ok(Value::Null);
    }
    let args = args.unwrap_or(Value::Null);
    if text_bytes(&args) > MAX_ARGUMENT_BYTES || name.len() > 64 {
        return Err(bad_arguments("the arguments are too large"));
    }
    host.api().run_command(name, args).await
}

/// Sends events into the channel until the page is gone.
#[tauri::command]
pub(super) async fn subscribe(
    window: WebviewWindow,
    host: State<'_, WindowHost>,
    listener: State<'_, EventSubscription>,
    channel: Channel<Value>,
) -> Result<(), ControlError> {
    check_window(&window)?;
    let cancelled = listener.restart();
    let events = host.api().events().take_until(cancelled.cancelled_owned());
    tauri::async_runtime::spawn(async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            if channel.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// Checks that the caller is the main window. The capability says the same; this check holds even if a capability is
/// too wide.
fn check_window(window: &WebviewWindow) -> Result<(), ControlError> {
    if window.label() == MAIN_LABEL { Ok(()) } else { Err(bad_arguments("this window may ask for nothing")) }
}

fn bad_arguments(message: &str) -> ControlError {
    ControlError::new(ErrorCode::BadArguments, message)
}

/// The approximate size of the text in a value, bytes, without serializing it.
fn text_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(text_bytes).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + 4 + text_bytes(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn large_arguments_are_counted_at_any_depth() {
        let long = "x".repeat(MAX_ARGUMENT_BYTES);
        for value in [json!(long), json!([[long]]), json!({ long.clone(): 1 }), json!({ "a": { "b": long } })]
        {
            assert!(text_bytes(&value) >= MAX_ARGUMENT_BYTES);
        }
        assert!(text_bytes(&json!({ "limit": 100, "text": "a" })) < 100);
    }

    #[test]
    fn a_new_listener_ends_the_old() {
        let listener = EventSubscription::default();
        let (first, second) = (listener.restart(), listener.restart());
        assert!(first.is_cancelled() && !second.is_cancelled());
    }
}
