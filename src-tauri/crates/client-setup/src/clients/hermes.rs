//! Hermes.
//!
//! Source: <https://docs.litellm.ai/docs/proxy/client_setup/hermes>; the older list as EasyCLIProxyAPI writes it.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{Client, FileSetup};
use crate::connection::{Connection, KEY_VARIABLE, PROVIDER_ID};
use crate::document::Format;
use crate::environment::{Environment, System};
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "hermes",
    name: "Hermes",
    binaries: &["hermes"],
    traces: |environment| vec![home(environment)],
    files,
    shadowing_variables: &[KEY_VARIABLE],
    notes: &["Choose the model with `hermes model`."],
    ..Client::UNKNOWN
};

fn home(environment: &Environment) -> PathBuf {
    match environment.system {
        System::Windows => {
            let default = environment.local_app_data().join("hermes");
            environment.variable("HERMES_HOME").map_or(default, PathBuf::from)
        }
        System::Linux | System::MacOs => environment.dir_or_home("HERMES_HOME", ".hermes"),
    }
}

/// The files of the set-up. The key is in `.env`, because the client's documentation excludes keys from
/// `config.yaml`.
fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let (config, keys) = (home(environment).join("config.yaml"), home(environment).join(".env"));
    let text = std::fs::read_to_string(&config).unwrap_or_default();
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    let edit =
        if has("custom_providers:") && !has("providers:") { listed(connection) } else { named(connection) };
    let key = Edit::set(Path::keys(&[KEY_VARIABLE]), connection.key_value());
    vec![FileSetup::new(config, Format::Yaml, vec![edit]), FileSetup::new(keys, Format::Dotenv, vec![key])]
}

fn named(connection: &Connection) -> Edit {
    let provider = Value::object([
        ("api", connection.base().into()),
        ("transport", "chat_completions".into()),
        ("key_env", KEY_VARIABLE.into()),
    ]);
    Edit::set(Path::keys(&["providers", PROVIDER_ID]), provider)
}

/// The older form, for files that have it.
fn listed(connection: &Connection) -> Edit {
    let provider = Value::object([
        ("name", PROVIDER_ID.into()),
        ("base_url", connection.base().into()),
        ("key_env", KEY_VARIABLE.into()),
        ("api_mode", "chat_completions".into()),
        ("model", connection.model.id.as_str().into()),
    ]);
    Edit::set(Path::keys(&["custom_providers"]).item("name", PROVIDER_ID), provider)
}
