//! Commands that list, add, change, replace and remove client keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::{Control, ControlError, ErrorCode, NoArgs, UserMessage};
use super::{
    ClientKeys, MAIN_KEY_ENTRY, MAIN_KEY_NAME, MainKey, MainKeyUnavailable, NamedKey, STORED_KEYS, stored,
};
use crate::auth::{self, KeyLimits};
use protocol::is_model_name;
use storage::config::{SettingsError, SettingsFile};
use storage::request_log::ClientUsage;
use storage::secrets::{ExposeSecret, Secret, StoreKind};

/// A client key in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct KeyView {
    pub name: String,
    pub origin: String,
    /// Text of the key, if it was requested and can be shown.
    pub key: Option<String>,
    /// Whether the text of the key is stored, and not only its digest.
    pub can_show: bool,
    /// Time of the last use, Unix milliseconds.
    pub last_used_ms: Option<u64>,
    /// Allowed models; all if the list is empty.
    pub models: Vec<String>,
    /// Maximum number of tokens per day (UTC).
    pub daily_tokens: Option<u64>,
    pub daily_cost_usd: Option<f64>,
    pub today_tokens: u64,
    pub today_cost_usd: f64,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct ListArgs {
    #[serde(default)]
    #[ts(as = "Option<bool>")]
    reveal: bool,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct NameArgs {
    name: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct AddArgs {
    name: String,
    #[serde(default)]
    #[ts(as = "Option<Vec<String>>")]
    models: Vec<String>,
    daily_tokens: Option<u64>,
    daily_cost_usd: Option<f64>,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
pub(in crate::management) struct ChangeArgs {
    name: String,
    models: Vec<String>,
    daily_tokens: Option<u64>,
    daily_cost_usd: Option<f64>,
}

pub(in crate::management) async fn list(
    control: &Control,
    args: ListArgs,
) -> Result<Vec<KeyView>, ControlError> {
    if args.reveal {
        control.secret_reload.reload().await;
    }
    let named: Vec<String> = control.keys.named().keys().cloned().collect();
    let (mut texts, refused) =
        if args.reveal { stored::named_key_texts(control).await } else { (BTreeMap::new(), None) };
    let named = named.iter().map(|name| {
        let view = named_view(control, name, texts.remove(name));
        match &refused {
            Some(error) if view.can_show && view.key.is_none() => {
                KeyView { origin: MainKeyUnavailable::Refused(error.clone()).to_string(), ..view }
            }
            _ => view,
        }
    });
    Ok(std::iter::once(main_view(control, args.reveal)).chain(named).collect())
}

/// Creates a key for one client. If no secret store accepts the key, its text is only in this result.
pub(in crate::management) async fn add(control: &Control, args: AddArgs) -> Result<KeyView, ControlError> {
    let AddArgs { name, models, daily_tokens, daily_cost_usd } = args;
    let limits = validate_limits(KeyLimits { models, daily_tokens, daily_cost_usd })?;
    validate_name(&name)?;
    let key = auth::generate_key();
    add_limited(control, &name, &key, limits).await?;
    Ok(named_view(control, &name, Some(key)))
}

/// Makes `key` valid under a name that is free.
///
/// # Errors
/// `exists`: the name is taken. `not_saved`: the settings cannot be written.
pub(in crate::management) async fn add_key(
    control: &Control,
    name: &str,
    key: &Secret,
) -> Result<(), ControlError> {
    add_limited(control, name, key, KeyLimits::default()).await
}

async fn add_limited(
    control: &Control,
    name: &str,
    key: &Secret,
    limits: KeyLimits,
) -> Result<(), ControlError> {
    let digest = auth::digest(key.expose_secret());
    reserve(control, name, digest)?;
    let stored = stored::store(control, name, key).await;
    if let Err(error) = save_new(control, name, NamedKey { digest, stored }, &limits) {
        control.keys.named().remove(name);
        stored::delete(control, name).await;
        return Err(error);
    }
    control.keys.named().insert(name.to_owned(), NamedKey { digest, stored });
    control.keys.limits.set(name, limits);
    control.keys.keys.insert_digest(name, digest);
    Ok(())
}

/// Reserves the name, so that no other command takes it while the secret store is being written.
fn reserve(control: &Control, name: &str, digest: [u8; 32]) -> Result<(), ControlError> {
    let mut named = control.keys.named();
    if name == MAIN_KEY_NAME || named.contains_key(name) {
        return Err(ControlError::with_message(ErrorCode::Exists, UserMessage::KeyNameTaken));
    }
    named.insert(name.to_owned(), NamedKey { digest, stored: false });
    Ok(())
}

fn save_new(control: &Control, name: &str, key: NamedKey, limits: &KeyLimits) -> Result<(), ControlError> {
    // A key that is stored in memory only is lost at the next start.
    let outlives_this_run = key.stored && control.instance.secrets != StoreKind::Memory;
    control.save(|settings| {
        settings.set(&["client_keys", name], hex::encode(key.digest))?;
        if outlives_this_run {
            settings.set(&[STORED_KEYS, name], "yes")?;
        }
        write_limits(settings, name, limits)
    })
}

/// Changes the limits of a key.
pub(in crate::management) async fn change(control: &Control, args: ChangeArgs) -> Result<(), ControlError> {
    let ChangeArgs { name, models, daily_tokens, daily_cost_usd } = args;
    let limits = validate_limits(KeyLimits { models, daily_tokens, daily_cost_usd })?;
    if name != MAIN_KEY_NAME && !control.keys.named().contains_key(&name) {
        return Err(not_found());
    }
    control.save(|settings| write_limits(settings, &name, &limits))?;
    control.keys.limits.set(&name, limits);
    Ok(())
}

pub(in crate::management) async fn revoke(control: &Control, args: NameArgs) -> Result<(), ControlError> {
    if args.name == MAIN_KEY_NAME {
        return Err(ControlError::new(
            ErrorCode::BadArguments,
            "the main key is not revoked but replaced, with 'mammouth-proxy keys replace-main'",
        ));
    }
    revoke_key(control, &args.name).await
}

/// Refuses a named key from now on.
///
/// # Errors
/// `not_found`: there is no key of this name. `not_saved`: the settings cannot be written.
pub(in crate::management) async fn revoke_key(control: &Control, name: &str) -> Result<(), ControlError> {
    let Some(key) = control.keys.named().remove(name) else {
        return Err(not_found());
    };
    if key.stored {
        stored::delete(control, name).await;
    }
    control.keys.keys.revoke(name);
    control.keys.limits.set(name, KeyLimits::default());
    control.save(|settings| {
        settings.unset(&["key_limits", name])?;
        settings.unset(&[STORED_KEYS, name])?;
        settings.unset(&["client_keys", name])
    })
}

/// Replaces the main key. The old one is rejected from the next request on; replies in flight continue.
pub(in crate::management) async fn replace_main(
    control: &Control,
    _: NoArgs,
) -> Result<KeyView, ControlError> {
    if control.config.auth_token.is_some() {
        let message = "the main key is set by AUTH_TOKEN: change it there and start again";
        return Err(ControlError::new(ErrorCode::FixedByEnvironment, message));
    }
    let key = auth::generate_key();
    let stored = control.vault.set(MAIN_KEY_ENTRY, &key).await;
    stored.map_err(|error| ControlError::with_message(ErrorCode::Keychain, UserMessage::Store { error }))?;
    let origin = if control.instance.demo { "made for this demo" } else { "keychain" };
    control.keys.set_main(MainKey::Kept { key: key.clone(), origin });
    if let Err(error) = store_main_digest(control, &key) {
        tracing::warn!("{error}");
    }
    control.notify_changed();
    Ok(main_view(control, true))
}

/// Stores the main key's digest in the settings, unless it is there already.
pub(in crate::management) fn store_main_digest(control: &Control, key: &Secret) -> Result<(), ControlError> {
    let digest = hex::encode(auth::digest(key.expose_secret()));
    let path = ["client_keys", MAIN_KEY_NAME];
    let is_stored = |settings: &storage::config::SettingsFile| {
        settings.string_table(path[0]).iter().any(|(name, value)| name == MAIN_KEY_NAME && *value == digest)
    };
    if is_stored(&control.settings()) {
        return Ok(());
    }
    control.save(|settings| settings.set(&path, digest.as_str()))
}

fn main_view(control: &Control, reveal: bool) -> KeyView {
    let (key, origin) = match control.keys.main() {
        MainKey::Kept { key, origin } => (Some(key), origin.to_owned()),
        MainKey::ForThisRun { key, why } => (Some(key), format!("made for this run ({why})")),
        MainKey::Unread { why } => (None, why.to_string()),
    };
    let key = key.filter(|_| reveal).map(|key| key.expose_secret().to_owned());
    KeyView {
        key,
        can_show: true,
        ..view(&control.keys, MAIN_KEY_NAME, origin, &control.journal.client_usage(MAIN_KEY_NAME))
    }
}

fn named_view(control: &Control, name: &str, key: Option<Secret>) -> KeyView {
    let can_show = control.keys.named().get(name).is_some_and(|key| key.stored);
    let origin = if can_show { "keychain" } else { "only its digest is kept: it cannot be shown again" };
    let key = key.map(|key| key.expose_secret().to_owned());
    KeyView {
        key,
        can_show,
        ..view(&control.keys, name, origin.to_owned(), &control.journal.client_usage(name))
    }
}

fn view(keys: &ClientKeys, name: &str, origin: String, used: &ClientUsage) -> KeyView {
    let limits = keys.limits.get(name).map(|limits| KeyLimits::clone(&limits)).unwrap_or_default();
    KeyView {
        name: name.to_owned(),
        origin,
        key: None,
        can_show: false,
        last_used_ms: used.last_used_ms,
        models: limits.models,
        daily_tokens: limits.daily_tokens,
        daily_cost_usd: limits.daily_cost_usd,
        today_tokens: used.today.tokens(),
        today_cost_usd: used.today.cost_usd,
    }
}

fn write_limits(settings: &mut SettingsFile, name: &str, limits: &KeyLimits) -> Result<(), SettingsError> {
    settings.unset(&["key_limits", name])?;
    if !limits.models.is_empty() {
        settings.set_list(&["key_limits", name, "models"], &limits.models)?;
    }
    if let Some(tokens) = limits.daily_tokens {
        settings.set(&["key_limits", name, "daily_tokens"], i64::try_from(tokens).unwrap_or(i64::MAX))?;
    }
    if let Some(usd) = limits.daily_cost_usd {
        settings.set(&["key_limits", name, "daily_cost_usd"], usd)?;
    }
    Ok(())
}

fn validate_limits(limits: KeyLimits) -> Result<KeyLimits, ControlError> {
    let models = limits.models.len() <= 1_000 && limits.models.iter().all(|name| is_model_name(name));
    let cost = limits.daily_cost_usd.is_none_or(|usd| usd.is_finite() && usd >= 0.0);
    let tokens = limits.daily_tokens.is_none_or(|tokens| i64::try_from(tokens).is_ok());
    if models && cost && tokens {
        Ok(limits)
    } else {
        Err(ControlError::with_message(ErrorCode::BadArguments, UserMessage::BadLimit))
    }
}

pub(super) fn not_found() -> ControlError {
    ControlError::new(ErrorCode::NotFound, "there is no key of this name")
}

/// Checks that a name is readable in a list, a log line and a settings file.
pub(super) fn validate_name(name: &str) -> Result<(), ControlError> {
    let fits = (1..=64).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if fits {
        Ok(())
    } else {
        Err(ControlError::with_message(ErrorCode::BadArguments, UserMessage::BadKeyName))
    }
}
