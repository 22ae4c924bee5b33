//! Commands `accounts.…`.

mod add;
mod change;
mod check;
mod explain;
mod host;
mod view;

pub(super) use add::{AddArgs, ImportArgs, ReplaceArgs, SignInArgs, add, import, replace, sign_in};
pub(super) use change::{
    EnableArgs, NameArgs, OnlyArgs, OrderArgs, RenameArgs, enable, only, order, remove, rename,
};
pub(super) use check::{CheckArgs, check, list, refresh};
pub(super) use explain::{ExplainArgs, explain};
pub use host::other_host;
pub(super) use host::{UseHostArgs, use_host};
pub use view::{CheckView, Explanation, NoAccountReason, SkippedAccount};

use super::{Control, ControlError, ErrorCode, UserMessage};
use crate::accounts::{Account, AccountOrigin, AccountWithoutSecret, Accounts};
use storage::secrets::StoreError;
use upstreams::{Credential, UpstreamId};

/// The keychain entry of an account's secret.
pub fn keychain_entry_name(id: &str) -> String {
    format!("account:{id}")
}

/// A stored account, whether or not its secret is available.
struct StoredAccount {
    id: String,
    label: String,
    upstream: UpstreamId,
}

fn find_stored(control: &Control, name: &str) -> Result<StoredAccount, ControlError> {
    if let Some(absent) = find_without_secret(&control.accounts, name) {
        return Ok(StoredAccount { id: absent.id, label: absent.label, upstream: absent.upstream });
    }
    let account = control.accounts.find(name).ok_or_else(not_found)?;
    if account.origin != AccountOrigin::Stored {
        return Err(ControlError::with_message(ErrorCode::BadArguments, UserMessage::FromEnvironment));
    }
    Ok(StoredAccount { id: account.id.clone(), label: account.label.clone(), upstream: account.upstream })
}

fn find_without_secret(accounts: &Accounts, name: &str) -> Option<AccountWithoutSecret> {
    accounts.without_secret().into_iter().find(|absent| absent.label == name || absent.id == name)
}

/// Whether there is an account with this label or id, with or without its secret.
fn is_known(control: &Control, name: &str) -> bool {
    control.accounts.find(name).is_some() || find_without_secret(&control.accounts, name).is_some()
}

fn credential_of(account: &Account) -> Credential {
    Credential { account: account.id.clone(), secret: account.secret.clone() }
}

fn validate_label(label: &str) -> Result<(), ControlError> {
    let fits =
        (1..=64).contains(&label.len()) && !label.chars().any(char::is_control) && label.trim() == label;
    if fits {
        Ok(())
    } else {
        Err(ControlError::with_message(ErrorCode::BadArguments, UserMessage::BadLabel))
    }
}

fn not_found() -> ControlError {
    ControlError::new(ErrorCode::NotFound, "there is no account of this label")
}

fn keychain_error(error: StoreError) -> ControlError {
    ControlError::with_message(ErrorCode::Keychain, UserMessage::Store { error })
}
