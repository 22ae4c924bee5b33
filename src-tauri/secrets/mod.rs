//! Secrets: the type that cannot be printed, and the places that keep values over a restart.
//!
//! A cookie, an API key, a client key and the control token are [`Secret`]s from the moment they are read. Nothing in
//! this program implements `Display` or `Serialize` for them; the only way to the text is `expose_secret`, which is
//! easy to search for.
//!
//! [`Vault`] is what async code holds: a [`SecretStore`] ([`keychain`], [`SealedFile`] or [`Memory`]) used off the async
//! threads and with a deadline. A store answers with a [`StoreError`] when it cannot do what it was asked; nothing here
//! ever falls back to another place by itself. [`read_or_create_token`] keeps the control token in a file of its own, and a
//! [`Redactor`] takes known secrets out of foreign text before that text is shown or logged. [`keep_out_of_crashes`] is
//! for the first line of a program. Which secrets exist, and under what names, is the business of other rooms.

mod deadline;
mod file;
mod keychain;
#[cfg_attr(any(target_os = "macos", windows), path = "platform_native.rs")]
mod platform;
mod process;
mod redact;
mod replace;
mod seal;
mod sealed_file;
mod store;
mod vault;

pub use file::{read_or_create_token, read_token};
pub use keychain::Keychain;
pub use process::keep_out_of_crashes;
pub use redact::Redactor;
pub(crate) use replace::{
    beside, create_private_dir, make_private, open_privately, replace, replace_with, set_aside,
};
pub use sealed_file::SealedFile;
pub use secrecy::{ExposeSecret, SecretString as Secret};
pub use store::{Memory, Place, SecretStore, StoreError};
pub use vault::Vault;

use std::path::Path;
use std::sync::Arc;

/// The platform's keychain. Where that takes only short values (Windows: 2,560 bytes, and a bundle of cookies can be
/// longer), it keeps the key of a [`SealedFile`] in the data directory.
pub fn keychain(data_dir: &Path) -> Arc<dyn SecretStore> {
    let keychain = Arc::new(Keychain::new());
    if cfg!(windows) { Arc::new(SealedFile::with_key_in(keychain, data_dir)) } else { keychain }
}
