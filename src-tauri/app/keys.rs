//! The keys clients send and the control token, as the program starts.

use std::collections::BTreeMap;
use std::path::Path;

use super::{CONTROL_TOKEN, Parts, StartError, lock, system};
use crate::access;
use crate::config::Config;
use crate::control::ClientKeys;
use crate::secrets::{self, Secret, StoreError};

/// The name under which the keychain keeps the main key.
const KEYCHAIN_NAME: &str = "client-key:main";

/// The main key from the settings, else the keychain, else a new one; and the named ones.
pub(super) async fn gather(config: &Config, parts: &Parts, notices: &mut Vec<String>) -> ClientKeys {
    let (main, origin) = main_key(config, parts, notices).await;
    ClientKeys::new(Some(main), origin, named(parts, notices))
}

/// The same keys while no program runs: none is made, for it would be forgotten again.
pub(super) async fn stored(config: &Config, parts: &Parts, notices: &mut Vec<String>) -> ClientKeys {
    let (main, origin) = match &config.auth_token {
        Some(token) => (Some(token.clone()), "AUTH_TOKEN"),
        None if config.demo => (None, "made anew at each start of the demo"),
        None => match parts.vault.get(KEYCHAIN_NAME).await {
            Ok(Some(key)) => (Some(key), "keychain"),
            Ok(None) => (None, "made at the first start"),
            Err(_) => (None, "made anew at each start, because there is no keychain that answers"),
        },
    };
    ClientKeys::new(main, origin, named(parts, notices))
}

async fn main_key(config: &Config, parts: &Parts, notices: &mut Vec<String>) -> (Secret, &'static str) {
    if let Some(token) = &config.auth_token {
        return (token.clone(), "AUTH_TOKEN");
    }
    if config.demo {
        return (access::generate_key(), "made for this demo");
    }
    match kept_or_made(parts).await {
        Ok(key) => (key, "keychain"),
        Err(error) => {
            notices.push(format!(
                "the client key is another one at every start: set AUTH_TOKEN, or make a lasting key with \
                 'mammouth-proxy keys add NAME'. The reason: {error}"
            ));
            (access::generate_key(), "made for this run")
        }
    }
}

async fn kept_or_made(parts: &Parts) -> Result<Secret, StoreError> {
    if let Some(key) = parts.vault.get(KEYCHAIN_NAME).await? {
        return Ok(key);
    }
    let key = access::generate_key();
    parts.vault.set(KEYCHAIN_NAME, &key).await?;
    Ok(key)
}

/// The token that opens the control door.
///
/// # Errors
/// Where it could be kept, but somebody else may have put it there.
pub(super) fn control_token(data_dir: &Path, notices: &mut Vec<String>) -> Result<Secret, StartError> {
    match secrets::read_or_create_token(&data_dir.join(CONTROL_TOKEN)) {
        Ok(token) => Ok(token),
        Err(error) if lock::is_unwritable(&error) => {
            notices.push(format!(
                "the data directory cannot be written ({error}): the proxy answers, but commands such as 'status' do \
                 not find it"
            ));
            Ok(access::generate_key())
        }
        Err(error) => Err(system("the control token cannot be kept")(error)),
    }
}

fn named(parts: &Parts, notices: &mut Vec<String>) -> BTreeMap<String, [u8; 32]> {
    let mut named = BTreeMap::new();
    for (name, digest) in parts.settings.texts("client_keys") {
        match from_hex(&digest) {
            Some(digest) => drop(named.insert(name, digest)),
            None => notices
                .push(format!("the client key '{name}' in the settings file is damaged and is not accepted")),
        }
    }
    named
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}
