//! The accounts that the program starts with.

use super::DATABASE_FILE;
use crate::accounts::{Account, AccountOrigin, AccountStore, Accounts, Clock, MissingSecret, Timestamp};
use crate::management::{UserMessage, other_host};
use mock_upstream::MockUpstream;
use storage::config::{Config, SettingsFile};
use upstreams::{UPSTREAMS, UpstreamId, api_key, web_session};

/// Opens the account pool with its saved states, and applies the user's settings. Adds a notice if states cannot be
/// kept.
pub(super) fn open_accounts(
    config: &Config,
    settings: &SettingsFile,
    simulator: Option<&MockUpstream>,
    clock: Clock,
    notices: &mut Vec<UserMessage>,
) -> Accounts {
    let initial_accounts = available_accounts(config, simulator);
    let store = match AccountStore::open(&config.data_dir.join(DATABASE_FILE)) {
        Ok(store) => Some(store),
        Err(error) => {
            notices.push(UserMessage::StatesNotKept { detail: error.to_string() });
            None
        }
    };
    let accounts = Accounts::new(initial_accounts, config.strategy, store, clock.now());
    add_pending_accounts(config, settings, &accounts);
    apply_settings(config, settings, &accounts, clock.now());
    warn_if_empty(&accounts, clock.now());
    accounts
}

/// The mock upstream's accounts in a demo, otherwise those of the settings.
pub(super) fn available_accounts(config: &Config, simulator: Option<&MockUpstream>) -> Vec<Account> {
    if let Some(simulator) = simulator {
        let cookies = simulator.cookies().into_iter();
        let web = cookies
            .map(|(label, cookie)| Account::new(label, web_session::ID, AccountOrigin::Demo, cookie.into()));
        let keys = simulator.keys().into_iter();
        let api = keys.map(|(label, key)| Account::new(label, api_key::ID, AccountOrigin::Demo, key.into()));
        return web.chain(api).collect();
    }
    UPSTREAMS.iter().flat_map(|upstream| numbered_accounts(*upstream, config)).collect()
}

/// Adds the names of stored accounts. A demo has only its own accounts.
pub(super) fn add_pending_accounts(config: &Config, settings: &SettingsFile, accounts: &Accounts) {
    if !config.demo {
        for upstream in UPSTREAMS.iter().copied() {
            for (id, label) in settings.string_table(upstream.settings_table) {
                let host_change = other_host(config, settings, upstream, &id);
                accounts.add_pending(id.clone(), label, upstream);
                if let Some(change) = host_change {
                    accounts.set_missing_secret(&id, MissingSecret::OtherHost(change));
                }
            }
        }
    }
}

/// Applies the user's settings for accounts of every origin: labels, order, pin.
pub(super) fn apply_settings(config: &Config, settings: &SettingsFile, accounts: &Accounts, now: Timestamp) {
    for (id, label) in settings.string_table("labels") {
        accounts.rename(&id, &label);
    }
    accounts.set_order(config.account_order.clone());
    // A pinned account that no longer exists must not exclude the others.
    let exists = |id: &String| accounts.list(now).iter().any(|account| account.id == *id);
    accounts.set_pinned(config.only_account.clone().filter(exists));
    accounts.set_kind_preference(config.prefer);
}

/// Warns in the log if there are no accounts. Not a notice, as notices stay for the whole run and an account can be
/// added at any time.
fn warn_if_empty(accounts: &Accounts, now: Timestamp) {
    if accounts.list(now).is_empty() {
        tracing::warn!(
            "there is no account yet: set COOKIES, or run 'mammouth-proxy accounts add --label NAME'"
        );
    }
}

/// The accounts of the environment.
fn numbered_accounts(upstream: UpstreamId, config: &Config) -> impl Iterator<Item = Account> {
    (upstream.credentials)(config).iter().enumerate().map(move |(index, secret)| {
        let label = format!("{}-{}", upstream.name, index + 1);
        Account::new(label, upstream, AccountOrigin::Environment, secret.clone())
    })
}
