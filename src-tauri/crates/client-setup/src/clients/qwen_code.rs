//! Qwen Code.
//!
//! Source: `QwenLM/qwen-code`, `docs/users/configuration/model-providers.md`.

use crate::change::Edit;
use crate::client::{Client, FileSetup, LaunchSetup, Launcher, ProjectFile};
use crate::connection::{Connection, KEY_VARIABLE, Model, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "qwen-code",
    name: "Qwen Code",
    binaries: &["qwen"],
    traces: |environment| vec![environment.home.join(".qwen")],
    files,
    launch: Some(Launcher {
        program: "qwen",
        setup: launch,
        colliding: &["-m", "--model", "--auth-type", "--openai-api-key", "--openai-base-url"],
    }),
    shadowing_variables: &[KEY_VARIABLE],
    project_files: &[ProjectFile {
        path: ".qwen/settings.json",
        format: Format::Jsonc,
        keys: || vec![Path::keys(&["modelProviders"]), Path::keys(&["model", "name"])],
    }],
    ..Client::UNKNOWN
};

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let mut edits = vec![Edit::set(Path::keys(&["env", KEY_VARIABLE]), connection.key_value())];
    edits.extend(connection.models().map(|model| entry(connection, model)));
    edits.push(Edit::set(Path::keys(&["security", "auth", "selectedType"]), "openai"));
    edits.push(Edit::set(Path::keys(&["model", "name"]), connection.model.id.clone()));
    vec![FileSetup::new(environment.home.join(".qwen/settings.json"), Format::Jsonc, edits)]
}

/// The entry of a model. `envKey` distinguishes it from another provider's entry for the same model.
fn entry(connection: &Connection, model: &Model) -> Edit {
    let path = Path::keys(&["modelProviders", "openai"])
        .item_of([("id", model.id.as_str().into()), ("envKey", KEY_VARIABLE.into())]);
    let modalities = Value::object([("image", model.images.into())]);
    let value = Value::object([
        ("id", model.id.as_str().into()),
        ("name", format!("{PROVIDER_NAME}: {}", model.name).into()),
        ("baseUrl", connection.base().into()),
        ("envKey", KEY_VARIABLE.into()),
        (
            "generationConfig",
            Value::object([("contextWindowSize", model.context_window.into()), ("modalities", modalities)]),
        ),
    ]);
    Edit::set(path, value)
}

fn launch(connection: &Connection) -> LaunchSetup {
    let model = connection.model.id.clone();
    LaunchSetup {
        variables: vec![
            ("OPENAI_API_KEY", connection.secret().to_owned()),
            ("OPENAI_BASE_URL", connection.base()),
            ("OPENAI_MODEL", model.clone()),
        ],
        removed: &[],
        arguments: ["--auth-type", "openai", "--model", &model].map(str::to_owned).to_vec(),
    }
}
