//! What a click on the tray's menu does: almost always one command of the control table.

use serde_json::{Value, json};

use super::super::clipboard;
use super::super::place::Place;
use super::super::shell::{Shell, words_for};
use super::super::words::Words;
use super::super::{autostart, notify, window};
use super::environment;
use super::menu::{Action, Shell as For};
use crate::control::{ControlError, ErrorCode};

/// Does it; what fails is told, because no window may be there to show it.
pub(super) async fn act(shell: &Shell, action: Action) {
    if let Err(error) = carry_out(shell, action).await
        && error.code != ErrorCode::Cancelled
    {
        let words = words_for(&shell.look().await.unwrap_or_default());
        notify::say(shell, words.failed_title, reason(&error, words), Place::Overview);
    }
}

/// In the user's language where there are words for it.
fn reason<'a>(error: &'a ControlError, words: &Words) -> &'a str {
    match error.code {
        ErrorCode::PortTaken => words.failed_port,
        ErrorCode::NotSaved => words.failed_saving,
        ErrorCode::Keychain if error.said.is_some() => words.failed_keychain,
        ErrorCode::Upstream => words.failed_upstream,
        ErrorCode::Starting => words.failed_starting,
        ErrorCode::Keychain
        | ErrorCode::UnknownCommand
        | ErrorCode::BadArguments
        | ErrorCode::NotFound
        | ErrorCode::Exists
        | ErrorCode::Clipboard
        | ErrorCode::FileNotSaved
        | ErrorCode::DesktopOnly
        | ErrorCode::Terms
        | ErrorCode::Cancelled
        | ErrorCode::FixedByEnvironment
        | ErrorCode::Internal => &error.message,
    }
}

async fn carry_out(shell: &Shell, action: Action) -> Result<(), ControlError> {
    let (name, args) = match action {
        Action::Open(place) => {
            window::open(shell, place);
            return Ok(());
        }
        Action::Quit => {
            shell.quit();
            return Ok(());
        }
        Action::CopyBaseUrl => {
            return clipboard::copy(shell.app(), shell.look().await.unwrap_or_default().base_url).await;
        }
        Action::CopyKey => return clipboard::copy(shell.app(), key(shell).await?).await,
        Action::CopyEnvironment(kind) => {
            return clipboard::copy(shell.app(), lines(shell, kind).await?).await;
        }
        Action::StartAtLogin(on) => return autostart::set(shell.app(), on),
        Action::NextPort => ("port.switch", shell.ask("port.free", json!({})).await?),
        Action::Only(label) => ("accounts.only", json!({ "label": label })),
        Action::Enable { label, enabled } => {
            ("accounts.enable", json!({ "label": label, "enabled": enabled }))
        }
        Action::SignIn(label) => ("accounts.sign_in", json!({ "label": label })),
        Action::Strategy(name) => ("settings.set", json!({ "name": "strategy", "value": name })),
        Action::Serve(on) => ("serving.set", json!({ "on": on })),
    };
    shell.ask(name, args).await.map(drop)
}

async fn lines(shell: &Shell, kind: For) -> Result<String, ControlError> {
    let base_url = shell.look().await.unwrap_or_default().base_url;
    Ok(environment::lines(kind, &base_url, &key(shell).await?))
}

/// The main client key, read now because the user wants it now.
async fn key(shell: &Shell) -> Result<String, ControlError> {
    let keys = shell.ask("keys.list", json!({ "reveal": true })).await?;
    if let Some(key) = main_key(&keys) {
        return Ok(key);
    }
    let words = words_for(&shell.look().await.unwrap_or_default());
    Err(ControlError::new(ErrorCode::Keychain, words.key_unread))
}

/// The text of the main key, where it is known.
fn main_key(keys: &Value) -> Option<String> {
    let main = keys.as_array()?.iter().find(|key| key["name"] == "main")?;
    main["key"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_other_key_takes_the_place_of_the_main_one() {
        let keys = json!([{ "name": "ide", "key": "mk-2" }, { "name": "main", "key": "mk-1" }]);
        assert_eq!(main_key(&keys).as_deref(), Some("mk-1"));
        assert_eq!(
            main_key(&json!([{ "name": "main", "key": null }, { "name": "ide", "key": "mk-2" }])),
            None
        );
        assert_eq!(main_key(&json!({})), None);
    }
}
