//! Status of the proxy as tray and notifications use it: the result of the command `status`.

use serde::Deserialize;

/// The fields of `status` that are used here. A missing field is empty, as while the program starts.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct ProxyStatus {
    pub(super) demo: bool,
    pub(super) state: ProxyState,
    pub(super) address: String,
    pub(super) base_url: String,
    pub(super) running: u32,
    pub(super) accounts: Vec<AccountStatus>,
    pub(super) strategy: String,
    pub(super) last_error: Option<LastError>,
    pub(super) language: String,
    pub(super) theme: String,
    pub(super) tray_icon: TrayIcon,
    /// Not a part of `status`: see [`ClientStatus::from_json`].
    #[serde(skip)]
    pub(super) clients: Vec<ClientStatus>,
}

/// The icon style that the user chose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TrayIcon {
    Light,
    Dark,
    Colour,
    #[default]
    #[serde(other)]
    Auto,
}

/// Whether the proxy can serve.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProxyState {
    Serving,
    Busy,
    Limited,
    Stopped,
    Error,
    NoAccount,
    /// Before the first status, or a state that this program does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// One account, without anything secret.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct AccountStatus {
    pub(super) label: String,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) limits: Vec<AccountLimit>,
    pub(super) quota_percent: Option<f64>,
    pub(super) only: bool,
}

/// A limit that is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct AccountLimit {
    pub(super) seconds_left: u64,
}

/// A client that is on this machine or was set up from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientStatus {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: ClientState,
    /// Whether it can be started for the proxy without a change of its files.
    pub(super) can_launch: bool,
}

/// Whether a client uses the proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ClientState {
    NotByFile,
    NotSetUp,
    SetUp,
    OtherPort,
    KeyRefused,
    ChangedByHand,
    Unreadable,
    /// A state that this program does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

impl ClientStatus {
    /// Parses the result of `clients.list`. Clients that are not on this machine are left out.
    pub(super) fn from_json(list: &serde_json::Value) -> Vec<Self> {
        let clients = list["clients"].as_array().map(Vec::as_slice).unwrap_or_default();
        clients.iter().filter_map(Self::from_entry).collect()
    }

    fn from_entry(entry: &serde_json::Value) -> Option<Self> {
        let state = ClientState::deserialize(&entry["state"]["state"]).unwrap_or_default();
        let is_set_up = !matches!(state, ClientState::NotByFile | ClientState::NotSetUp);
        (is_set_up || !entry["found"].is_null()).then_some(())?;
        Some(Self {
            id: entry["id"].as_str()?.to_owned(),
            name: entry["name"].as_str()?.to_owned(),
            state,
            can_launch: entry["launch"].as_bool().unwrap_or(false),
        })
    }
}

/// The last request that failed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct LastError {
    pub(super) code: String,
    pub(super) message: Option<String>,
    pub(super) model: String,
}

impl AccountStatus {
    /// Seconds until the first of the account's limits ends.
    pub(super) fn seconds_left(&self) -> Option<u64> {
        self.limits.iter().map(|limit| limit.seconds_left).min()
    }
}

impl ProxyStatus {
    /// The port of the address; 0 before there is an address.
    pub(super) fn port(&self) -> u16 {
        self.address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    /// Parses the result of `status`.
    pub(super) fn from_json(status: serde_json::Value) -> Self {
        serde_json::from_value(status).unwrap_or_else(|error| {
            tracing::error!("the tray does not understand the status: {error}");
            Self::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_leniently() {
        let status = ProxyStatus::from_json(serde_json::json!({
            "state": "limited", "address": "127.0.0.1:3001", "unknown": [1],
            "accounts": [{"label": "a", "state": "limited", "limits": [{"seconds_left": 90}, {"seconds_left": 30}]}],
        }));
        assert_eq!((status.state, status.port()), (ProxyState::Limited, 3001));
        assert_eq!(status.accounts[0].seconds_left(), Some(30));
        assert_eq!(ProxyStatus::from_json(serde_json::json!({})).port(), 0);
    }

    #[test]
    fn a_state_that_is_not_known_is_unknown_and_the_rest_is_read() {
        let seen =
            ProxyStatus::from_json(serde_json::json!({"state": "brand_new", "address": "127.0.0.1:3001"}));
        assert_eq!((seen.state, seen.port()), (ProxyState::Unknown, 3001));
        assert_eq!(ProxyStatus::from_json(serde_json::json!(7)).state, ProxyState::Unknown);
    }

    #[test]
    fn clients_of_this_machine_are_read_with_their_state() {
        let entry = |id: &str, found: Option<&str>, state: &str| serde_json::json!({"id": id, "name": id, "found": found, "launch": true, "state": {"state": state}});
        let list = serde_json::json!({"clients": [
            entry("a", Some("/a"), "not_set_up"), entry("b", None, "not_set_up"), entry("c", None, "set_up"),
            entry("d", Some("/d"), "brand_new"),
        ]});
        let clients = ClientStatus::from_json(&list);
        let read: Vec<_> = clients.iter().map(|client| (client.id.as_str(), client.state)).collect();
        assert_eq!(
            read,
            [("a", ClientState::NotSetUp), ("c", ClientState::SetUp), ("d", ClientState::Unknown)]
        );
        assert_eq!(ClientStatus::from_json(&serde_json::json!(7)), []);
    }

    #[test]
    fn the_port_of_an_ipv6_address_is_found() {
        let status = ProxyStatus { address: "[::1]:4000".to_owned(), ..ProxyStatus::default() };
        assert_eq!(status.port(), 4000);
    }
}
