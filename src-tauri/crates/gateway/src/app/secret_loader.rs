//! Reads from the secret store: the stored accounts, the main client key and the outbound proxy's password.
//!
//! One task reads everything once at the start, while requests are served. A secret that could not be read is tried
//! again at growing intervals, and without a password prompt of the keychain. Prompts appear only at the start, once,
//! and when the user asks for a secret (`accounts check`, `keys list --reveal`).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::accounts::{Account, AccountOrigin, AccountWithoutSecret, Accounts, Clock, MissingSecret};
use crate::auth;
use crate::management::{
    Control, MAIN_KEY_ENTRY, MainKey, MainKeyUnavailable, ReloadRequests, UserMessage, keychain_entry_name,
};
use storage::secrets::{AsyncSecretStore, ExposeSecret, Secret, StoreError};

/// Time for which requests are answered with "starting". Later requests are answered that the keychain does
/// not respond.
const START_READ_TIMEOUT: Duration = Duration::from_secs(3);

const MIN_RETRY_DELAY: Duration = Duration::from_secs(1);
/// The longest delay between attempts, and so until an unlocked keychain is noticed. An attempt costs one exchange on
/// the session bus.
const MAX_RETRY_DELAY: Duration = Duration::from_secs(30);

/// Reads until every secret is available, or until `stop`.
pub(super) async fn run(control: Control, requests: ReloadRequests, stop: CancellationToken) {
    let loader = SecretLoader { control };
    tokio::select! {
        () = stop.cancelled() => {}
        () = loader.read_until_complete(requests) => {}
    }
}

/// Reads the secrets of pending accounts.
///
/// # Errors
/// The reason why the rest could not be read. A store that refuses once is not asked for the other accounts,
/// because every read could open a password prompt.
pub(super) async fn read_accounts(
    vault: &AsyncSecretStore,
    accounts: &Accounts,
    clock: Clock,
) -> Result<(), StoreError> {
    let result = read_each(vault, accounts, clock).await;
    if let Err(error) = &result {
        mark_unreadable(accounts, error);
    }
    result
}

