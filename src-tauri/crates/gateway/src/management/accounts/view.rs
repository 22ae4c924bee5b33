//! Results of the commands about accounts.

use serde::{Deserialize, Serialize};

use super::super::UserMessage;
use crate::accounts::SkipReason;
use storage::request_log::AccountSelection;
use storage::secrets::StoreError;

/// What a check of one account found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct CheckView {
    pub label: String,
    pub ok: bool,
    /// A sentence for people, in English.
    pub message: String,
    /// The same, to be said in other languages.
    pub said: UserMessage,
    /// The secret is not here, so Mammouth was not asked.
    #[serde(default)]
    pub unread: bool,
    pub email: Option<String>,
    pub plan: Option<String>,
    pub quota_percent: Option<f64>,
}

/// Whom a request for a model would be given to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Explanation {
    /// The model that would be asked.
    pub model: String,
    /// The label of the account, if one can serve it.
    pub account: Option<String>,
    /// Why that one.
    pub why: Option<AccountSelection>,
    /// Why none.
    pub nobody: Option<NoAccountReason>,
    /// The other accounts.
    pub others: Vec<SkippedAccount>,
}

/// An account that would not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct SkippedAccount {
    pub label: String,
    pub why: SkipReason,
}

/// Why no account can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum NoAccountReason {
    NoAccount,
    /// There is none of a kind that serves the model.
    OtherKind,
    /// The accounts are being read from the keychain.
    Reading,
    Unreadable {
        error: StoreError,
    },
    AllTried,
    NeedsLogin,
    /// The accounts that serve it were added for another address.
    OtherHost,
    /// The next is free then.
    Limited {
        minutes: u64,
    },
    Unreachable,
    Challenge,
}

impl CheckView {
    pub(super) fn new(label: &str, ok: bool, said: UserMessage) -> Self {
        let (label, message) = (label.to_owned(), said.to_string());
        Self { label, ok, message, said, unread: false, email: None, plan: None, quota_percent: None }
    }

    /// The same check with `clean` applied to text from upstream.
    pub(super) fn cleaned(mut self, clean: impl Fn(&str) -> String) -> Self {
        if let UserMessage::Failed { detail, .. } = &mut self.said {
            *detail = clean(detail);
        }
        Self { message: clean(&self.message), ..self }
    }
}
