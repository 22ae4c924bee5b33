//! macOS Keychain and Windows Credential Manager.

use keyring_core::{Entry, Error, Result};

/// Variable that makes the program behave as on a system without a keychain. Tests set it, so that they do
/// not change the user's own keychain; on Linux they use the address of the session bus.
const NO_KEYCHAIN_VARIABLE: &str = "MAMMOUTH_PROXY_NO_KEYCHAIN";

/// Name under which the keychain's own program lists the entries.
const SERVICE: &str = "mammouth-proxy";

/// Keychain of the system, available as long as the program runs.
#[derive(Default)]
pub(super) struct Platform;

impl Platform {
    pub(super) fn entry(&self, name: &str) -> Result<Entry> {
        check_allowed()?;
        Ok(keyring::Entry::new(SERVICE, name)?.inner)
    }

    pub(super) fn disconnect(&self) {}

    /// Returns `false` on Windows, which never prompts, and `None` on macOS, which does not report whether it
    /// would.
    pub(super) fn is_locked(&self) -> Result<Option<bool>> {
        check_allowed()?;
        Ok(cfg!(windows).then_some(false))
    }
}

fn check_allowed() -> Result<()> {
    if std::env::var_os(NO_KEYCHAIN_VARIABLE).is_some() { Err(Error::NoDefaultStore) } else { Ok(()) }
}
