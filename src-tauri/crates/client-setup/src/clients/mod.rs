//! The known clients. A new one is a file here, a line in `all` and a configuration in the tests.

mod claude_code;
mod codex;
mod continue_dev;

use crate::client::Client;

static ALL: &[&Client] = &[&claude_code::CLIENT, &codex::CLIENT, &codex::APP, &continue_dev::CLIENT];

/// Every known client, those first that most people have.
pub fn all() -> &'static [&'static Client] {
    ALL
}

/// The client of this id.
pub fn find(id: &str) -> Option<&'static Client> {
    ALL.iter().copied().find(|client| client.id == id)
}
