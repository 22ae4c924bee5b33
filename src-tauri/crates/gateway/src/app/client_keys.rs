//! Client keys and the control token at the start of the program.

use std::collections::BTreeMap;
use std::path::Path;

use super::{AppParts, CONTROL_TOKEN_FILE, StartError, data_directory_error, instance_lock};
use crate::auth;
use crate::management::{ClientKeys, MAIN_KEY_ENTRY, MainKey, MainKeyUnavailable, STORED_KEYS, UserMessage};
use storage::config::{Config, SettingsFile};
use storage::secrets::{self, Secret, StoreError};

/// The client keys that are known without the secret store: the main key if a setting gives it or in a demo, and the
/// digests of the others.
pub(super) fn load_keys(
    config: &Config,
    settings: &SettingsFile,
    notices: &mut Vec<UserMessage>,
) -> ClientKeys {
    let keys = configured_keys(config, settings, notices);
    if let Some(key) = config.auth_token.clone() {
        keys.set_main(MainKey::Kept { key, origin: "AUTH_TOKEN" });
    } else if config.demo {
        keys.set_main(MainKey::Kept { key: auth::generate_key(), origin: "made for this demo" });
    }
    keys
}

/// The client keys for [`super::OfflineApp`]. No key is created, as it would be lost again. `read` is the
/// result of reading the accounts: if the store refused, it is not called again.
pub(super) async fn load_stored_keys(
    config: &Config,
    parts: &AppParts,
    read: Result<(), StoreError>,
    notices: &mut Vec<UserMessage>,
) -> ClientKeys {
    let keys = configured_keys(config, &parts.settings, notices);
    let unread = |why| MainKey::Unread { why };
    keys.set_main(match (&config.auth_token, read) {
        (Some(token), _) => MainKey::Kept { key: token.clone(), origin: "AUTH_TOKEN" },
        (None, _) if config.demo => {
            unread(MainKeyUnavailable::NotMade("made anew at each start of the demo"))
        }
        (None, Err(error)) => unread(MainKeyUnavailable::Refused(error)),
        (None, Ok(())) => match parts.vault.get(MAIN_KEY_ENTRY).await {
            Ok(Some(key)) => MainKey::Kept { key, origin: "keychain" },
            Ok(None) => unread(MainKeyUnavailable::NotMade("made at the first start")),
            Err(error) => unread(MainKeyUnavailable::Refused(error)),
        },
    });
    keys
}

/// The token that opens the management API.
///
/// # Errors
/// The file of the token can be written, but another user may have put it there.
pub(super) fn control_token(data_dir: &Path, notices: &mut Vec<UserMessage>) -> Result<Secret, StartError> {
    match secrets::read_or_create_token(&data_dir.join(CONTROL_TOKEN_FILE)) {
        Ok(token) => Ok(token),
        Err(error) if instance_lock::is_unwritable(&error) => {
            notices.push(UserMessage::NotWritable { detail: error.to_string() });
            Ok(auth::generate_key())
        }
        Err(error) => Err(data_directory_error("the control token cannot be kept")(error)),
    }
}

/// The keys that the settings list.
fn configured_keys(config: &Config, settings: &SettingsFile, notices: &mut Vec<UserMessage>) -> ClientKeys {
    let stored = settings.string_table(STORED_KEYS).into_iter().map(|(name, _)| name).collect();
    ClientKeys::new(stored_digests(settings, notices)).with_stored(&stored).with_limits(&config.key_limits)
}

fn stored_digests(settings: &SettingsFile, notices: &mut Vec<UserMessage>) -> BTreeMap<String, [u8; 32]> {
    let mut by_name = BTreeMap::new();
    for (name, digest) in settings.string_table("client_keys") {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(digest, &mut bytes) {
            Ok(()) => drop(by_name.insert(name, bytes)),
            Err(_) => notices.push(UserMessage::KeyDamaged { name }),
        }
    }
    by_name
}
