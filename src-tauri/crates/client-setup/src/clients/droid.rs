//! Factory's Droid.
//!
//! Source: <https://docs.factory.ai/model-independence/byok>.

use crate::change::Edit;
use crate::client::{Client, FileSetup};
use crate::connection::{Connection, Model, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "droid",
    name: "Factory Droid",
    binaries: &["droid"],
    traces: |environment| vec![environment.home.join(".factory")],
    files,
    notes: &["Choose a model with `/model`: the default model is left as it is."],
    ..Client::UNKNOWN
};

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let edits = connection.models().map(|model| entry(connection, model)).collect();
    vec![FileSetup::new(environment.home.join(".factory/settings.json"), Format::Jsonc, edits)]
}

fn entry(connection: &Connection, model: &Model) -> Edit {
    let name = format!("{PROVIDER_NAME}: {}", model.name);
    let value = Value::object([
        ("model", model.id.as_str().into()),
        ("displayName", name.as_str().into()),
        ("baseUrl", connection.base().into()),
        ("apiKey", connection.key_value()),
        ("provider", "generic-chat-completion-api".into()),
        ("maxOutputTokens", model.max_output.into()),
        ("noImageSupport", (!model.images).into()),
    ]);
    Edit::set(Path::keys(&["customModels"]).item("displayName", name), value)
}
