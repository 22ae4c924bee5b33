//! The Secret Service on the session bus: GNOME Keyring, KWallet, KeePassXC.

use std::sync::Arc;

use keyring_core::api::CredentialStoreApi;
use keyring_core::{Entry, Result};
use parking_lot::{Mutex, MutexGuard};
use secret_service::EncryptionType;
use secret_service::blocking::SecretService;
use zbus_secret_service_keyring_store::Store;
use zbus_secret_service_keyring_store::errors::decode_error;

/// Name under which the keychain's own program lists the entries.
const SERVICE: &str = "mammouth-proxy";

/// Own connection, opened when it is first needed. The library tries its shared one only once in a process: a
/// keychain that started later, or was restarted, would be unavailable until this program is restarted.
#[derive(Default)]
pub(super) struct Platform(Mutex<Option<Arc<Store>>>);

impl Platform {
    pub(super) fn entry(&self, name: &str) -> Result<Entry> {
        let mut connected = self.connected();
        let store = match &*connected {
            Some(store) => Arc::clone(store),
            None => Arc::clone(connected.insert(Store::new()?)),
        };
        store.build(SERVICE, name, None)
    }

    /// Closes the connection; the next call opens a new one.
    pub(super) fn disconnect(&self) {
        *self.connected() = None;
    }

    /// Queries the state only. Every other call unlocks first, which opens a password window.
    pub(super) fn is_locked(&self) -> Result<Option<bool>> {
        let service = SecretService::connect(EncryptionType::Plain).map_err(decode_error)?;
        match service.get_default_collection().and_then(|collection| collection.is_locked()) {
            // Nothing was ever stored, so nothing can be read, and no window opens.
            Err(secret_service::Error::NoResult) => Ok(Some(false)),
            other => other.map(Some).map_err(decode_error),
        }
    }

    fn connected(&self) -> MutexGuard<'_, Option<Arc<Store>>> {
        self.0.lock()
    }
}
