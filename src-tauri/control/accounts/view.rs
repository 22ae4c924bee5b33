//! What the commands about accounts answer.

use serde::{Deserialize, Serialize};

/// What a check of one account found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CheckView {
    pub label: String,
    pub ok: bool,
    /// A sentence for people.
    pub message: String,
    /// The secret is not here, so Mammouth was not asked.
    #[serde(default)]
    pub unread: bool,
    pub email: Option<String>,
    pub plan: Option<String>,
    pub quota_percent: Option<f64>,
}

/// Whom a request for a model would be given to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Explained {
    /// The model that would be asked.
    pub model: String,
    /// The label of the account, if one can serve it.
    pub account: Option<String>,
    pub why: String,
    /// The other accounts.
    pub others: Vec<PassedOver>,
}

/// An account that would not be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PassedOver {
    pub label: String,
    pub why: String,
}

impl CheckView {
    pub(super) fn new(label: &str, ok: bool, message: impl Into<String>) -> Self {
        let (label, message) = (label.to_owned(), message.into());
        Self { label, ok, message, unread: false, email: None, plan: None, quota_percent: None }
    }
}
