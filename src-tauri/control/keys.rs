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

/// The name of the main key, in lists, in the log and in the settings.
const MAIN: &str = "main";

/// The client keys of this run. A cheap handle.
#[derive(Debug, Clone)]
pub struct ClientKeys {
    keys: Keys,
    main: Arc<Mutex<MainKey>>,
    named: Arc<Mutex<BTreeMap<String, [u8; 32]>>>,
}

/// The key that can be shown again.
#[derive(Debug, Clone)]
pub enum MainKey {
    /// It is what it will be.
    Kept { key: Secret, origin: &'static str },
    /// Made because none could be read or stored; `why` says what to do about it.
    ForThisRun { key: Secret, why: String },
    /// Known by its digest at most, so that clients are let in, but cannot be shown; `why` says what to do about it.
    Unread { why: String },
}

/// One key as it is listed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct KeyView {
    pub name: String,
    pub origin: String,
    /// Only where it was asked for and can be shown.
    pub key: Option<String>,
    /// Unix milliseconds.
    pub last_used_ms: Option<u64>,
    /// The models it may ask for; all where the list is empty.
    pub models: Vec<String>,
    /// The most it may use a day.
    pub daily_tokens: Option<u64>,
    pub daily_cost_usd: Option<f64>,
    pub today_tokens: u64,
    pub today_cost_usd: f64,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct ListArgs {
    #[serde(default)]
    #[cfg_attr(test, ts(as = "Option<bool>"))]
    reveal: bool,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub(super) struct NameArgs {
    name: String,
}

impl ClientKeys {
    /// The digests of keys by their names, as they stand in the settings: the main one lets clients in while the
    /// keychain cannot be read.
    pub fn new(digests: BTreeMap<String, [u8; 32]>) -> Self {
        let keys = Keys::default();
        for (name, digest) in &digests {
            keys.insert_digest(name, *digest);
        }
        let main = MainKey::Unread { why: "it is being read from the keychain".to_owned() };
        let named = digests.into_iter().filter(|(name, _)| name != MAIN).collect();
        Self { keys, main: Arc::new(Mutex::new(main)), named: Arc::new(Mutex::new(named)) }
    }

    /// Sets the main key; one that can be shown is what clients must send from now on.
    pub fn set_main(&self, main: MainKey) {
        match &main {
            MainKey::Kept { key, .. } | MainKey::ForThisRun { key, .. } => self.keys.insert(MAIN, key),
            MainKey::Unread { .. } => {}
        }
        *self.lock_main() = main;
    }

    pub fn main(&self) -> MainKey {
        self.lock_main().clone()
    }

    /// Whether clients can send a main key, read or not.
    pub fn has_main(&self) -> bool {
        self.keys.names().iter().any(|name| &**name == MAIN)
    }

    /// What the guard compares with.
    pub fn guard_keys(&self) -> &Keys {
        &self.keys
    }

    fn list(&self, reveal: bool) -> Vec<KeyView> {
        let (key, origin) = match self.main() {
            MainKey::Kept { key, origin } => (Some(key), origin.to_owned()),
            MainKey::ForThisRun { key, why } => (Some(key), format!("made for this run ({why})")),
            MainKey::Unread { why } => (None, why),
        };
        let key = key.filter(|_| reveal).map(|key| key.expose_secret().to_owned());
        let named = self.named().keys().map(|name| named_view(name)).collect::<Vec<_>>();
        std::iter::once(view(MAIN.to_owned(), origin, key)).chain(named).collect()
    }

    fn lock_main(&self) -> std::sync::MutexGuard<'_, MainKey> {
        self.main.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn named(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, [u8; 32]>> {
        self.named.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn view(name: String, origin: String, key: Option<String>) -> KeyView {
    KeyView {
        name,
        origin,
        key,
        last_used_ms: None,
        models: Vec::new(),
        daily_tokens: None,
        daily_cost_usd: None,
        today_tokens: 0,
        today_cost_usd: 0.0,
    }
}

fn named_view(name: &str) -> KeyView {
    view(name.to_owned(), "named key; only its digest is kept".to_owned(), None)
}

pub(super) async fn list(control: &Control, args: ListArgs) -> Result<Vec<KeyView>, ControlError> {
    if args.reveal {
        control.reader.read_again().await;
    }
    Ok(control.keys.list(args.reveal))
}

/// Notes the main key's digest in the settings, where it is not there yet.
pub(super) fn keep_main_digest(control: &Control, key: &Secret) -> Result<(), ControlError> {
    let digest = hex(&access::digest(key.expose_secret()));
    let path = ["client_keys", MAIN];
    let kept = |settings: &crate::config::SettingsFile| {
        settings.texts(path[0]).iter().any(|(name, value)| name == MAIN && *value == digest)
    };
    if kept(&control.settings()) {
        return Ok(());
    }
    control.save(|settings| settings.set(&path, digest.as_str()))
}

pub(super) async fn add(control: &Control, args: NameArgs) -> Result<KeyView, ControlError> {
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

pub(super) async fn revoke(control: &Control, args: NameArgs) -> Result<(), ControlError> {
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
