//! The window's door to the control table: two commands, for the one window.

use std::sync::Mutex;

use futures_util::StreamExt;
use serde_json::Value;
use tauri::ipc::Channel;
use tauri::{State, WebviewWindow};
use tokio_util::sync::CancellationToken;

use super::shell::Shell;
use super::window::MAIN;
use crate::control::{ControlError, ControlEvent, ErrorCode};

/// The largest argument, bytes of text; the HTTP door has the same limit.
const LARGEST: usize = 256 * 1024;

/// The feed that the page listens to. A page that is loaded again starts its own and ends the old one.
#[derive(Default)]
pub(super) struct Listener(Mutex<CancellationToken>);

impl Listener {
    /// Ends the feed that runs, and gives the token that will end the next.
    pub(super) fn next(&self) -> CancellationToken {
        let mut current = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        current.cancel();
        *current = CancellationToken::new();
        current.clone()
    }
}

/// Carries out a command of the control table.
#[tauri::command]
pub(super) async fn control(
    window: WebviewWindow,
    shell: State<'_, Shell>,
    name: String,
    args: Option<Value>,
) -> Result<Value, ControlError> {
    allowed(&window)?;
    let args = args.unwrap_or(Value::Null);
    if weight(&args) > LARGEST || name.len() > 64 {
        return Err(refused("the arguments are too large"));
    }
    shell.ask(&name, args).await
}

/// Sends what happens into the channel until the page is gone.
#[tauri::command]
pub(super) async fn subscribe(
    window: WebviewWindow,
    shell: State<'_, Shell>,
    listener: State<'_, Listener>,
    channel: Channel<ControlEvent>,
) -> Result<(), ControlError> {
    allowed(&window)?;
    let ends = listener.next();
    let events = shell.control().events().take_until(ends.cancelled_owned());
    shell.spawn(async move {
        let mut events = std::pin::pin!(events);
        while let Some(event) = events.next().await {
            if channel.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// The capability says the same; this holds even where a capability is once written too wide.
fn allowed(window: &WebviewWindow) -> Result<(), ControlError> {
    if window.label() == MAIN { Ok(()) } else { Err(refused("this window may ask for nothing")) }
}

fn refused(message: &str) -> ControlError {
    ControlError::new(ErrorCode::BadArguments, message)
}

/// The text in a value, roughly, without writing it out.
fn weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(weight).sum::<usize>() + 2,
        Value::Object(fields) => fields.iter().map(|(name, value)| name.len() + 4 + weight(value)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn large_arguments_are_heavy_wherever_they_hide() {
        let long = "x".repeat(LARGEST);
        for value in [json!(long), json!([[long]]), json!({ long.clone(): 1 }), json!({ "a": { "b": long } })]
        {
            assert!(weight(&value) >= LARGEST);
        }
        assert!(weight(&json!({ "limit": 100, "text": "a" })) < 100);
    }

    #[test]
    fn a_new_listener_ends_the_old() {
        let listener = Listener::default();
        let (first, second) = (listener.next(), listener.next());
        assert!(first.is_cancelled() && !second.is_cancelled());
    }
}
