//! Clients that cannot be set up by file, with the reason.

use crate::client::{BaseUrl, Client, PickUp, root_and_key};

const BY_HAND: Client = Client { pick_up: PickUp::Never, ..Client::UNKNOWN };

/// A client that cannot use the proxy, so that there is no value to copy.
const NOT_AT_ALL: Client = Client { by_hand: |_| Vec::new(), ..BY_HAND };

/// JetBrains AI Assistant. Source: <https://www.jetbrains.com>, BYOK of AI Assistant 2026.1.
pub(super) static JETBRAINS_AI: Client = Client {
    id: "jetbrains-ai",
    name: "JetBrains AI Assistant",
    why_not: Some("it keeps its providers where only its own window writes them"),
    notes: &["Settings › Tools › AI Assistant › Providers & API keys › OpenAI-compatible."],
    ..BY_HAND
};

pub(super) static XCODE: Client = Client {
    id: "xcode",
    name: "Xcode",
    base_url: BaseUrl::Root,
    by_hand: root_and_key,
    why_not: Some("it keeps its providers where only its own window writes them"),
    notes: &["Version 26.3 or later: Settings › Intelligence › Add provider › Internet hosted."],
    ..BY_HAND
};

pub(super) static OTHER_HOST: Client = Client {
    id: "other-host",
    name: "Chat servers on another host (Open WebUI, LibreChat, Home Assistant)",
    why_not: Some(
        "127.0.0.1 is this machine only: the proxy must listen on an address that the other host reaches",
    ),
    notes: &["Give it a named key, and add the name that it is called by to the allowed hosts."],
    ..BY_HAND
};

pub(super) static CURSOR: Client = Client {
    id: "cursor",
    name: "Cursor",
    why_not: Some("its requests come from its own servers, which cannot reach this machine"),
    ..NOT_AT_ALL
};

/// Warp. Source: <https://docs.warp.dev>.
pub(super) static WARP: Client =
    Client { id: "warp", name: "Warp", why_not: Some("it refuses addresses of this machine"), ..NOT_AT_ALL };

pub(super) static AMP: Client = Client {
    id: "amp",
    name: "Amp",
    why_not: Some("it wants a server with its own management routes"),
    ..NOT_AT_ALL
};
