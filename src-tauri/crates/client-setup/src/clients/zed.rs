//! Zed. Zed stores keys in the system's keychain; only its own window writes them.
//!
//! Source: `zed-industries/zed`, `crates/paths/src/paths.rs`; <https://zed.dev/docs>, LLM providers.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{Client, FileSetup, KeyPlace, PickUp};
use crate::connection::{Connection, Model, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::{Environment, System};
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "zed",
    name: "Zed",
    binaries: &["zed", "zeditor"],
    traces: |environment| vec![config_dir(environment)],
    pick_up: PickUp::AtOnce,
    key_place: KeyPlace::Paste,
    files,
    notes: &["Paste the key once in Zed: Agent settings › LLM providers › Mammouth Proxy."],
    ..Client::UNKNOWN
};

fn config_dir(environment: &Environment) -> PathBuf {
    match environment.system {
        System::Linux => {
            let flatpak = environment.variable("FLATPAK_XDG_CONFIG_HOME").map(PathBuf::from);
            flatpak.unwrap_or_else(|| environment.config_home()).join("zed")
        }
        System::MacOs => environment.home.join(".config/zed"),
        System::Windows => environment.app_data().join("Zed"),
    }
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let provider = Value::object([
        ("api_url", connection.base().into()),
        ("available_models", Value::array(connection.models().map(model))),
    ]);
    let path = Path::keys(&["language_models", "openai_compatible", PROVIDER_NAME]);
    vec![FileSetup::new(
        config_dir(environment).join("settings.json"),
        Format::Jsonc,
        vec![Edit::set(path, provider)],
    )]
}

fn model(model: &Model) -> Value {
    let capabilities = Value::object([
        ("tools", model.tools.into()),
        ("images", model.images.into()),
        ("parallel_tool_calls", false.into()),
        ("prompt_cache_key", false.into()),
    ]);
    Value::object([
        ("name", model.id.as_str().into()),
        ("display_name", model.name.as_str().into()),
        ("max_tokens", model.context_window.into()),
        ("max_output_tokens", model.max_output.into()),
        ("capabilities", capabilities),
    ])
}
