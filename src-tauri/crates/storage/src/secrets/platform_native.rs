//! macOS Keychain and Windows Credential Manager.

use keyring_core::{Entry, Error, Result};

/// The variable with which the program behaves as on a system without a keychain. Tests set it, so that they touch
/// nobody's own; on Linux the address of the session bus does the same.
const NO_KEYCHAIN_VARIABLE: &str = "MAMMOUTH_PROXY_NO_KEYCHAIN";

/// The name under which the keychain's own program lists our entries.
const SERVICE: &str = "mammouth-proxy";

/// Both are part of the system: they are there for as long as the program is.
#[derive(Default)]
pub(super) struct Platform;

impl Platform {
    pub(super) fn entry(&self, name: &str) -> Result<Entry> {
        check_allowed()?;
        Ok(keyring::Entry::new(SERVICE, name)?.inner)
    }

    pub(super) fn disconnect(&self) {}

    /// Windows never asks anything. macOS does not tell whether it would.
    pub(super) fn is_locked(&self) -> Result<Option<bool>> {
        check_allowed()?;
        Ok(cfg!(windows).then_some(false))
    }
}

fn check_allowed() -> Result<()> {
    if std::env::var_os(NO_KEYCHAIN_VARIABLE).is_some() { Err(Error::NoDefaultStore) } else { Ok(()) }
}
