//! Commands that add accounts: pasted, imported from a `.env`, or by signing in.

use serde::Deserialize;

use super::super::{Control, ControlError, ErrorCode, UserMessage};
use super::check::{check_one, identify, refused_error, valid_view};
use super::host::{configured_host, remove_host, store_host};
use super::{
    CheckView, StoredAccount, find_stored, find_without_secret, is_known, keychain_entry_name,
    keychain_error, validate_label,
};
use crate::accounts::{Account, AccountOrigin};
use storage::config::{self, CookieTarget, PasteError};
use storage::secrets::Secret;
use upstreams::{CredentialKind, Identity, UpstreamId, api_key, web_session};

#[derive(Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct AddArgs {
    label: Option<String>,
    #[serde(default = "web")]
    #[ts(as = "Option<UpstreamId>")]
    kind: UpstreamId,
    secret: String,
}

#[derive(Deserialize, ts_rs::TS)]
pub(in crate::management) struct ReplaceArgs {
    label: String,
    secret: String,
}

#[derive(Deserialize, ts_rs::TS)]
pub(in crate::management) struct ImportArgs {
    /// Content of a `.env` file of this program or of the original Node proxy.
    text: String,
}

#[derive(Debug, Deserialize, ts_rs::TS)]
#[ts(optional_fields = nullable)]
pub(in crate::management) struct SignInArgs {
    label: Option<String>,
}

fn web() -> UpstreamId {
    web_session::ID
}

/// Adds an account: its credential is checked upstream, then stored in the keychain, then used.
pub(in crate::management) async fn add(control: &Control, args: AddArgs) -> Result<CheckView, ControlError> {
    require_terms(control, args.kind)?;
    let secret = clean_secret(control, args.kind, &args.secret)?;
    add_account(control, args.kind, args.label, secret).await
}

/// Replaces the secret of an account, as after signing in again.
pub(in crate::management) async fn replace(
    control: &Control,
    args: ReplaceArgs,
) -> Result<CheckView, ControlError> {
    let kept = find_stored(control, &args.label)?;
    require_terms(control, kept.upstream)?;
    let secret = clean_secret(control, kept.upstream, &args.secret)?;
    replace_secret(control, &kept, secret).await
}

/// Adds every account of a `.env`. One that is rejected does not prevent the others.
pub(in crate::management) async fn import(
    control: &Control,
    args: ImportArgs,
) -> Result<Vec<CheckView>, ControlError> {
    let found = config::accounts_in_env(&args.text, &control.instance.cookie_name).map_err(paste_error)?;
    let (cookies, keys) = found;
    if cookies.is_empty() && keys.is_empty() {
        return Err(ControlError::with_message(ErrorCode::BadArguments, UserMessage::NothingToImport));
    }
    if !cookies.is_empty() {
        require_terms(control, web_session::ID)?;
    }
    let cookies = cookies.into_iter().map(|secret| (web_session::ID, secret));
    let mut views = Vec::new();
    for (at, (upstream, secret)) in cookies.chain(keys.into_iter().map(|key| (api_key::ID, key))).enumerate()
    {
        let view = add_account(control, upstream, None, secret).await;
        views.push(view.unwrap_or_else(|error| {
            CheckView::new(&format!("number {}", at + 1), false, error_message(error))
        }));
    }
    Ok(views)
}

/// Opens the sign-in window and adds the account of its session.
pub(in crate::management) async fn sign_in(
    control: &Control,
    args: SignInArgs,
) -> Result<CheckView, ControlError> {
    require_terms(control, web_session::ID)?;
    let desktop = control.desktop().ok_or_else(|| {
        ControlError::new(ErrorCode::DesktopOnly, "only the program with the window can open the login page")
    })?;
    let again = args.label.as_deref().filter(|label| is_known(control, label));
    let kept = again.map(|label| find_stored(control, label)).transpose()?;
    let secret = desktop.sign_in(args.label.clone()).await?;
    match kept {
        Some(kept) => replace_secret(control, &kept, secret).await,
        None => add_account(control, web_session::ID, args.label, secret).await,
    }
}

/// Fails unless the user has accepted the notice about web sessions, which is required before the first one is stored.
fn require_terms(control: &Control, upstream: UpstreamId) -> Result<(), ControlError> {
    if upstream.credential != CredentialKind::Session || control.saved_config().terms_accepted {
        return Ok(());
    }
    let message = "a web session is your own login, used on this machine for you alone; Mammouth's terms forbid bypassing \
                   plan limits, sharing credentials and reverse engineering, and the API key is the sanctioned way: accept \
                   this notice first";
    Err(ControlError::new(ErrorCode::Terms, message))
}

fn clean_secret(control: &Control, upstream: UpstreamId, text: &str) -> Result<Secret, ControlError> {
    let cleaned = match upstream.credential {
        CredentialKind::Session => {
            let host = (upstream.url)(&control.config).host_str().unwrap_or_default();
            config::pasted_cookie(text, CookieTarget { name: &control.instance.cookie_name, host })
        }
        CredentialKind::ApiKey => config::pasted_key(text),
    };
    cleaned.map_err(paste_error)
}

fn paste_error(error: PasteError) -> ControlError {
    ControlError::with_message(ErrorCode::BadArguments, UserMessage::Pasted { error })
}

