//! The keychain of the platform: macOS Keychain, Windows Credential Manager, the Secret Service elsewhere.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use keyring_core::{Entry, Error};

use super::platform::Platform;
use super::timeout::TimeoutStore;
use super::{ExposeSecret, Redactor, Secret, SecretStore, StoreError};

/// Timeout of a keychain call. A locked Secret Service blocks for more than 40 s, too long for a window to open.
pub(super) const KEYCHAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The platform's keychain. A call returns within 5 s: see [`StoreError::Hung`].
///
/// [`get`](SecretStore::get), [`set`](SecretStore::set) and [`delete`](SecretStore::delete) may make the platform ask
/// the user for a password; [`check_available`](SecretStore::check_available) never does.
pub struct Keychain(TimeoutStore<KeychainEntries>);

impl Keychain {
    /// Creates a handle. The platform's keychain is accessed by the first call.
    pub fn new() -> Self {
        Self(TimeoutStore::new(KeychainEntries::default(), KEYCHAIN_TIMEOUT))
    }
}

impl Default for Keychain {
    fn default() -> Self {
        Self::new()
    }
}

impl SecretStore for Keychain {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        self.0.get(name)
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        self.0.set(name, value)
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        self.0.delete(name)
    }

    fn check_available(&self) -> Result<(), StoreError> {
        self.0.check_available()
    }
}

/// Entries of this program, one for each name.
#[derive(Default)]
struct KeychainEntries {
    platform: Platform,
    last_call: LastCall,
}

/// Outcome of the last call. It replaces the state of a keychain that does not report whether it is locked.
#[derive(Default)]
struct LastCall {
    was_refused: AtomicBool,
}

impl LastCall {
    /// Records a call. An entry that does not exist is not a refusal.
    fn record<T>(&self, result: &keyring_core::Result<T>) {
        let refused = matches!(result, Err(Error::NoStorageAccess(_) | Error::PlatformFailure(_)));
        self.was_refused.store(refused, Ordering::Relaxed);
    }

    /// Whether the keychain counts as locked. A reported state is believed; without one, the keychain counts
    /// as locked if the last call was refused.
    fn is_locked(&self, reported: Option<bool>) -> bool {
        reported.unwrap_or_else(|| self.was_refused.load(Ordering::Relaxed))
    }
}

impl SecretStore for KeychainEntries {
    fn get(&self, name: &str) -> Result<Option<Secret>, StoreError> {
        secret_from_answer(self.with_entry(name, Entry::get_secret))
    }

    fn set(&self, name: &str, value: &Secret) -> Result<(), StoreError> {
        // As bytes: Windows keeps passwords as UTF-16 and would take only half as many characters.
        self.with_entry(name, |entry| entry.set_secret(value.expose_secret().as_bytes()))
            .map_err(|error| store_error(&error, &Redactor::new([value])))
    }

    fn delete(&self, name: &str) -> Result<(), StoreError> {
        let deleted = match self.with_entry(name, Entry::delete_credential) {
            // A restored backup can bring an entry back beside its successor.
            Err(Error::Ambiguous(entries)) => entries.iter().try_for_each(Entry::delete_credential),
            other => other,
        };
        match deleted {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(store_error(&error, &Redactor::default())),
        }
    }

    fn check_available(&self) -> Result<(), StoreError> {
        match self.platform.is_locked() {
            Ok(reported) if self.last_call.is_locked(reported) => Err(StoreError::Locked),
            Ok(_) => Ok(()),
            Err(error) => Err(store_error(&error, &Redactor::default())),
        }
    }
}

impl KeychainEntries {
    /// Calls an entry, with a second attempt on a new connection: a failure may only mean that the keychain
    /// was restarted, which ends every connection to it.
    fn with_entry<T>(
        &self,
        name: &str,
        call: impl Fn(&Entry) -> keyring_core::Result<T>,
    ) -> keyring_core::Result<T> {
        let attempt = || self.platform.entry(name).and_then(|entry| call(&entry));
        let result = match attempt() {
            Err(Error::PlatformFailure(_)) => {
                self.platform.disconnect();
                attempt()
            }
            other => other,
        };
        self.last_call.record(&result);
        result
    }
}

fn secret_from_answer(answer: keyring_core::Result<Vec<u8>>) -> Result<Option<Secret>, StoreError> {
    match answer {
        Ok(bytes) if bytes.is_empty() => Ok(None),
        Ok(bytes) => {
            String::from_utf8(bytes).map(|text| Some(Secret::from(text))).map_err(|_| StoreError::Damaged)
        }
        Err(Error::NoEntry) => Ok(None),
        // The right one of several entries is not known.
        Err(Error::Ambiguous(_)) => Err(StoreError::Damaged),
        Err(error) => Err(store_error(&error, &Redactor::default())),
    }
}

