//! Copilot chat in VS Code (1.122 and later), by a custom endpoint.
//!
//! Source: `microsoft/vscode`, issues 319968 and 320823.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{BaseUrl, Client, FileSetup, PickUp};
use crate::connection::{Connection, Model, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "vscode",
    name: "VS Code (Copilot chat)",
    binaries: &["code"],
    traces: |environment| vec![user_dir(environment)],
    base_url: BaseUrl::ChatCompletions,
    pick_up: PickUp::ReloadWindow,
    files,
    notes: &["A profile other than the default one has a file of its own, which is not written."],
    ..Client::UNKNOWN
};

/// Folder of the default profile's settings.
pub(super) fn user_dir(environment: &Environment) -> PathBuf {
    environment.app_settings().join("Code/User")
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let entry = Value::object([
        ("name", PROVIDER_NAME.into()),
        ("vendor", "customendpoint".into()),
        ("apiKey", connection.key_value()),
        ("apiType", "chat-completions".into()),
        ("models", Value::array(connection.models().map(|one| model(connection, one)))),
    ]);
    let path = Path::keys(&[]).item_of([("name", PROVIDER_NAME.into()), ("vendor", "customendpoint".into())]);
    let file = user_dir(environment).join("chatLanguageModels.json");
    vec![FileSetup::new(file, Format::Jsonc, vec![Edit::set(path, entry)])]
}

/// The entry of a model. The agent hides models that cannot call tools.
fn model(connection: &Connection, model: &Model) -> Value {
    Value::object([
        ("id", model.id.as_str().into()),
        ("name", model.name.as_str().into()),
        ("url", BaseUrl::ChatCompletions.of(connection).into()),
        ("toolCalling", model.tools.into()),
        ("vision", model.images.into()),
        ("thinking", model.reasoning.into()),
        ("streaming", true.into()),
        ("maxInputTokens", model.context_window.into()),
        ("maxOutputTokens", model.max_output.into()),
    ])
}
