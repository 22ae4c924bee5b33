//! GitHub Copilot's command line, which takes another provider from its environment only.
//!
//! Source: <https://docs.github.com/copilot>, "Use BYOK models" for Copilot CLI.

use crate::client::{Client, LaunchSetup, Launcher, PickUp};
use crate::connection::Connection;

pub(super) static CLIENT: Client = Client {
    id: "copilot-cli",
    name: "Copilot CLI",
    binaries: &["copilot"],
    traces: |environment| vec![environment.home.join(".copilot")],
    pick_up: PickUp::Never,
    launch: Some(Launcher { program: "copilot", setup: launch, colliding: &["--model"] }),
    why_not: Some("it takes another provider from its environment only: start it for the proxy instead"),
    notes: &["The model must be able to call tools and to stream."],
    ..Client::UNKNOWN
};

fn launch(connection: &Connection) -> LaunchSetup {
    LaunchSetup {
        variables: vec![
            ("COPILOT_PROVIDER_TYPE", "openai".to_owned()),
            ("COPILOT_PROVIDER_BASE_URL", connection.base()),
            ("COPILOT_PROVIDER_API_KEY", connection.secret().to_owned()),
            ("COPILOT_PROVIDER_WIRE_API", "responses".to_owned()),
            ("COPILOT_MODEL", connection.model.id.clone()),
        ],
        ..LaunchSetup::default()
    }
}
