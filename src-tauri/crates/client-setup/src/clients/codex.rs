//! Codex: the terminal by a separate profile file, the application by the root keys of `config.toml`.
//!
//! Source: <https://developers.openai.com/codex/config-advanced> and
//! `codex-rs/model-provider-info/src/lib.rs`.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{Client, FileSetup, KeyPlace, LaunchSetup, Launcher, PickUp};
use crate::connection::{Connection, KEY_VARIABLE, PROVIDER_ID, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::{Value, quote};

pub(super) static CLIENT: Client = Client {
    id: "codex",
    name: "Codex",
    binaries: &["codex"],
    traces: |environment| vec![codex_home(environment)],
    pick_up: PickUp::NextStart,
    key_place: KeyPlace::Command,
    files: |environment, connection| {
        vec![file(CLIENT.id, codex_home(environment).join(format!("{PROVIDER_ID}.config.toml")), connection)]
    },
    launch: Some(Launcher {
        program: "codex",
        setup: launch,
        colliding: &["-p", "--profile", "-m", "--model", "-c model_provider", "--config model_provider"],
    }),
    notes: &["Start it with `codex --profile mammouth-proxy`."],
    ..Client::UNKNOWN
};

pub(super) static APP: Client = Client {
    id: "codex-app",
    name: "Codex / ChatGPT app",
    traces: |environment| vec![environment.app_settings().join("Codex")],
    pick_up: PickUp::Restart,
    key_place: KeyPlace::Command,
    files: |environment, connection| {
        vec![file(APP.id, codex_home(environment).join("config.toml"), connection)]
    },
    notes: &[
        "The terminal reads the same file: Codex uses the proxy there too, without `--profile`.",
        "A model picked in the application afterwards takes the place of ours.",
    ],
    ..Client::UNKNOWN
};

fn codex_home(environment: &Environment) -> PathBuf {
    environment.dir_or_home("CODEX_HOME", ".codex")
}

/// The file with the proxy as provider. Codex runs the key command to get the key, so the file contains none.
fn file(id: &str, path: PathBuf, connection: &Connection) -> FileSetup {
    let provider = Value::object([
        ("name", PROVIDER_NAME.into()),
        ("base_url", connection.base().into()),
        ("wire_api", "responses".into()),
        ("auth", key_command(id, connection)),
    ]);
    let edits = vec![
        Edit::set(Path::keys(&["model"]), connection.model.id.clone()),
        Edit::set(Path::keys(&["model_provider"]), PROVIDER_ID),
        Edit::set(Path::keys(&["model_providers", PROVIDER_ID]), provider),
    ];
    FileSetup::new(path, Format::Toml, edits)
}

fn key_command(id: &str, connection: &Connection) -> Value {
    let (program, arguments) = connection.key_command.split_first().map_or(("", &[][..]), |(p, a)| (p, a));
    let arguments = arguments.iter().map(String::as_str).chain([id]);
    Value::object([
        ("command", program.into()),
        ("args", Value::array(arguments.map(Value::from))),
        ("timeout_ms", 5000.into()),
        ("refresh_interval_ms", 0.into()),
    ])
}

fn launch(connection: &Connection) -> LaunchSetup {
    let provider = format!("model_providers.{PROVIDER_ID}");
    let overrides = [
        format!("model_provider={}", quote(PROVIDER_ID)),
        format!("{provider}.name={}", quote(PROVIDER_NAME)),
        format!("{provider}.base_url={}", quote(&connection.base())),
        format!("{provider}.wire_api=\"responses\""),
        format!("{provider}.env_key={}", quote(KEY_VARIABLE)),
    ];
    let mut arguments: Vec<_> = overrides.into_iter().flat_map(|value| ["-c".to_owned(), value]).collect();
    arguments.extend(["-m".to_owned(), connection.model.id.clone()]);
    LaunchSetup { variables: vec![(KEY_VARIABLE, connection.secret().to_owned())], removed: &[], arguments }
}
