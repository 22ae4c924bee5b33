//! Kimi Code.
//!
//! Source: the file as EasyCLIProxyAPI, `build_kimi_code_agent_config`, writes it; `ollama/ollama`, `cmd/launch/kimi.go`.

use crate::change::Edit;
use crate::client::{Client, FileSetup};
use crate::connection::{Connection, Model, PROVIDER_ID};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

/// Kimi Code. It has no launcher, because its settings, including the key, would be on its command line.
pub(super) static CLIENT: Client = Client {
    id: "kimi-code",
    name: "Kimi Code",
    binaries: &["kimi"],
    traces: |environment| vec![home(environment)],
    files,
    ..Client::UNKNOWN
};

fn home(environment: &Environment) -> std::path::PathBuf {
    environment.dir_or_home("KIMI_CODE_HOME", ".kimi-code")
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let mut edits = vec![
        Edit::set(Path::keys(&["default_model"]), model_id(&connection.model)),
        Edit::set(Path::keys(&["providers", PROVIDER_ID]), provider(connection)),
    ];
    edits.extend(
        connection.models().map(|one| Edit::set(Path::keys(&["models", &model_id(one)]), model(one))),
    );
    vec![FileSetup::new(home(environment).join("config.toml"), Format::Toml, edits)]
}

fn model_id(model: &Model) -> String {
    format!("{PROVIDER_ID}/{}", model.id)
}

fn provider(connection: &Connection) -> Value {
    Value::object([
        ("type", "openai".into()),
        ("base_url", connection.base().into()),
        ("api_key", connection.key_value()),
    ])
}

fn model(model: &Model) -> Value {
    let capabilities = [(model.tools, "tool_use"), (model.images, "image_in"), (model.reasoning, "thinking")];
    let capabilities = capabilities.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.into());
    Value::object([
        ("provider", PROVIDER_ID.into()),
        ("model", model.id.as_str().into()),
        ("display_name", model.name.as_str().into()),
        ("max_context_size", model.context_window.into()),
        ("capabilities", Value::array(capabilities)),
    ])
}
