//! Ways to use a client without a change of its files: a command to copy, and a link that it imports.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode, keys};
use super::client_key::lasting_key;
use super::view::{LaunchCommand, LinkOpened, PreparedLaunch};
use super::{find_client, models, port, setup_error};
use client_setup::{Client, Connection, Launch};
use protocol::is_model_name;
use storage::secrets::{ExposeSecret, Secret};

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct LaunchCommandArgs {
    client: String,
    model: Option<String>,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct LaunchArgs {
    /// Id of the client; `None` for another program.
    client: Option<String>,
    model: Option<String>,
    small_model: Option<String>,
    /// Arguments of the user.
    #[serde(default)]
    #[ts(as = "Option<Vec<String>>")]
    arguments: Vec<String>,
    /// Id of the process that the key ends with.
    pid: Option<u32>,
    /// Whether the result is only for display: no key is created, and a masked placeholder takes its place.
    #[serde(default)]
    #[ts(as = "Option<bool>")]
    dry_run: bool,
}

/// Name of the key of a program that is not a known client.
const RUN_KEY_NAME: &str = "run";
/// Placeholder for a key that is not created. It is so short that masking hides all of it.
const SHOWN_KEY: &str = "mp-not-made";

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct LinkArgs {
    client: String,
    model: Option<String>,
    small_model: Option<String>,
}

/// Returns the command line that starts a client for the proxy.
pub(in crate::management) async fn launch_command(
    _: &Control,
    args: LaunchCommandArgs,
) -> Result<LaunchCommand, ControlError> {
    let client = find_client(&args.client)?;
    if client.launch.is_none() {
        return Err(setup_error(client_setup::Error::NotLaunchable { client: client.name }));
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

/// Prepares the start of a client, or of any program, with a key for this one run. Nothing is written.
pub(in crate::management) async fn launch(
    control: &Control,
    args: LaunchArgs,
) -> Result<PreparedLaunch, ControlError> {
    let client = args.client.as_deref().map(find_client).transpose()?;
    let (model, small) = models::chosen(control, args.model.as_deref(), args.small_model.as_deref(), None)?;
    let connection =
        |key| Connection { small_model: small.clone(), ..Connection::new(port(control), key, model.clone()) };
    let shown = connection(Secret::from(SHOWN_KEY));
    // What cannot be started gets no key.
    let shown = prepared(client, &shown, &args.arguments, true)?;
    if args.dry_run {
        return Ok(shown);
    }
    let name = client.map_or(RUN_KEY_NAME, |client| client.id);
    let (key, _) = keys::issue_key(control, name, keys::ISSUED_KEY_LIFETIME, args.pid);
    prepared(client, &connection(key), &args.arguments, false)
}

fn prepared(
    client: Option<&'static Client>,
    connection: &Connection,
    own: &[String],
    masked: bool,
) -> Result<PreparedLaunch, ControlError> {
    let Some(client) = client else {
        let launch = Launch::of_any_program(connection, own);
        return Ok(if masked { masked_launch(None, &launch) } else { whole_launch(None, launch) });
    };
    let launch = Launch::of(client, connection, own).map_err(setup_error)?;
    let program = Some(launch.program.to_owned());
    Ok(if masked { masked_launch(program, &launch) } else { whole_launch(program, launch) })
}

fn whole_launch(program: Option<String>, launch: Launch) -> PreparedLaunch {
    PreparedLaunch {
        program,
        variables: launch.variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        removed: launch.removed.iter().map(|name| (*name).to_owned()).collect(),
        arguments: launch.arguments,
    }
}

fn masked_launch(program: Option<String>, launch: &Launch) -> PreparedLaunch {
    let view = launch.view();
    PreparedLaunch {
        program,
        variables: view.variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        removed: view.removed.iter().map(|name| (*name).to_owned()).collect(),
        arguments: view.arguments,
    }
}

/// Passes a client its key by a link. The desktop program opens the link; otherwise the link is returned, to
/// be opened once.
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
