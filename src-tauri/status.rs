//! Status of the proxy as tray and notifications use it.

use gateway::accounts::{AccountState, AccountView, UpstreamId};
use gateway::management::{ErrorLine, ServingState, Status};
use serde::Deserialize;
use storage::config::{Choice, Language, Strategy, Theme, TrayIcon};

/// Status that tray and notifications show. The default is the status before the first report.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ProxyStatus {
    pub(super) demo: bool,
    pub(super) state: ProxyState,
    pub(super) address: String,
    pub(super) base_url: String,
    pub(super) running: u32,
    pub(super) accounts: Vec<AccountStatus>,
    pub(super) strategy: Option<Strategy>,
    pub(super) last_error: Option<LastError>,
    pub(super) language: Language,
    pub(super) theme: Theme,
    pub(super) tray_icon: TrayIcon,
    /// Clients from a separate command; see [`ClientStatus::from_json`].
    pub(super) clients: Vec<ClientStatus>,
}

/// Serving state of the proxy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) enum ProxyState {
    Serving,
    Busy,
    Limited,
    Stopped,
    Error,
    NoAccount,
    /// State before the first report.
    #[default]
    Unknown,
}

impl From<ServingState> for ProxyState {
    fn from(state: ServingState) -> Self {
        match state {
            ServingState::Serving => Self::Serving,
            ServingState::Busy => Self::Busy,
            ServingState::Limited => Self::Limited,
            ServingState::Stopped => Self::Stopped,
            ServingState::Error => Self::Error,
            ServingState::NoAccount => Self::NoAccount,
        }
    }
}

/// One account, without anything secret.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AccountStatus {
    pub(super) label: String,
    pub(super) upstream: UpstreamId,
    pub(super) state: AccountState,
    /// Seconds until the first of the account's limits ends.
    pub(super) seconds_left: Option<u64>,
    pub(super) quota_percent: Option<f64>,
    pub(super) only: bool,
}

impl From<AccountView> for AccountStatus {
    fn from(account: AccountView) -> Self {
        Self {
            seconds_left: account.limits.iter().map(|limit| limit.seconds_left).min(),
            label: account.label,
            upstream: account.kind,
            state: account.state,
            quota_percent: account.quota_percent,
            only: account.only,
        }
    }
}

/// A client that is on this machine or was set up from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientStatus {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: ClientState,
    /// Whether the client can be started for the proxy without a change of its files.
    pub(super) can_launch: bool,
}

/// State of a client's set-up.
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
    /// Parses the result of `clients.list`. Clients that are neither on this machine nor set up are omitted.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastError {
    pub(super) code: String,
    pub(super) message: Option<String>,
    pub(super) model: String,
}

impl From<ErrorLine> for LastError {
    fn from(error: ErrorLine) -> Self {
        Self { code: error.code, message: error.message, model: error.model }
    }
}

impl From<Status> for ProxyStatus {
    fn from(status: Status) -> Self {
        Self {
            demo: status.demo,
            state: status.state.into(),
            address: status.address,
            base_url: status.base_url,
            running: status.running,
            accounts: status.accounts.into_iter().map(AccountStatus::from).collect(),
            strategy: Some(status.strategy),
            last_error: status.last_error.map(LastError::from),
            language: status.language,
            theme: status.theme,
            tray_icon: status.tray_icon,
            clients: Vec::new(),
        }
    }
}

impl ProxyStatus {
    /// The port of the address; 0 before there is an address.
    pub(super) fn port(&self) -> u16 {
        self.address.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0)
    }

    /// The word of the language setting.
    pub(super) fn language_word(&self) -> &'static str {
        self.language.word()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A limited account, as the management API writes it; `limits` in seconds.
    fn limited_account(limits: &[u64]) -> AccountView {
        let limit = |seconds| serde_json::json!({"scope": "", "reason": "quota", "until_ms": 0, "seconds_left": seconds});
        let limits: Vec<_> = limits.iter().map(limit).collect();
        serde_json::from_value(serde_json::json!({
            "id": "1", "label": "a", "kind": "web", "origin": "stored", "state": "limited", "limits": limits,
            "running": 0, "quota_percent": 50.0, "spend_cents": null, "downgrades": [], "only": true,
        }))
        .unwrap()
    }

    #[test]
    fn the_first_limit_that_ends_counts() {
        let account = AccountStatus::from(limited_account(&[90, 30]));
        assert_eq!((account.state, account.seconds_left), (AccountState::Limited, Some(30)));
        assert!(account.only);
        assert_eq!(AccountStatus::from(limited_account(&[])).seconds_left, None);
    }

    #[test]
    fn before_the_first_status_the_state_is_unknown() {
        assert_eq!(ProxyStatus::default().state, ProxyState::Unknown);
        assert_eq!(ProxyStatus::default().port(), 0);
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
