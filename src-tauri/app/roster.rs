//! The accounts the program starts with.

use super::Parts;
use crate::accounts::{Account, Kind, Origin};
use crate::config::Config;
use crate::control::keychain_name;
use crate::secrets::Secret;
use crate::simulator::Simulator;

/// The simulator's accounts in a demo; else those of the settings and then those added by hand.
pub(super) async fn gather(
    config: &Config,
    parts: &Parts,
    simulator: Option<&Simulator>,
    notices: &mut Vec<String>,
) -> Vec<Account> {
    if let Some(simulator) = simulator {
        let cookies = simulator.cookies().into_iter();
        return cookies
            .map(|(label, cookie)| Account::new(label, Kind::Web, Origin::Demo, cookie.into()))
            .collect();
    }
    let mut accounts = numbered("web", Kind::Web, &config.cookies);
    accounts.extend(numbered("api", Kind::Api, &config.api_keys));
    accounts.extend(stored(parts, notices).await);
    if accounts.is_empty() {
        // Not among the notices, which stay for the whole run: an account can be added at any time.
        tracing::warn!(
            "there is no account yet: set COOKIES, or run 'mammouth-proxy accounts add --label NAME'"
        );
    }
    accounts
}

fn numbered(prefix: &str, kind: Kind, secrets: &[Secret]) -> Vec<Account> {
    let label = |index: usize| format!("{prefix}-{}", index + 1);
    let account = |(index, secret): (usize, &Secret)| {
        Account::new(label(index), kind, Origin::Environment, secret.clone())
    };
    secrets.iter().enumerate().map(account).collect()
}

async fn stored(parts: &Parts, notices: &mut Vec<String>) -> Vec<Account> {
    let mut accounts = Vec::new();
    for (id, label) in parts.settings.texts("accounts") {
        match parts.vault.get(&keychain_name(&id)).await {
            Ok(Some(secret)) => accounts.push(Account::new(label, Kind::Web, Origin::Stored, secret)),
            Ok(None) => notices
                .push(format!("the account '{label}' has no secret in the keychain any more: add it again")),
            Err(error) => notices.push(format!("the account '{label}' cannot be used: {error}")),
        }
    }
    accounts
}
