//! Grok Build.
//!
//! Source: the file as EasyCLIProxyAPI, `build_grok_build_agent_config`, writes it.

use crate::change::Edit;
use crate::client::{Client, FileSetup};
use crate::connection::{Connection, Model, PROVIDER_ID, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "grok-build",
    name: "Grok Build",
    binaries: &["grok"],
    traces: |environment| vec![home(environment)],
    files,
    ..Client::UNKNOWN
};

fn home(environment: &Environment) -> std::path::PathBuf {
    environment.dir_or_home("GROK_HOME", ".grok")
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let id = |model: &Model| format!("{PROVIDER_ID}/{}", model.id);
    let mut edits: Vec<_> = connection
        .models()
        .map(|one| Edit::set(Path::keys(&["model", &id(one)]), model(connection, one)))
        .collect();
    edits.push(Edit::set(Path::keys(&["models", "default"]), id(&connection.model)));
    vec![FileSetup::new(home(environment).join("config.toml"), Format::Toml, edits)]
}

fn model(connection: &Connection, model: &Model) -> Value {
    Value::object([
        ("model", model.id.as_str().into()),
        ("base_url", connection.base().into()),
        ("name", format!("{PROVIDER_NAME}: {}", model.name).into()),
        ("api_key", connection.key_value()),
        ("api_backend", "chat_completions".into()),
        ("context_window", model.context_window.into()),
    ])
}
