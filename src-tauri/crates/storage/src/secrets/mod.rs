//! Secrets: a type that cannot be printed, and stores that keep values over a restart.
//!
//! A cookie, an API key, a client key and the control token are [`Secret`]s from the moment they are read.
//! Nothing in this program implements `Display` or `Serialize` for them; the only access to the text is
//! `expose_secret`, which is easy to search for.
//!
//! Async code uses an [`AsyncSecretStore`]: a [`SecretStore`] ([`keychain`], [`EncryptedFileStore`] or
//! [`MemoryStore`]) that is called on blocking threads, with a timeout. A store returns a [`StoreError`] if
//! it cannot do what was requested; nothing here falls back to another store by itself.
//! [`read_or_create_token`] keeps the control token in a file of its own, and a [`Redactor`] removes known
//! secrets from foreign text before the text is shown or logged. [`disable_core_dumps_and_redact_panics`]
//! belongs at the start of a program. Other modules define which secrets exist and their names.

mod async_store;
mod atomic_write;
mod core_dumps;
mod encrypted_file;
mod encryption;
mod keychain;
#[cfg_attr(any(target_os = "macos", windows), path = "platform_native.rs")]
mod platform;
mod redact;
mod store;
mod timeout;
mod token_file;

pub use async_store::AsyncSecretStore;
pub use atomic_write::{
    atomic_write, atomic_write_with, create_private_dir, make_private, restrict_to_owner, set_aside,
    with_suffix,
};
pub use core_dumps::disable_core_dumps_and_redact_panics;
pub use encrypted_file::EncryptedFileStore;
pub use keychain::Keychain;
pub use redact::Redactor;
pub use secrecy::{ExposeSecret, SecretString as Secret};
pub use store::{MemoryStore, SecretStore, StoreError, StoreKind};
pub use token_file::{read_or_create_token, read_token};

use std::path::Path;
use std::sync::Arc;

/// Returns the platform's keychain. If the keychain accepts only short values (Windows: 2,560 bytes, and a
/// bundle of cookies can be longer), it holds the key of an [`EncryptedFileStore`] in the data directory.
pub fn keychain(data_dir: &Path) -> Arc<dyn SecretStore> {
    let keychain = Arc::new(Keychain::new());
    if cfg!(windows) { Arc::new(EncryptedFileStore::with_key_in_store(keychain, data_dir)) } else { keychain }
}
