//! pi.
//!
//! Source: `badlogic/pi-mono`. Its `apiKey` is read as the name of a variable if such a variable exists, so a
//! command is written instead of the key.

use crate::change::Edit;
use crate::client::{Client, FileSetup, KeyPlace, PickUp};
use crate::connection::{Connection, Model, PROVIDER_ID};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "pi",
    name: "pi",
    binaries: &["pi"],
    traces: |environment| vec![agent_dir(environment)],
    pick_up: PickUp::AtOnce,
    key_place: KeyPlace::Command,
    files,
    notes: &["Choose a model with `/model`, which reads the file again."],
    ..Client::UNKNOWN
};

fn agent_dir(environment: &Environment) -> std::path::PathBuf {
    environment.dir_or_home("PI_CODING_AGENT_DIR", ".pi/agent")
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let provider = Value::object([
        ("baseUrl", connection.base().into()),
        ("api", "openai-completions".into()),
        ("apiKey", format!("!{}", key_command(connection)).into()),
        ("authHeader", true.into()),
        ("models", Value::array(connection.models().map(model))),
    ]);
    let edits = vec![Edit::set(Path::keys(&["providers", PROVIDER_ID]), provider)];
    vec![FileSetup::new(agent_dir(environment).join("models.json"), Format::Json, edits)]
}

/// The key command as a line for a shell.
fn key_command(connection: &Connection) -> String {
    let words = connection.key_command.iter().map(String::as_str).chain([CLIENT.id]);
    words.map(shell_word).collect::<Vec<_>>().join(" ")
}

fn shell_word(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./\\:".contains(&byte);
    if word.bytes().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

fn model(model: &Model) -> Value {
    let inputs = if model.images { vec!["text", "image"] } else { vec!["text"] };
    Value::object([
        ("id", model.id.as_str().into()),
        ("name", model.name.as_str().into()),
        ("reasoning", model.reasoning.into()),
        ("input", Value::array(inputs.into_iter().map(Value::from))),
        ("contextWindow", model.context_window.into()),
        ("maxTokens", model.max_output.into()),
    ])
}
