//! Actions of the tray's menu. Almost every one is a command of the management API.

use serde_json::{Value, json};

use super::super::clipboard;
use super::super::context::{DesktopContext, strings_for};
use super::super::i18n::Strings;
use super::super::window::{self, WindowPage};
use super::super::{autostart, notify};
use super::menu::{MenuAction, ShellKind as For};
use super::shell_exports;
use gateway::management::{ControlError, ErrorCode};

/// Performs the action. An error is shown as a notification, because no window may be open.
pub(super) async fn perform(context: &DesktopContext, action: MenuAction) {
    if let Err(error) = run_action(context, action).await
        && error.code != ErrorCode::Cancelled
    {
        let strings = strings_for(&context.status().await.unwrap_or_default());
        notify::show(context, strings.failed_title, error_text(&error, strings), WindowPage::Overview);
    }
}

/// The error in the user's language, if there is a translation.
fn error_text<'a>(error: &'a ControlError, strings: &Strings) -> &'a str {
    match error.code {
        ErrorCode::PortTaken => strings.failed_port,
        ErrorCode::NotSaved => strings.failed_saving,
        ErrorCode::Keychain if error.said.is_some() => strings.failed_keychain,
        ErrorCode::Upstream => strings.failed_upstream,
        ErrorCode::Starting => strings.failed_starting,
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
        | ErrorCode::ClientFile
        | ErrorCode::Conflict
        | ErrorCode::FixedByEnvironment
        | ErrorCode::Internal => &error.message,
    }
}

async fn run_action(context: &DesktopContext, action: MenuAction) -> Result<(), ControlError> {
    let (name, args) = match action {
        MenuAction::Open(page) => {
            window::open(context, page);
            return Ok(());
        }
        MenuAction::Quit => {
            context.quit();
            return Ok(());
        }
        MenuAction::CopyBaseUrl => {
            return clipboard::copy(context, context.status().await.unwrap_or_default().base_url).await;
        }
        MenuAction::CopyKey => return clipboard::copy(context, main_client_key(context).await?).await,
        MenuAction::CopyEnvironment(kind) => {
            return clipboard::copy(context, export_lines(context, kind).await?).await;
        }
        MenuAction::CopyLaunchCommand(client) => {
            let answer = context.run_command("clients.launch_command", json!({ "client": client })).await?;
            let command = answer["command"].as_str().unwrap_or_default().to_owned();
            return clipboard::copy(context, command).await;
        }
        MenuAction::StartAtLogin(on) => return autostart::set(context.app(), on),
        MenuAction::NextPort => ("port.switch", context.run_command("port.free", json!({})).await?),
        MenuAction::Only(label) => ("accounts.only", json!({ "label": label })),
        MenuAction::Enable { label, enabled } => {
            ("accounts.enable", json!({ "label": label, "enabled": enabled }))
        }
        MenuAction::SignIn(label) => ("accounts.sign_in", json!({ "label": label })),
        MenuAction::Strategy(name) => ("settings.set", json!({ "name": "strategy", "value": name })),
        MenuAction::Serve(on) => ("serving.set", json!({ "on": on })),
    };
    context.run_command(name, args).await.map(drop)
}

async fn export_lines(context: &DesktopContext, kind: For) -> Result<String, ControlError> {
    let base_url = context.status().await.unwrap_or_default().base_url;
    Ok(shell_exports::lines(kind, &base_url, &main_client_key(context).await?))
}

/// The main client key. It is read now, because the user has just asked for it.
async fn main_client_key(context: &DesktopContext) -> Result<String, ControlError> {
    let keys = context.run_command("keys.list", json!({ "reveal": true })).await?;
    if let Some(key) = find_main_key(&keys) {
        return Ok(key);
    }
    let words = strings_for(&context.status().await.unwrap_or_default());
    Err(ControlError::new(ErrorCode::Keychain, words.key_unread))
}

/// The text of the main key, if it is known.
fn find_main_key(keys: &Value) -> Option<String> {
    let main = keys.as_array()?.iter().find(|key| key["name"] == "main")?;
    main["key"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_main_key_is_copied() {
        let keys = json!([{ "name": "ide", "key": "mk-2" }, { "name": "main", "key": "mk-1" }]);
        assert_eq!(find_main_key(&keys).as_deref(), Some("mk-1"));
        assert_eq!(
            find_main_key(&json!([{ "name": "main", "key": null }, { "name": "ide", "key": "mk-2" }])),
            None
        );
        assert_eq!(find_main_key(&json!({})), None);
    }
}
