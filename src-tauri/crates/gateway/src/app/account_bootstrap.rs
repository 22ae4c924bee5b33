//! The accounts that the program starts with.

use crate::accounts::{Account, AccountKind, AccountOrigin, Accounts, MissingSecret, Timestamp};
use crate::management::{other_host, settings_table};
use mock_upstream::MockUpstream;
use storage::config::{Config, SettingsFile};
use storage::secrets::Secret;

/// The mock upstream's accounts in a demo, otherwise those of the settings.
pub(super) fn available_accounts(config: &Config, simulator: Option<&MockUpstream>) -> Vec<Account> {
    if let Some(simulator) = simulator {
        let cookies = simulator.cookies().into_iter();
        let web = cookies
            .map(|(label, cookie)| Account::new(label, AccountKind::Web, AccountOrigin::Demo, cookie.into()));
        let keys = simulator.keys().into_iter();
        let api =
            keys.map(|(label, key)| Account::new(label, AccountKind::Api, AccountOrigin::Demo, key.into()));
        return web.chain(api).collect();
    }
    let mut accounts = numbered_accounts("web", AccountKind::Web, &config.cookies);
    accounts.extend(numbered_accounts("api", AccountKind::Api, &config.api_keys));
    accounts
}

/// Adds the names of stored accounts. A demo has only its own accounts.
pub(super) fn add_pending_accounts(config: &Config, settings: &SettingsFile, accounts: &Accounts) {
    if !config.demo {
        for kind in [AccountKind::Web, AccountKind::Api] {
            for (id, label) in settings.string_table(settings_table(kind)) {
                let host_change = other_host(config, settings, kind, &id);
                accounts.add_pending(id.clone(), label, kind);
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
pub(super) fn warn_if_empty(accounts: &Accounts, now: Timestamp) {
    if accounts.list(now).is_empty() {
        tracing::warn!(
            "there is no account yet: set COOKIES, or run 'mammouth-proxy accounts add --label NAME'"
        );
    }
}

fn numbered_accounts(prefix: &str, kind: AccountKind, secrets: &[Secret]) -> Vec<Account> {
    let label = |index: usize| format!("{prefix}-{}", index + 1);
    let account = |(index, secret): (usize, &Secret)| {
        Account::new(label(index), kind, AccountOrigin::Environment, secret.clone())
    };
    secrets.iter().enumerate().map(account).collect()
}
