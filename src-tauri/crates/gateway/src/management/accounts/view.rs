//! Results of the commands about accounts.

use serde::{Deserialize, Serialize};

use super::super::UserMessage;
use crate::accounts::SkipReason;
use storage::request_log::AccountSelection;
use storage::secrets::StoreError;

/// Result of the check of one account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ts_rs::TS)]
pub struct CheckView {
    pub label: String,
    pub ok: bool,
    /// The result as an English sentence.
    pub message: String,
    /// The message as a code with arguments, which the window translates.
    pub said: UserMessage,
    /// Whether the secret is not available, so that Mammouth was not called.
    #[serde(default)]
    pub unread: bool,
    pub email: Option<String>,
    pub plan: Option<String>,
    pub quota_percent: Option<f64>,
}

/// The account that a request for a model would be given to now, and the reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Explanation {
    /// The model that would be requested.
    pub model: String,
    /// The label of the account, if one can serve it.
    pub account: Option<String>,
    /// Reason for the selection of `account`.
    pub why: Option<AccountSelection>,
    /// Reason why there is no account.
    pub nobody: Option<NoAccountReason>,
    /// The other accounts, with the reasons why they are skipped.
    pub others: Vec<SkippedAccount>,
}

/// An account that would be skipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct SkippedAccount {
    pub label: String,
    pub why: SkipReason,
}

/// Reason why no account can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum NoAccountReason {
    NoAccount,
    /// No account's upstream serves the model.
    OtherKind,
    /// The accounts are being read from the keychain.
    Reading,
    Unreadable {
        error: StoreError,
    },
    AllTried,
    NeedsLogin,
    /// The accounts that could serve the model were added for another upstream address.
    OtherHost,
    /// Every usable account is limited. The first limit ends in `minutes`.
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
