//! Ways to use a client without a change of its files: a command to copy, and a link that it imports.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode};
use super::client_key::lasting_key;
use super::view::{LaunchCommand, LinkOpened};
use super::{find_client, models, port};
use client_setup::Connection;
use protocol::is_model_name;
use storage::secrets::ExposeSecret;

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct LaunchCommandArgs {
    client: String,
    model: Option<String>,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct LinkArgs {
    client: String,
    model: Option<String>,
    small_model: Option<String>,
}

/// The line that starts a client for the proxy.
pub(in crate::management) async fn launch_command(
    _: &Control,
    args: LaunchCommandArgs,
) -> Result<LaunchCommand, ControlError> {
    let client = find_client(&args.client)?;
    if client.launch.is_none() {
        return Err(super::setup_error(client_setup::Error::NotLaunchable { client: client.name }));
    }
    let model = match args.model {
        Some(model) if !is_model_name(&model) => {
            return Err(ControlError::new(ErrorCode::BadArguments, "this is no name of a model"));
        }
        Some(model) => format!(" --model {}", shell_word(&model)),
        None => String::new(),
    };
    Ok(LaunchCommand { command: format!("mammouth-proxy launch {}{model}", client.id) })
}

/// Gives a client its key by a link. The desktop program opens it; without one it is returned, to be opened once.
pub(in crate::management) async fn link(
    control: &Control,
    args: LinkArgs,
) -> Result<LinkOpened, ControlError> {
    let client = find_client(&args.client)?;
    let Some(deep_link) = client.deep_link else {
        return Err(ControlError::new(ErrorCode::BadArguments, format!("{} imports no link", client.name)));
    };
    let (model, small) = models::chosen(control, args.model.as_deref(), args.small_model.as_deref(), None)?;
    let key = lasting_key(control, client).await?;
    let connection = Connection { small_model: small, ..Connection::new(port(control), key, model) };
    let link = deep_link(&connection);
    match control.desktop() {
        Some(desktop) => {
            desktop.open_link(link).await?;
            Ok(LinkOpened { link: None })
        }
        None => Ok(LinkOpened { link: Some(link.expose_secret().to_owned()) }),
    }
}

fn shell_word(word: &str) -> String {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte));
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_with_spaces_is_quoted() {
        assert_eq!(shell_word("openai/gpt-5:free"), "openai/gpt-5:free");
        assert_eq!(shell_word("it's mine"), r"'it'\''s mine'");
    }
}
