//! Declarations of the known clients. A new one needs a file here, a line in `ALL` and a configuration in the
//! tests.

mod aider;
mod claude_code;
mod claude_desktop;
mod cline;
mod codex;
mod continue_dev;
mod copilot_cli;
mod crush;
mod deep_link;
mod droid;
mod goose;
mod grok_build;
mod hermes;
mod kimi_code;
mod openclaw;
mod opencode;
mod pi;
mod qwen_code;
mod raycast;
mod unreachable;
mod vscode;
mod zed;

use crate::client::Client;

static ALL: &[&Client] = &[
    &claude_code::CLIENT,
    &claude_code::VSCODE,
    &claude_desktop::CLIENT,
    &codex::CLIENT,
    &codex::APP,
    &opencode::OPENCODE,
    &opencode::MAMMOUTH_CODE,
    &opencode::KILO_CODE,
    &qwen_code::CLIENT,
    &cline::CLIENT,
    &continue_dev::CLIENT,
    &zed::CLIENT,
    &vscode::CLIENT,
    &copilot_cli::CLIENT,
    &aider::CLIENT,
    &goose::CLIENT,
    &crush::CLIENT,
    &pi::CLIENT,
    &droid::CLIENT,
    &openclaw::CLIENT,
    &hermes::CLIENT,
    &kimi_code::CLIENT,
    &grok_build::CLIENT,
    &raycast::CLIENT,
    &deep_link::CHERRY_STUDIO,
    &deep_link::CHATBOX,
    &deep_link::DEEPCHAT,
    &deep_link::OPENCAT,
    &deep_link::CC_SWITCH,
    &unreachable::JETBRAINS_AI,
    &unreachable::XCODE,
    &unreachable::OTHER_HOST,
    &unreachable::CURSOR,
    &unreachable::WARP,
    &unreachable::AMP,
];

/// All known clients, the most common first.
pub fn all() -> &'static [&'static Client] {
    ALL
}

/// Finds a client by its id.
pub fn find(id: &str) -> Option<&'static Client> {
    ALL.iter().copied().find(|client| client.id == id)
}
