//! Crush.
//!
//! Source: `charmbracelet/crush`, `internal/config/load.go`.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{Client, FileSetup, ProjectFile};
use crate::connection::{Connection, PROVIDER_ID, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "crush",
    name: "Crush",
    binaries: &["crush"],
    traces: |environment| vec![config_dir(environment)],
    files,
    project_files: &[
        ProjectFile { path: ".crush.json", format: Format::Json, keys: provider_keys },
        ProjectFile { path: "crush.json", format: Format::Json, keys: provider_keys },
    ],
    notes: &["A `crushrc` in the same folder beats this file."],
    ..Client::UNKNOWN
};

fn provider_keys() -> Vec<Path> {
    vec![Path::keys(&["providers", PROVIDER_ID])]
}

fn config_dir(environment: &Environment) -> PathBuf {
    let default = environment.config_home().join("crush");
    environment.variable("CRUSH_GLOBAL_CONFIG").map_or(default, PathBuf::from)
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let models = connection.models().map(|model| {
        Value::object([
            ("id", model.id.as_str().into()),
            ("name", model.name.as_str().into()),
            ("context_window", model.context_window.into()),
            ("default_max_tokens", model.max_output.into()),
        ])
    });
    let provider = Value::object([
        ("name", PROVIDER_NAME.into()),
        ("type", "openai-compat".into()),
        ("base_url", connection.base().into()),
        ("api_key", connection.key_value()),
        ("discover_models", true.into()),
        ("models", Value::array(models)),
    ]);
    let edits = vec![Edit::set(Path::keys(&["providers", PROVIDER_ID]), provider)];
    vec![FileSetup::new(config_dir(environment).join("crush.json"), Format::Json, edits)]
}
