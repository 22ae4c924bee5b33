//! Raycast, on macOS.
//!
//! Source: <https://www.raycast.com/ernest0n/raycast-ai-custom-providers>.

use crate::change::Edit;
use crate::client::{Client, FileSetup, PickUp};
use crate::connection::{Connection, Model, PROVIDER_ID, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::{Environment, System};
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "raycast",
    name: "Raycast",
    traces: |environment| vec![environment.home.join(".config/raycast")],
    pick_up: PickUp::AtOnce,
    files,
    why_not: Some("it reads this file on macOS only"),
    ..Client::UNKNOWN
};

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    if environment.system != System::MacOs {
        return Vec::new();
    }
    let provider = Value::object([
        ("id", PROVIDER_ID.into()),
        ("name", PROVIDER_NAME.into()),
        ("base_url", connection.base().into()),
        ("api_keys", Value::object([(PROVIDER_ID, connection.key_value())])),
        ("models", Value::array(connection.models().map(model))),
    ]);
    let path = Path::keys(&["providers"]).item("id", PROVIDER_ID);
    let file = environment.home.join(".config/raycast/ai/providers.yaml");
    vec![FileSetup::new(file, Format::Yaml, vec![Edit::set(path, provider)])]
}

fn model(model: &Model) -> Value {
    let supported = |flag: bool| Value::object([("supported", flag.into())]);
    let abilities = Value::object([
        ("temperature", supported(true)),
        ("vision", supported(model.images)),
        ("system_message", supported(true)),
        ("tools", supported(model.tools)),
    ]);
    Value::object([
        ("id", model.id.as_str().into()),
        ("name", model.name.as_str().into()),
        ("context", model.context_window.into()),
        ("abilities", abilities),
    ])
}
