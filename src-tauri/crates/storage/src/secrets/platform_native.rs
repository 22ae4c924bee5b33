//! macOS Keychain and Windows Credential Manager.

use keyring_core::{Entry, Result};

/// The name under which the keychain's own program lists our entries.
const SERVICE: &str = "mammouth-proxy";

/// Both are part of the system: they are there for as long as the program is.
#[derive(Default)]
pub(super) struct Platform;

impl Platform {
    pub(super) fn entry(&self, name: &str) -> Result<Entry> {
        Ok(keyring::Entry::new(SERVICE, name)?.inner)
    }

    pub(super) fn disconnect(&self) {}

    /// Windows never asks anything. macOS does not tell whether it would.
    pub(super) fn is_locked(&self) -> Result<Option<bool>> {
        Ok(cfg!(windows).then_some(false))
    }
}
