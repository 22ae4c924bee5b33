//! Goose, by a separate provider file.
//!
//! Source: `aaif-goose/goose`, `documentation/docs/guides/config-files.md` and
//! `crates/goose/src/providers/declarative/lmstudio.json`.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{BaseUrl, Client, FileSetup, KeyPlace, LaunchSetup, Launcher};
use crate::connection::{Connection, KEY_VARIABLE, PROVIDER_ID, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::{Environment, System};
use crate::path::Path;
use crate::value::Value;

pub(super) static CLIENT: Client = Client {
    id: "goose",
    name: "Goose",
    binaries: &["goose"],
    traces: |environment| vec![config_dir(environment)],
    base_url: BaseUrl::ChatCompletions,
    key_place: KeyPlace::Paste,
    files,
    launch: Some(Launcher { program: "goose", setup: launch, colliding: &["--provider", "--model"] }),
    shadowing_variables: &["GOOSE_PROVIDER", "GOOSE_MODEL"],
    notes: &["Give it the key once with `goose configure`: a key in its configuration is ignored."],
    ..Client::UNKNOWN
};

fn config_dir(environment: &Environment) -> PathBuf {
    match (environment.variable("GOOSE_PATH_ROOT"), environment.system) {
        (Some(root), _) => PathBuf::from(root).join("config"),
        (None, System::Windows) => environment.app_data().join("Block/goose/config"),
        (None, System::Linux | System::MacOs) => environment.config_home().join("goose"),
    }
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let models = connection.models().map(|model| {
        Value::object([("name", model.id.as_str().into()), ("context_limit", model.context_window.into())])
    });
    let edits = [
        ("name", Value::from(PROVIDER_ID)),
        ("engine", "openai".into()),
        ("display_name", PROVIDER_NAME.into()),
        ("api_key_env", KEY_VARIABLE.into()),
        ("base_url", BaseUrl::ChatCompletions.of(connection).into()),
        ("dynamic_models", true.into()),
        ("models", Value::array(models)),
        ("supports_streaming", true.into()),
        ("requires_auth", true.into()),
    ]
    .map(|(key, value)| Edit::set(Path::keys(&[key]), value));
    let path = config_dir(environment).join(format!("custom_providers/{PROVIDER_ID}.json"));
    vec![FileSetup::new(path, Format::Json, edits.to_vec())]
}

/// Launch by the environment, which overrides the file.
fn launch(connection: &Connection) -> LaunchSetup {
    LaunchSetup {
        variables: vec![
            ("GOOSE_PROVIDER", "openai".to_owned()),
            ("GOOSE_MODEL", connection.model.id.clone()),
            ("OPENAI_HOST", connection.root()),
            ("OPENAI_BASE_PATH", "v1/chat/completions".to_owned()),
            ("OPENAI_API_KEY", connection.secret().to_owned()),
        ],
        ..LaunchSetup::default()
    }
}
