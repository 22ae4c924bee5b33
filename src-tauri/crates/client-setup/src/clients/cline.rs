//! Cline: its VS Code extension, command line and JetBrains plugin share one file.
//!
//! Source: `cline/cline`, `sdk/packages/core/src/services/storage/provider-settings-manager.ts`. A file that fails the
//! client's schema is read as empty, and its next save then erases every provider.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{Client, FileSetup, PickUp};
use crate::connection::Connection;
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::timestamp::rfc3339;
use crate::value::Value;

const SLOT: &str = "openai-compatible";

pub(super) static CLIENT: Client = Client {
    id: "cline",
    name: "Cline",
    binaries: &["cline"],
    traces: |environment| vec![environment.dir_or_home("CLINE_DIR", ".cline")],
    pick_up: PickUp::ReloadWindow,
    files,
    notes: &[
        "Cline has one place for an OpenAI-compatible provider: what stood there is kept and comes back with undo.",
        "Choose \"OpenAI Compatible\" in Cline's settings if another provider is active.",
    ],
    ..Client::UNKNOWN
};

fn settings_path(environment: &Environment) -> PathBuf {
    if let Some(path) = environment.variable("CLINE_PROVIDER_SETTINGS_PATH") {
        return PathBuf::from(path);
    }
    let data = environment.dir_or_home("CLINE_DIR", ".cline").join("data");
    let data = environment.variable("CLINE_DATA_DIR").map_or(data, PathBuf::from);
    data.join("settings/providers.json")
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let slot = Path::keys(&["providers", SLOT]);
    let settings = Value::object([
        ("provider", SLOT.into()),
        ("apiKey", connection.key_value()),
        ("baseUrl", connection.base().into()),
        ("model", connection.model.id.as_str().into()),
    ]);
    let edits = vec![
        Edit::if_absent(Path::keys(&["version"]), 1),
        Edit::set(Path::keys(&["lastUsedProvider"]), SLOT),
        Edit::if_absent(Path::keys(&["modes"]), Value::Object(Vec::new())),
        Edit::set(slot.clone().key("settings"), settings),
        Edit::if_absent(slot.clone().key("updatedAt"), rfc3339(environment.now)),
        Edit::set(slot.key("tokenSource"), "manual"),
    ];
    vec![FileSetup::new(settings_path(environment), Format::Json, edits)]
}
