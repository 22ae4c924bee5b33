//! Continue, in its editor extensions and its command line.
//!
//! Source: `continuedev/continue`, `core/util/paths.ts`.

use crate::change::Edit;
use crate::client::{Client, FileSetup, PickUp};
use crate::connection::{Connection, Model, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "continue",
    name: "Continue",
    binaries: &["cn"],
    traces: |environment| vec![global_dir(environment)],
    pick_up: PickUp::AtOnce,
    files,
    ..Client::UNKNOWN
};

fn global_dir(environment: &Environment) -> std::path::PathBuf {
    environment.dir_or_home("CONTINUE_GLOBAL_DIR", ".continue")
}

/// The file of the set-up. A new `config.yaml` would hide an older `config.json`, so that one is changed if
/// it is the only one.
fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let (yaml, json) =
        (global_dir(environment).join("config.yaml"), global_dir(environment).join("config.json"));
    if json.exists() && !yaml.exists() {
        let edits = connection.models().map(|model| older_entry(connection, model)).collect();
        return vec![FileSetup::new(json, Format::Jsonc, edits)];
    }
    vec![FileSetup::new(yaml, Format::Yaml, yaml_edits(connection))]
}

fn older_entry(connection: &Connection, model: &Model) -> Edit {
    let title = format!("{PROVIDER_NAME}: {}", model.name);
    let value = Value::object([
        ("title", title.as_str().into()),
        ("provider", "openai".into()),
        ("model", model.id.as_str().into()),
        ("apiBase", connection.base().into()),
        ("apiKey", connection.key_value()),
    ]);
    Edit::set(Path::keys(&["models"]).item("title", title), value)
}

fn yaml_edits(connection: &Connection) -> Vec<Edit> {
    // The client rejects a file without name, version and schema.
    let head = [("name", "Local Config"), ("version", "1.0.0"), ("schema", "v1")]
        .map(|(key, value)| Edit::if_absent(Path::keys(&[key]), value));
    let models = connection.models().map(|model| entry(connection, model));
    head.into_iter().chain(models).collect()
}

fn entry(connection: &Connection, model: &Model) -> Edit {
    let name = format!("{PROVIDER_NAME}: {}", model.name);
    let capabilities = [(model.tools, "tool_use"), (model.images, "image_input")];
    let value = Value::object([
        ("name", name.as_str().into()),
        ("provider", "openai".into()),
        ("model", model.id.as_str().into()),
        ("apiBase", connection.base().into()),
        ("apiKey", connection.key_value()),
        ("roles", Value::array(["chat", "edit", "apply"].map(Value::from))),
        (
            "capabilities",
            Value::array(capabilities.iter().filter(|(has, _)| *has).map(|(_, name)| (*name).into())),
        ),
        ("defaultCompletionOptions", Value::object([("contextLength", model.context_window.into())])),
    ]);
    Edit::set(Path::keys(&["models"]).item("name", name), value)
}
