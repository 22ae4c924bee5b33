//! `keys.…`: the keys that clients send.
//!
//! The main key can be shown again, so that it can be copied into another client. A named key is shown once and kept
//! as a digest only: it needs no keychain, and nobody can read it back.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, ErrorCode};
use crate::access::{self, Keys};
use crate::secrets::{ExposeSecret, Secret};

/// The name of the main key, in lists and in the log.
const MAIN: &str = "main";

/// The client keys of this run. A cheap handle.
#[derive(Debug, Clone)]
pub struct ClientKeys {
    keys: Keys,
    /// `None` where no program runs and the next start will make one.
    main: Option<Arc<Secret>>,
    /// Where the main key comes from, in words.
    origin: Arc<str>,
    named: Arc<Mutex<BTreeMap<String, [u8; 32]>>>,
}

/// One key as it is listed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyView {
    pub name: String,
    pub origin: String,
    /// Only where it was asked for and can be shown.
    pub key: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListArgs {
    #[serde(default)]
    reveal: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct NameArgs {
    name: String,
}

impl ClientKeys {
    /// The main key, if there is one yet, and the digests of named ones.
    pub fn new(main: Option<Secret>, origin: &str, named: BTreeMap<String, [u8; 32]>) -> Self {
        let keys = Keys::default();
        if let Some(main) = &main {
            keys.insert(MAIN, main);
        }
        for (name, digest) in &named {
            keys.insert_digest(name, *digest);
        }
        Self { keys, main: main.map(Arc::new), origin: origin.into(), named: Arc::new(Mutex::new(named)) }
    }

    /// What the guard compares with.
    pub fn guard_keys(&self) -> &Keys {
        &self.keys
    }

    fn list(&self, reveal: bool) -> Vec<KeyView> {
        let main = KeyView {
            name: MAIN.to_owned(),
            origin: self.origin.to_string(),
            key: self.main.as_ref().filter(|_| reveal).map(|main| main.expose_secret().to_owned()),
        };
        let named = self.named().keys().map(|name| named_view(name)).collect::<Vec<_>>();
        std::iter::once(main).chain(named).collect()
    }

    fn named(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, [u8; 32]>> {
        self.named.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn named_view(name: &str) -> KeyView {
    KeyView { name: name.to_owned(), origin: "named key; only its digest is kept".to_owned(), key: None }
}

pub(super) fn list(control: &Control, args: ListArgs) -> Vec<KeyView> {
    control.keys.list(args.reveal)
}

pub(super) fn add(control: &Control, args: NameArgs) -> Result<KeyView, ControlError> {
    let name = checked(args.name)?;
    if name == MAIN || control.keys.named().contains_key(&name) {
        return Err(ControlError::new(ErrorCode::Exists, "there is a key of this name already"));
    }
    let key = access::generate_key();
    let digest = access::digest(key.expose_secret());
    control.save(|settings| settings.set(&["client_keys", &name], hex(&digest)))?;
    control.keys.named().insert(name.clone(), digest);
    control.keys.keys.insert_digest(&name, digest);
    Ok(KeyView { key: Some(key.expose_secret().to_owned()), ..named_view(&name) })
}

pub(super) fn revoke(control: &Control, args: NameArgs) -> Result<(), ControlError> {
    if args.name == MAIN {
        return Err(ControlError::new(
            ErrorCode::BadArguments,
            "the main key is replaced by setting AUTH_TOKEN and starting again",
        ));
    }
    if control.keys.named().remove(&args.name).is_none() {
        return Err(ControlError::new(ErrorCode::NotFound, "there is no key of this name"));
    }
    control.keys.keys.revoke(&args.name);
    control.save(|settings| settings.unset(&["client_keys", &args.name]))
}

/// A name that reads well in a list, a log line and a settings file.
fn checked(name: String) -> Result<String, ControlError> {
    let fits = (1..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fits {
        Ok(name)
    } else {
        Err(ControlError::new(ErrorCode::BadArguments, "a name is 1 to 64 letters, digits, '-', '_' or '.'"))
    }
}

fn hex(digest: &[u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
