//! Claude Code, in the terminal and in its editor extensions, which read the same file.
//!
//! Source: <https://code.claude.com/docs/en/settings>, `/llm-gateway-connect` and `/env-vars`.

use super::vscode;
use crate::change::Edit;
use crate::client::{BaseUrl, Client, FileSetup, LaunchSetup, Launcher, PickUp, ProjectFile, root_and_key};
use crate::connection::{Connection, KEY_VARIABLE};
use crate::document::Format;
use crate::environment::Environment;
use crate::path::Path;
use crate::value::Value;

const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// Variables that select a cloud provider, which overrides the base URL.
const CLOUD_SWITCHES: &[&str] = &[
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_MANTLE",
];

pub(super) static CLIENT: Client = Client {
    id: "claude-code",
    name: "Claude Code",
    binaries: &["claude"],
    traces: |environment| vec![config_dir(environment)],
    base_url: BaseUrl::Root,
    pick_up: PickUp::AddedAtOnce,
    files,
    launch: Some(Launcher { program: "claude", setup: launch, colliding: &["--settings", "--model"] }),
    // The user's file overrides the shell's variables, but only those that the file sets.
    shadowing_variables: CLOUD_SWITCHES,
    project_files: &[
        ProjectFile { path: ".claude/settings.json", format: Format::Json, keys: base_url_keys },
        ProjectFile { path: ".claude/settings.local.json", format: Format::Json, keys: base_url_keys },
    ],
    by_hand: root_and_key,
    notes: &["Values that undo removes stay in running sessions until they are restarted."],
    ..Client::UNKNOWN
};

/// Claude Code's VS Code extension. Needed only where the extension shows its login although the client's own
/// file is right (`anthropics/claude-code`, issues 21926 and 72261).
pub(super) static VSCODE: Client = Client {
    id: "claude-code-vscode",
    name: "Claude Code in VS Code",
    traces: |environment| vec![vscode::user_dir(environment)],
    base_url: BaseUrl::Root,
    pick_up: PickUp::ReloadWindow,
    files: |environment, connection| {
        let path = vscode::user_dir(environment).join("settings.json");
        vec![FileSetup::new(path, Format::Jsonc, extension_settings(connection))]
    },
    by_hand: root_and_key,
    notes: &["Set up Claude Code first: this is only for an extension that still asks for a login."],
    ..Client::UNKNOWN
};

fn extension_settings(connection: &Connection) -> Vec<Edit> {
    let variables =
        [("ANTHROPIC_BASE_URL", connection.root().into()), ("ANTHROPIC_AUTH_TOKEN", connection.key_value())];
    let variables = variables.map(|(name, value): (&str, Value)| {
        let entry = Value::object([("name", name.into()), ("value", value)]);
        Edit::set(Path::keys(&["claudeCode.environmentVariables"]).item("name", name), entry)
    });
    let login = Edit::set(Path::keys(&["claudeCode.disableLoginPrompt"]), true);
    std::iter::once(login).chain(variables).collect()
}

fn config_dir(environment: &Environment) -> std::path::PathBuf {
    environment.dir_or_home("CLAUDE_CONFIG_DIR", ".claude")
}

fn base_url_keys() -> Vec<Path> {
    vec![Path::keys(&["env", "ANTHROPIC_BASE_URL"]), Path::keys(&["env", "ANTHROPIC_AUTH_TOKEN"])]
}

/// The variables of the set-up. They include a credential, because the user's claude.ai token would otherwise
/// be sent to the base URL.
fn variables(connection: &Connection) -> Vec<(&'static str, String)> {
    let (model, small) = (&connection.model.id, &connection.small().id);
    let mut variables = vec![
        ("ANTHROPIC_BASE_URL", connection.root()),
        (AUTH_TOKEN, connection.secret().to_owned()),
        ("ANTHROPIC_MODEL", model.clone()),
        ("ANTHROPIC_DEFAULT_OPUS_MODEL", model.clone()),
        ("ANTHROPIC_DEFAULT_SONNET_MODEL", model.clone()),
        ("ANTHROPIC_DEFAULT_HAIKU_MODEL", small.clone()),
        ("CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1".to_owned()),
        ("CLAUDE_CODE_GATEWAY_HINT_HEADERS", "1".to_owned()),
    ];
    // The client knows the windows of its own models and guesses those of others.
    if !model.starts_with("claude-") {
        variables.push(("CLAUDE_CODE_MAX_CONTEXT_TOKENS", connection.model.context_window.to_string()));
    }
    variables
}

fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let edits = variables(connection)
        .into_iter()
        .map(|(name, value)| Edit::set(Path::keys(&["env", name]), value))
        .collect();
    vec![FileSetup::new(config_dir(environment).join("settings.json"), Format::Json, edits)]
}

/// Launch through `--settings`, which overrides the user's file, which overrides the environment. The key is
/// not among the arguments, because every user of the machine can read those: a helper reads the key from the
/// environment.
fn launch(connection: &Connection) -> LaunchSetup {
    let mut variables = variables(connection);
    variables.retain(|(name, _)| *name != AUTH_TOKEN);
    variables.extend([(AUTH_TOKEN, String::new()), ("ANTHROPIC_API_KEY", String::new())]);
    let members = variables.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
    let print =
        if cfg!(windows) { format!("echo %{KEY_VARIABLE}%") } else { format!("printenv {KEY_VARIABLE}") };
    let settings = Value::object([("apiKeyHelper", print.into()), ("env", Value::Object(members.collect()))]);
    variables.push((KEY_VARIABLE, connection.secret().to_owned()));
    LaunchSetup {
        arguments: vec!["--settings".to_owned(), settings.to_json()],
        variables,
        removed: CLOUD_SWITCHES,
    }
}
