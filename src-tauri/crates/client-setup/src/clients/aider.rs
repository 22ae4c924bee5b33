//! Aider, which reads everything from its environment.
//!
//! Source: <https://aider.chat/docs/llms/openai-compat.html>.

use crate::client::{Client, LaunchSetup, Launcher, PickUp};

pub(super) static CLIENT: Client = Client {
    id: "aider",
    name: "Aider",
    binaries: &["aider"],
    pick_up: PickUp::Never,
    launch: Some(Launcher {
        program: "aider",
        setup: |connection| LaunchSetup {
            variables: vec![
                ("OPENAI_API_BASE", connection.base()),
                ("OPENAI_API_KEY", connection.secret().to_owned()),
            ],
            removed: &[],
            arguments: vec!["--model".to_owned(), format!("openai/{}", connection.model.id)],
        },
        colliding: &["--model", "--openai-api-base", "--openai-api-key"],
    }),
    why_not: Some("it is started for the proxy instead, which writes nothing"),
    ..Client::UNKNOWN
};