/// Maps the library's error. `redactor` removes a value that a platform may put into its message.
fn store_error(error: &Error, redactor: &Redactor) -> StoreError {
    match error {
        Error::NoDefaultStore => StoreError::Missing,
        Error::NoStorageAccess(cause) => no_access(&cause.to_string()),
        Error::PlatformFailure(cause) => platform_failure(&cause.to_string(), redactor),
        Error::TooLong(..) => StoreError::TooLong,
        Error::BadEncoding(_) | Error::BadDataFormat(..) => StoreError::Damaged,
        Error::NoEntry => StoreError::Other("the entry is gone".to_owned()),
        Error::Ambiguous(_) => StoreError::Other(
            "it holds the entry twice; delete both in the keychain's own program".to_owned(),
        ),
        Error::BadStoreFormat(_) => StoreError::Other("its own file is damaged".to_owned()),
        Error::Invalid(..) | Error::NotSupportedByStore(_) => {
            StoreError::Other("it does not take entries of this form".to_owned())
        }
        _ => StoreError::Other("for a reason that this program does not know".to_owned()),
    }
}

/// Error for a keychain without access. The Secret Service answers "result not returned" without a collection, and
/// "prompt dismissed" if it is locked and cannot ask the user.
fn no_access(cause: &str) -> StoreError {
    if cause.contains("result not returned") { StoreError::NoKeyring } else { StoreError::Locked }
}

/// Maps a platform error by its text, because the library passes on the errors of five platforms without a
/// common type.
fn platform_failure(cause: &str, redactor: &Redactor) -> StoreError {
    const MISSING_MARKS: [&str; 5] = [
        "NotFound",
        "ServiceUnknown",
        "no secret service provider",
        "Connection refused",
        "Failed to connect to address",
    ];
    const DENIED_MARKS: [&str; 4] =
        ["AccessDenied", "Access is denied", "authorization", "user name or passphrase"];
    let contains_any = |marks: &[&str]| marks.iter().any(|mark| cause.contains(mark));
    if contains_any(&MISSING_MARKS) {
        StoreError::Missing
    } else if contains_any(&DENIED_MARKS) {
        StoreError::Denied
    } else if cause.contains("NoReply") {
        StoreError::Hung
    } else {
        StoreError::Other(redactor.clean(cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(error: &Error) -> StoreError {
        store_error(error, &Redactor::default())
    }

    #[test]
    fn f46_no_keychain_is_reported_as_missing() {
        assert_eq!(plain(&Error::NoDefaultStore), StoreError::Missing);
        assert_eq!(
            plain(&Error::PlatformFailure("org.freedesktop.DBus.Error.ServiceUnknown: …".into())),
            StoreError::Missing
        );
        let no_bus =
            "zbus error: Failed to connect to address `unix:path=/run/user/0/bus`: No such file or directory";
        assert_eq!(plain(&Error::PlatformFailure(no_bus.into())), StoreError::Missing);
        let no_collection = Error::NoStorageAccess("SS error: result not returned from SS API".into());
        assert_eq!(plain(&no_collection), StoreError::NoKeyring);
    }

    #[test]
    fn f45_a_locked_keychain_is_reported_as_locked() {
        assert_eq!(plain(&Error::NoStorageAccess("SS error: prompt dismissed".into())), StoreError::Locked);
        assert_eq!(plain(&Error::NoStorageAccess("SS Error: object locked".into())), StoreError::Locked);
    }

    #[test]
    fn f45_a_keychain_that_does_not_tell_is_locked_only_after_a_refusal() {
        let last_call = LastCall::default();
        assert!(!last_call.is_locked(None), "not known is not locked");
        last_call.record::<()>(&Err(Error::NoStorageAccess("user interaction is not allowed".into())));
        assert!(last_call.is_locked(None) && !last_call.is_locked(Some(false)));
        last_call.record::<()>(&Err(Error::NoEntry));
        assert!(!last_call.is_locked(None) && last_call.is_locked(Some(true)));
    }

    #[test]
    fn f48_a_refusing_keychain_is_reported_as_denied() {
        assert_eq!(
            plain(&Error::PlatformFailure("Access is denied. (os error 5)".into())),
            StoreError::Denied
        );
        assert_eq!(plain(&Error::TooLong("secret".into(), 2560)), StoreError::TooLong);
    }

    #[test]
    fn f48_an_entry_that_is_absent_empty_or_garbage_is_never_a_blank_secret() {
        assert!(secret_from_answer(Err(Error::NoEntry)).unwrap().is_none());
        assert!(secret_from_answer(Ok(Vec::new())).unwrap().is_none());
        assert_eq!(secret_from_answer(Ok(vec![0xff, 0xfe])).unwrap_err(), StoreError::Damaged);
        assert_eq!(secret_from_answer(Ok(b"kept".to_vec())).unwrap().unwrap().expose_secret(), "kept");
    }

    #[test]
    fn no_message_holds_the_value() {
        let value = Secret::from("canary-cookie-value");
        let known = Redactor::new([&value]);
        for error in [
            Error::PlatformFailure("could not store canary-cookie-value".into()),
            Error::BadEncoding(b"canary-cookie-value".to_vec()),
            Error::Invalid("secret".into(), "canary-cookie-value".into()),
            Error::BadStoreFormat("canary-cookie-value".into()),
        ] {
            let said = store_error(&error, &known);
            assert!(!format!("{said} {said:?}").contains("canary-cookie-value"));
        }
    }
}
