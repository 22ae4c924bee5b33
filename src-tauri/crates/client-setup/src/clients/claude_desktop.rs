//! Claude Desktop in its gateway mode.
//!
//! Source: <https://claude.com/docs/cowork/3p>; the files as `ollama/ollama`, `cmd/launch/claude_desktop.go`, writes them.

use std::path::PathBuf;

use crate::change::Edit;
use crate::client::{BaseUrl, Client, FileSetup, PickUp, root_and_key};
use crate::connection::{Connection, PROVIDER_NAME};
use crate::document::Format;
use crate::environment::{Environment, System};
use crate::path::Path;
use crate::value::Value;

/// The id of the proxy's profile. It is the same on every machine, so that the profile is recognised.
const PROFILE_ID: &str = "6f0c6a52-5a0e-4c1e-9d0b-8a6d6d746870";

pub(super) static CLIENT: Client = Client {
    id: "claude-desktop",
    name: "Claude Desktop",
    traces: |environment| vec![settings_dir(environment).join("Claude")],
    base_url: BaseUrl::Root,
    pick_up: PickUp::Restart,
    files,
    by_hand: root_and_key,
    notes: &[
        "Quit the application first: it writes its files when it ends.",
        "By hand: Help › Developer mode › Configure Third-Party Inference.",
    ],
    ..Client::UNKNOWN
};

fn settings_dir(environment: &Environment) -> PathBuf {
    match environment.system {
        System::Linux => environment.config_home(),
        System::MacOs => environment.application_support(),
        System::Windows => environment.local_app_data(),
    }
}

/// The files of the set-up. The profile is first, so that the application never applies a profile that does
/// not exist.
fn files(environment: &Environment, connection: &Connection) -> Vec<FileSetup> {
    let dir = settings_dir(environment);
    let library = dir.join("Claude-3p/configLibrary");
    let mode = || vec![Edit::set(Path::keys(&["deploymentMode"]), "3p")];
    let json = |path, edits| FileSetup::new(path, Format::Json, edits);
    vec![
        json(library.join(format!("{PROFILE_ID}.json")), profile(connection)),
        json(library.join("_meta.json"), library_entry()),
        json(dir.join("Claude-3p/claude_desktop_config.json"), mode()),
        json(dir.join("Claude/claude_desktop_config.json"), mode()),
    ]
}

/// The profile of the proxy. The chooser of the deployment mode stays enabled, because the user could not
/// leave the gateway otherwise.
fn profile(connection: &Connection) -> Vec<Edit> {
    [
        ("inferenceProvider", Value::from("gateway")),
        ("inferenceGatewayBaseUrl", connection.root().into()),
        ("inferenceGatewayApiKey", connection.key_value()),
        ("inferenceGatewayAuthScheme", "bearer".into()),
        ("deploymentDisplayName", PROVIDER_NAME.into()),
        ("disableDeploymentModeChooser", false.into()),
        ("autoModeEnabled", false.into()),
    ]
    .map(|(key, value)| Edit::set(Path::keys(&[key]), value))
    .to_vec()
}

fn library_entry() -> Vec<Edit> {
    let entry = Value::object([("id", PROFILE_ID.into()), ("name", PROVIDER_NAME.into())]);
    vec![
        Edit::set(Path::keys(&["entries"]).item("id", PROFILE_ID), entry),
        Edit::set(Path::keys(&["appliedId"]), PROFILE_ID),
    ]
}