fn error_message(error: ControlError) -> UserMessage {
    error.said.unwrap_or(UserMessage::Plain { text: error.message })
}

async fn add_account(
    control: &Control,
    upstream: UpstreamId,
    label: Option<String>,
    secret: Secret,
) -> Result<CheckView, ControlError> {
    let account = Account::new("", upstream, AccountOrigin::Stored, secret);
    if let Some(known) = known_label(control, &account.id) {
        return Ok(CheckView::new(&known, true, UserMessage::AlreadyThere));
    }
    if let Some(label) = &label {
        validate_label(label)?;
        if is_known(control, label) {
            return Err(ControlError::with_message(ErrorCode::Exists, UserMessage::LabelTaken));
        }
    }
    let identity =
        identify(control, &account).await.map_err(|failure| refused_error(account.upstream, &failure))?;
    if let Some(kept) = find_by_email(control, upstream, &identity) {
        return swap_account(control, &kept, account, identity).await;
    }
    let label = label.unwrap_or_else(|| suggest_label(control, upstream, &identity));
    let account = Account { label, ..account };
    store_account(control, &account, None).await?;
    control.accounts.add(account.clone(), control.clock.now());
    control.accounts.set_identity(&account.id, identity.clone(), control.clock.now());
    Ok(valid_view(&account, identity, UserMessage::Added))
}

async fn replace_secret(
    control: &Control,
    kept: &StoredAccount,
    secret: Secret,
) -> Result<CheckView, ControlError> {
    let account = Account::new(kept.label.as_str(), kept.upstream, AccountOrigin::Stored, secret);
    if let Some(account) = control.accounts.find(&kept.id).filter(|known| known.id == account.id) {
        return Ok(check_one(control, &account).await);
    }
    if account.id != kept.id && known_label(control, &account.id).is_some() {
        return Err(ControlError::with_message(ErrorCode::Exists, UserMessage::OtherLabel));
    }
    let identity =
        identify(control, &account).await.map_err(|failure| refused_error(account.upstream, &failure))?;
    swap_account(control, kept, account, identity).await
}

/// Replaces the secret of an account.
async fn swap_account(
    control: &Control,
    kept: &StoredAccount,
    account: Account,
    identity: Identity,
) -> Result<CheckView, ControlError> {
    let account = Account { label: kept.label.clone(), ..account };
    store_account(control, &account, Some(&kept.id)).await?;
    control.accounts.replace(&kept.id, account.clone(), control.clock.now());
    control.accounts.set_identity(&account.id, identity.clone(), control.clock.now());
    control.upstreams.forget(&kept.id);
    if kept.id != account.id && control.vault.delete(&keychain_entry_name(&kept.id)).await.is_err() {
        tracing::warn!("the old secret of an account could not be deleted from the keychain");
    }
    Ok(valid_view(&account, identity, UserMessage::SignedInAgain))
}

/// Stores an account. The secret is stored first, so that every account in the settings has one.
async fn store_account(
    control: &Control,
    account: &Account,
    old_id: Option<&str>,
) -> Result<(), ControlError> {
    let name = keychain_entry_name(&account.id);
    control.vault.set(&name, &account.secret).await.map_err(keychain_error)?;
    let table = account.upstream.settings_table;
    let saved = control.save(|settings| {
        if let Some(old) = old_id {
            settings.unset(&[table, old])?;
            remove_host(settings, old)?;
            settings.move_account(old, Some(&account.id))?;
        }
        store_host(
            settings,
            account.upstream,
            &account.id,
            configured_host(&control.config, account.upstream),
        )?;
        settings.set(&[table, &account.id], account.label.as_str())
    });
    if saved.is_err() {
        // Without the entry in the settings the secret would never be found again. An error of the deletion matters
        // less than the first error.
        let _ = control.vault.delete(&name).await;
    }
    saved
}

/// The label of the account with this secret, if there is one.
fn known_label(control: &Control, id: &str) -> Option<String> {
    let here = control.accounts.find(id).map(|account| account.label.clone());
    here.or_else(|| find_without_secret(&control.accounts, id).map(|absent| absent.label))
}

/// The stored account of the same person: signing in twice gives two cookies of one account.
fn find_by_email(control: &Control, upstream: UpstreamId, identity: &Identity) -> Option<StoredAccount> {
    let email = identity.email.as_ref()?;
    let views = control.accounts.list(control.clock.now());
    let same = views.into_iter().find(|view| {
        view.kind == upstream && view.origin == AccountOrigin::Stored && view.email.as_ref() == Some(email)
    })?;
    Some(StoredAccount { id: same.id, label: same.label, upstream })
}

/// A label for a new account: the part before the `@`, otherwise a plain word, with a number if the label is taken.
fn suggest_label(control: &Control, upstream: UpstreamId, identity: &Identity) -> String {
    let of_email = identity.email.as_deref().and_then(|email| email.split('@').next());
    let plain = match upstream.credential {
        CredentialKind::Session => "account",
        CredentialKind::ApiKey => "key",
    };
    let base = of_email.filter(|name| name.len() <= 56 && validate_label(name).is_ok()).unwrap_or(plain);
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let mut names = std::iter::once(base.to_owned()).chain(numbered);
    names.find(|name| !is_known(control, name)).unwrap_or_else(|| base.to_owned())
}
