//! Texts of client keys in the secret store. They are read only when the user wants to see or copy a key.

use std::collections::BTreeMap;

use super::super::{Control, ControlError, ErrorCode, UserMessage};
use super::commands::not_found;
use super::{MAIN_KEY_NAME, MainKey, NamedKey};
use crate::auth;
use storage::secrets::{ExposeSecret, Secret, StoreError};

/// Stores the text of a new key. Returns whether it can be shown again.
pub(super) async fn store(control: &Control, name: &str, key: &Secret) -> bool {
    let stored = control.vault.set(&store_name(name), key).await;
    if let Err(error) = &stored {
        tracing::warn!("the new client key '{name}' can be shown only once: {error}");
    }
    stored.is_ok()
}

/// Deletes the text of a key. The key is rejected already, so a text that remains after an error is useless.
pub(super) async fn delete(control: &Control, name: &str) {
    if let Err(error) = control.vault.delete(&store_name(name)).await {
        tracing::warn!("the text of the revoked client key '{name}' stays in the keychain: {error}");
    }
}

/// The text of one key.
///
/// # Errors
/// `not_found`: there is no such key, or only its digest is stored. `keychain`: the key cannot be read now.
pub(in crate::management) async fn key_text(control: &Control, name: &str) -> Result<Secret, ControlError> {
    if name == MAIN_KEY_NAME {
        return main_key_text(control);
    }
    let key = control.keys.named().get(name).copied().ok_or_else(not_found)?;
    let read = if key.stored { read(control, name, key).await } else { Ok(None) };
    let text =
        read.map_err(|error| ControlError::with_message(ErrorCode::Keychain, UserMessage::Store { error }))?;
    text.ok_or_else(|| ControlError::with_message(ErrorCode::NotFound, UserMessage::KeyNotStored))
}

/// The texts of all named keys that can be read, by their names, and why the others cannot. After the first refusal the
/// store is not asked again: each read could open a password prompt.
pub(in crate::management) async fn named_key_texts(
    control: &Control,
) -> (BTreeMap<String, Secret>, Option<StoreError>) {
    let named = control.keys.named().clone();
    let mut texts = BTreeMap::new();
    for (name, key) in named.into_iter().filter(|(_, key)| key.stored) {
        match read(control, &name, key).await {
            Ok(Some(text)) => drop(texts.insert(name, text)),
            Ok(None) => {}
            Err(error) => return (texts, Some(error)),
        }
    }
    (texts, None)
}

/// Reads the text of a key. `None` if the store has no text under this name, or one with another digest.
async fn read(control: &Control, name: &str, key: NamedKey) -> Result<Option<Secret>, StoreError> {
    let text = match control.vault.get(&store_name(name)).await {
        Err(StoreError::Damaged) => None,
        other => other?,
    };
    Ok(text.filter(|text| auth::digest(text.expose_secret()) == key.digest))
}

fn main_key_text(control: &Control) -> Result<Secret, ControlError> {
    match control.keys.main() {
        MainKey::Kept { key, .. } | MainKey::ForThisRun { key, .. } => Ok(key),
        MainKey::Unread { why } => Err(ControlError::new(ErrorCode::Keychain, why.to_string())),
    }
}

/// The secret store's entry of a named key. It has the same form as that of the main key.
fn store_name(name: &str) -> String {
    format!("client-key:{name}")
}
