//! `status`: whether the program can work, in one answer.

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, MainKey};
use crate::accounts::AccountView;

/// What does not change while the program runs.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub demo: bool,
    /// Sentences that the user should know, such as a log that was set aside.
    pub notices: Vec<String>,
    /// What `doctor` says about settings.
    pub data_dir: String,
    /// Where web accounts are asked.
    pub web_url: String,
    /// The name of the session cookie.
    pub cookie_name: String,
}

/// The answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub demo: bool,
    /// `HOST:PORT`.
    pub address: String,
    /// What clients are given.
    pub base_url: String,
    pub connections: usize,
    pub accounts: Vec<AccountView>,
    pub log_recorded: u64,
    /// Records lost because the disk did not keep up.
    pub log_dropped: u64,
    pub notices: Vec<String>,
    pub data_dir: String,
    pub web_url: String,
}

pub(super) fn status(control: &Control) -> Result<Status, ControlError> {
    let server = control.server()?;
    let counters = control.journal.counters();
    let address = server.addr();
    Ok(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        demo: control.facts.demo,
        address: address.to_string(),
        base_url: format!("http://{address}/v1"),
        connections: server.connections(),
        accounts: control.accounts.list(control.clock.now()),
        log_recorded: counters.recorded,
        log_dropped: counters.dropped,
        notices: notices(control),
        data_dir: control.facts.data_dir.clone(),
        web_url: control.facts.web_url.clone(),
    })
}

fn notices(control: &Control) -> Vec<String> {
    let main = match control.keys.main() {
        MainKey::Kept { .. } => None,
        MainKey::ForThisRun { why, .. } => Some(format!(
            "the client key ends with this run: set AUTH_TOKEN, or make a lasting key with 'mammouth-proxy keys add NAME'. {why}"
        )),
        MainKey::Unread { why } => Some(format!("the client key: {why}")),
    };
    let later = control.notices_so_far();
    control.facts.notices.iter().cloned().chain(later).chain(main).collect()
}
