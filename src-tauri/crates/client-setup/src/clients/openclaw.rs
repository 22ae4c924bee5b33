//! OpenClaw.
//!
//! Source: the file as EasyCLIProxyAPI, `build_openclaw_agent_config`, writes it.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{Client, FileSetup, PickUp};
use crate::connection::{Connection, PROVIDER_ID};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "openclaw",
    name: "OpenClaw",
    binaries: &["openclaw"],
    traces: |environment| vec![environment.home.join(".openclaw")],
    pick_up: PickUp::RestartService,
    files,
    notes: &["The agents' model is left as it is: choose `mammouth-proxy/MODEL`."],
    ..Client::UNKNOWN
};

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let default = environment.home.join(".openclaw/openclaw.json");
    let path = environment.variable("OPENCLAW_CONFIG_PATH").map_or(default, PathBuf::from);
    let models = connection
        .models()
        .map(|model| Value::object([("id", model.id.as_str().into()), ("name", model.name.as_str().into())]));
    let provider = Value::object([
        ("baseUrl", connection.base().into()),
        ("apiKey", connection.key_value()),
        ("api", "openai-completions".into()),
        ("models", Value::array(models)),
    ]);
    let edits = vec![
        Edit::if_absent(Path::keys(&["models", "mode"]), "merge"),
        Edit::set(Path::keys(&["models", "providers", PROVIDER_ID]), provider),
    ];
    vec![FileSetup::new(path, Format::Json5, edits)]
}
