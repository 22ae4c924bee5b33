//! The upstream address that an account was added for. Its secret is not sent to another address without the user's
//! confirmation.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode, UserMessage};
use super::{find_without_secret, keychain_entry_name, keychain_error, not_found};
use crate::accounts::{Account, AccountOrigin, HostChange, MissingSecret};
use storage::config::{self, Config, SettingsError, SettingsFile};
use upstreams::UpstreamId;

/// The table of the settings file with the host of each account that was added for a host other than Mammouth's own.
const ACCOUNT_HOSTS_TABLE: &str = "account_hosts";

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct UseHostArgs {
    label: String,
    /// The host that the user has seen, so that no other one is confirmed.
    host: String,
}

/// Confirms that an account may be used with a host that it was not added for, and enables that.
pub(in crate::management) async fn use_host(
    control: &Control,
    args: UseHostArgs,
) -> Result<(), ControlError> {
    let Some(absent) = find_without_secret(&control.accounts, &args.label) else {
        return control.accounts.find(&args.label).map(drop).ok_or_else(not_found);
    };
    let MissingSecret::OtherHost(HostChange { host, .. }) = absent.reason else { return Ok(()) };
    if host != args.host {
        return Err(ControlError::with_message(
            ErrorCode::BadArguments,
            UserMessage::AskedElsewhere { host },
        ));
    }
    let secret = control.vault.get(&keychain_entry_name(&absent.id)).await.map_err(keychain_error)?;
    control.save(|settings| store_host(settings, absent.upstream, &absent.id, &host))?;
    let account =
        secret.map(|secret| Account::new(absent.label, absent.upstream, AccountOrigin::Stored, secret));
    match account.filter(|account| account.id == absent.id) {
        Some(account) => control.accounts.resolve_pending(account, control.clock.now()),
        None => control.accounts.set_missing_secret(&absent.id, MissingSecret::Lost),
    }
    Ok(())
}

/// The difference between the host that a stored account was added for and the configured one; `None` if they are
/// equal. Accounts of earlier versions were added for Mammouth's own host.
pub fn other_host(
    config: &Config,
    settings: &SettingsFile,
    upstream: UpstreamId,
    id: &str,
) -> Option<HostChange> {
    let kept = settings.string_table(ACCOUNT_HOSTS_TABLE).into_iter().find(|(account, _)| account == id);
    let added_for = kept.map_or_else(|| upstream.default_host.to_owned(), |(_, host)| host);
    let host = configured_host(config, upstream).to_owned();
    (added_for != host).then_some(HostChange { added_for, host })
}

/// The configured host of an upstream.
pub(super) fn configured_host(config: &Config, upstream: UpstreamId) -> &str {
    config::authority((upstream.url)(config))
}

/// Stores that an account may be sent to `configured_host`. Mammouth's own host needs no entry.
pub(super) fn store_host(
    settings: &mut SettingsFile,
    upstream: UpstreamId,
    id: &str,
    host: &str,
) -> Result<(), SettingsError> {
    if host == upstream.default_host {
        remove_host(settings, id)
    } else {
        settings.set(&[ACCOUNT_HOSTS_TABLE, id], host)
    }
}

pub(super) fn remove_host(settings: &mut SettingsFile, id: &str) -> Result<(), SettingsError> {
    settings.unset(&[ACCOUNT_HOSTS_TABLE, id])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use storage::config::WEB_HOST;
    use upstreams::{api_key, web_session};

    fn config(settings: &str) -> Config {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("settings.toml"), format!("version = 1\n{settings}")).unwrap();
        config::resolve_file_only(&SettingsFile::load(dir.path(), 0), None).unwrap()
    }

    #[test]
    fn s11_an_account_belongs_to_the_host_that_it_was_added_for() {
        let mut settings = SettingsFile::empty(Path::new("/root-of-tests"));
        let (usual, other) = (config(""), config("mammouth_web_url = \"https://other.example:8443/base\""));
        assert_eq!(other_host(&usual, &settings, web_session::ID, "old"), None);
        let change = HostChange { added_for: WEB_HOST.into(), host: "other.example:8443".into() };
        assert_eq!(other_host(&other, &settings, web_session::ID, "old"), Some(change));
        assert_eq!(other_host(&other, &settings, api_key::ID, "key"), None);
        store_host(&mut settings, web_session::ID, "new", configured_host(&other, web_session::ID)).unwrap();
        assert_eq!(other_host(&other, &settings, web_session::ID, "new"), None);
        assert_eq!(other_host(&usual, &settings, web_session::ID, "new").unwrap().host, WEB_HOST);
        store_host(&mut settings, web_session::ID, "new", WEB_HOST).unwrap();
        assert_eq!(other_host(&usual, &settings, web_session::ID, "new"), None);
    }
}
