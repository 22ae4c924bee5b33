//! The table of commands: a line each.

use std::time::SystemTime;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Control, ControlError, ErrorCode, accounts, doctor, keys, log, port, status};

/// Carries out the command `name`.
///
/// # Errors
/// What the command says, `unknown_command`, or `bad_arguments`.
pub async fn dispatch(control: &Control, name: &str, args: Value) -> Result<Value, ControlError> {
    match name {
        "status" => reply(status::status(control)?),
        "accounts.list" => reply(accounts::list(control)),
        "accounts.check" => reply(accounts::check(control, read(args)?).await?),
        "accounts.add" => reply(accounts::add(control, read(args)?).await?),
        "accounts.enable" => reply(accounts::enable(control, read(args)?)?),
        "accounts.remove" => reply(accounts::remove(control, read(args)?).await?),
        "keys.list" => reply(keys::list(control, read(args)?).await),
        "keys.add" => reply(keys::add(control, read(args)?)?),
        "keys.revoke" => reply(keys::revoke(control, read(args)?)?),
        "port.switch" => reply(port::switch(control, read(args)?).await?),
        "log.latest" => reply(log::latest(control, read(args)?).await?),
        "doctor" => reply(doctor::upstream(&control.web, SystemTime::now).await),
        "log.clear" => reply(log::clear(control).await?),
        _ => Err(ControlError::new(ErrorCode::UnknownCommand, "there is no such command")),
    }
}

/// Whether a command changes what is stored, so that it needs the data directory for itself where no program runs.
pub fn changes(name: &str) -> bool {
    ["accounts.add", "accounts.enable", "accounts.remove", "keys.add", "keys.revoke"].contains(&name)
}

fn read<T: DeserializeOwned>(args: Value) -> Result<T, ControlError> {
    let args = if args.is_null() { Value::Object(serde_json::Map::new()) } else { args };
    // serde's own words may quote a value, and a value may be a cookie.
    serde_json::from_value(args)
        .map_err(|_| ControlError::new(ErrorCode::BadArguments, "the arguments do not fit the command"))
}

fn reply(value: impl Serialize) -> Result<Value, ControlError> {
    serde_json::to_value(value).map_err(|error| ControlError::new(ErrorCode::Internal, error.to_string()))
}