async fn read_each(vault: &AsyncSecretStore, accounts: &Accounts, clock: Clock) -> Result<(), StoreError> {
    for absent in pending_accounts(accounts) {
        match vault
            .get(&keychain_entry_name(&absent.id))
            .await
            .map(|secret| secret.map(|secret| verified_account(&absent, secret)))
        {
            Ok(Some(Some(account))) => accounts.resolve_pending(account, clock.now()),
            Ok(None | Some(None)) | Err(StoreError::Damaged) => {
                accounts.set_missing_secret(&absent.id, MissingSecret::Lost)
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The account, if the stored secret is the one that was added. The id is derived from the secret, so no other secret
/// is ever sent.
fn verified_account(absent: &AccountWithoutSecret, secret: Secret) -> Option<Account> {
    let account = Account::new(absent.label.as_str(), absent.upstream, AccountOrigin::Stored, secret);
    (account.id == absent.id).then_some(account)
}

fn pending_accounts(accounts: &Accounts) -> impl Iterator<Item = AccountWithoutSecret> {
    accounts.without_secret().into_iter().filter(|absent| absent.reason.is_pending())
}

fn mark_unreadable(accounts: &Accounts, error: &StoreError) {
    for absent in pending_accounts(accounts) {
        accounts.set_missing_secret(&absent.id, MissingSecret::Unreadable(error.clone()));
    }
}

struct SecretLoader {
    control: Control,
}

impl SecretLoader {
    async fn read_until_complete(&self, mut requests: ReloadRequests) {
        let mut last_result = self.read_first().await;
        let mut delay = MIN_RETRY_DELAY;
        while let Err(error) = last_result {
            let request = tokio::select! {
                answer = requests.recv() => answer,
                () = tokio::time::sleep(delay), if self.should_retry(&error) => None,
            };
            last_result = if request.is_some() { self.read().await } else { self.read_if_available().await };
            delay = if request.is_some() { MIN_RETRY_DELAY } else { MAX_RETRY_DELAY.min(delay * 2) };
            log_change(&error, &last_result);
        }
    }

    async fn read_first(&self) -> Result<(), StoreError> {
        let mut read = std::pin::pin!(self.read());
        let result = match tokio::time::timeout(START_READ_TIMEOUT, &mut read).await {
            Ok(result) => result,
            Err(_) => {
                mark_unreadable(&self.control.accounts, &StoreError::Hung);
                read.await
            }
        };
        if let Err(error) = &result {
            tracing::warn!("what is stored cannot be read: {error}");
        }
        result
    }

    /// Whether to try again. If this machine has no keychain, only accounts that are known to be in one
    /// justify it.
    fn should_retry(&self, error: &StoreError) -> bool {
        *error != StoreError::Missing || pending_accounts(&self.control.accounts).next().is_some()
    }

    async fn read_if_available(&self) -> Result<(), StoreError> {
        match self.control.vault.check_available().await {
            Ok(()) => self.read().await,
            Err(error) => Err(self.record_failure(error)),
        }
    }

    async fn read(&self) -> Result<(), StoreError> {
        match self.read_all().await {
            // The damaged file was set aside, and its content is lost.
            Err(error @ StoreError::SetAside(_)) => {
                self.control.add_notice(UserMessage::Store { error });
                self.read_all().await
            }
            other => other,
        }
        .map_err(|error| self.record_failure(error))
    }

    async fn read_all(&self) -> Result<(), StoreError> {
        // First, because accounts may be used as soon as they are available.
        self.control.load_proxy_password().await?;
        read_each(&self.control.vault, &self.control.accounts, self.control.clock).await?;
        match self.control.keys.main() {
            MainKey::Kept { .. } => Ok(()),
            MainKey::ForThisRun { key, .. } => self.read_main_key(Some(key)).await,
            MainKey::Unread { .. } => self.read_main_key(None).await,
        }
    }

    /// Sets the main key: the one in the keychain, otherwise the one that clients may have been given in this run,
    /// otherwise a new one.
    async fn read_main_key(&self, temporary_key: Option<Secret>) -> Result<(), StoreError> {
        let key = match self.control.vault.get(MAIN_KEY_ENTRY).await {
            Ok(Some(kept)) if auth::is_generated_key(kept.expose_secret()) => kept,
            Ok(_) | Err(StoreError::Damaged) => {
                let key = temporary_key.unwrap_or_else(auth::generate_key);
                self.control.vault.set(MAIN_KEY_ENTRY, &key).await?;
                self.notify_key_replaced(&key);
                key
            }
            Err(error) => return Err(error),
        };
        if let Err(error) = self.control.store_main_digest(&key) {
            tracing::warn!("{error}");
        }
        self.control.keys.set_main(MainKey::Kept { key, origin: "keychain" });
        Ok(())
    }

    fn notify_key_replaced(&self, key: &Secret) {
        let keys = self.control.keys.guard_keys();
        if self.control.keys.has_main() && keys.find(key.expose_secret().as_bytes()).is_none() {
            self.control.add_notice(UserMessage::KeyRenewed);
        }
    }

    fn record_failure(&self, error: StoreError) -> StoreError {
        mark_unreadable(&self.control.accounts, &error);
        let keys = &self.control.keys;
        let why = error.clone();
        match keys.main() {
            MainKey::Kept { .. } => {}
            MainKey::ForThisRun { key, .. } => keys.set_main(MainKey::ForThisRun { key, why }),
            MainKey::Unread { .. } if keys.has_main() => {
                keys.set_main(MainKey::Unread { why: MainKeyUnavailable::Refused(why) })
            }
            MainKey::Unread { .. } => keys.set_main(MainKey::ForThisRun { key: auth::generate_key(), why }),
        }
        error
    }
}

/// Logs the result only if it differs from the previous one.
fn log_change(before: &StoreError, now: &Result<(), StoreError>) {
    match now {
        Ok(()) => tracing::info!("everything that is stored could be read now"),
        Err(error) if error != before => tracing::warn!("what is stored cannot be read: {error}"),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests;
