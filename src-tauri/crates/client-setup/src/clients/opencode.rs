//! OpenCode and the programs that were made from it: Mammouth Code and Kilo Code.
//!
//! Source: <https://opencode.ai/docs/config>; `mammouth-ai/code`; `Kilo-Org/kilocode`, `packages/opencode/src/config`.

use std::path::{Path as FilePath, PathBuf};

use crate::change::Edit;
use crate::client::{Client, FileSetup, LaunchSetup, Launcher, ProjectFile};
use crate::connection::{Connection, Model, PROVIDER_ID, PROVIDER_NAME};
use crate::document::Format;
use crate::path::Path;
use crate::value::Value;

pub(super) static OPENCODE: Client = Client {
    id: "opencode",
    name: "OpenCode",
    binaries: &["opencode"],
    traces: |environment| vec![environment.config_home().join("opencode")],
    files: |environment, connection| {
        let dir = environment.config_home().join("opencode");
        let default = existing(&dir, &["opencode.json", "opencode.jsonc", "config.json"]);
        vec![file(environment.variable("OPENCODE_CONFIG").map_or(default, PathBuf::from), connection)]
    },
    launch: Some(Launcher {
        program: "opencode",
        setup: |connection| launch("OPENCODE_CONFIG_CONTENT", connection),
        colliding: &["-m", "--model"],
    }),
    shadowing_variables: &["OPENCODE_CONFIG_CONTENT"],
    project_files: &[
        ProjectFile { path: "opencode.json", format: Format::Jsonc, keys: provider_keys },
        ProjectFile { path: "opencode.jsonc", format: Format::Jsonc, keys: provider_keys },
        ProjectFile { path: ".opencode/opencode.json", format: Format::Jsonc, keys: provider_keys },
    ],
    notes: &["Choose the model with `/models`: the default model is left as it is."],
    ..Client::UNKNOWN
};

pub(super) static MAMMOUTH_CODE: Client = Client {
    id: "mammouth-code",
    name: "Mammouth Code",
    binaries: &["mammouth"],
    traces: |environment| vec![environment.config_home().join("mammouth")],
    files: |environment, connection| {
        let dir = environment.config_home().join("mammouth");
        let names = ["mammouth.jsonc", "mammouth.json", "opencode.jsonc", "opencode.json", "config.json"];
        vec![file(existing(&dir, &names), connection)]
    },
    launch: Some(Launcher {
        program: "mammouth",
        setup: |connection| launch("OPENCODE_CONFIG_CONTENT", connection),
        colliding: &["-m", "--model"],
    }),
    shadowing_variables: &["OPENCODE_CONFIG_CONTENT"],
    notes: &["Its own provider `mammouth-ai` stays; ours stands beside it in the model picker."],
    ..Client::UNKNOWN
};

pub(super) static KILO_CODE: Client = Client {
    id: "kilo-code",
    name: "Kilo Code",
    binaries: &["kilo", "kilocode"],
    traces: |environment| vec![environment.config_home().join("kilo")],
    files: |environment, connection| {
        let dir = environment.config_home().join("kilo");
        let default = existing(&dir, &["kilo.jsonc", "kilo.json", "opencode.jsonc", "opencode.json"]);
        vec![file(environment.variable("KILO_CONFIG").map_or(default, PathBuf::from), connection)]
    },
    launch: Some(Launcher {
        program: "kilo",
        setup: |connection| launch("KILO_CONFIG_CONTENT", connection),
        colliding: &["-m", "--model"],
    }),
    shadowing_variables: &["KILO_CONFIG_CONTENT"],
    ..Client::UNKNOWN
};

/// The first file that contains providers, otherwise the first that exists, otherwise the first of the names.
fn existing(dir: &FilePath, names: &[&str]) -> PathBuf {
    let paths = || names.iter().map(|name| dir.join(name));
    let has_providers =
        |path: &PathBuf| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"provider\""));
    let found = paths().find(has_providers).or_else(|| paths().find(|path| path.exists()));
    found.unwrap_or_else(|| dir.join(names.first().copied().unwrap_or_default()))
}

fn provider_keys() -> Vec<Path> {
    vec![Path::keys(&["provider", PROVIDER_ID])]
}

fn file(path: PathBuf, connection: &Connection) -> FileSetup {
    let edits = vec![Edit::set(Path::keys(&["provider", PROVIDER_ID]), provider(connection))];
    FileSetup::new(path, Format::Jsonc, edits)
}

fn provider(connection: &Connection) -> Value {
    let options = [("baseURL", connection.base().into()), ("apiKey", connection.key_value())];
    Value::object([
        ("npm", "@ai-sdk/openai-compatible".into()),
        ("name", PROVIDER_NAME.into()),
        ("options", Value::object(options)),
        ("models", Value::Object(connection.models().map(|one| (one.id.clone(), model(one))).collect())),
    ])
}

fn model(model: &Model) -> Value {
    let inputs = if model.images { vec!["text", "image"] } else { vec!["text"] };
    let limit = [("context", model.context_window.into()), ("output", model.max_output.into())];
    let modalities = [
        ("input", Value::array(inputs.into_iter().map(Value::from))),
        ("output", Value::array(["text".into()])),
    ];
    Value::object([
        ("name", model.name.as_str().into()),
        ("limit", Value::object(limit)),
        ("reasoning", model.reasoning.into()),
        ("tool_call", model.tools.into()),
        ("modalities", Value::object(modalities)),
    ])
}

/// Launch by a variable whose JSON the client merges over the user's files.
fn launch(variable: &'static str, connection: &Connection) -> LaunchSetup {
    let config = Value::object([
        ("provider", Value::Object(vec![(PROVIDER_ID.to_owned(), provider(connection))])),
        ("model", format!("{PROVIDER_ID}/{}", connection.model.id).into()),
        ("small_model", format!("{PROVIDER_ID}/{}", connection.small().id).into()),
    ]);
    LaunchSetup { variables: vec![(variable, config.to_json())], ..LaunchSetup::default() }
}
