//! Facets of records: the searchable fields other than time and id.
//!
//! A million requests have a few hundred combinations of facets. The file stores each combination once, and a
//! search filters the combinations in Rust, by one rule, before it reads a row.
use super::error_code::RequestErrorCode;
use super::record::{Query, RequestRecord};
use serde::{Deserialize, Serialize};

/// Minimum length of a text that is also searched at the beginning of request ids and sessions.
const MIN_ID_PREFIX: usize = 4;

/// One combination of facets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Facets {
    pub(super) client: String,
    pub(super) dialect: String,
    pub(super) model_asked: String,
    pub(super) model_served: Option<String>,
    pub(super) account: Option<String>,
    /// Accounts of all upstream calls.
    pub(super) accounts: Vec<String>,
    pub(super) status: u16,
    pub(super) code: Option<String>,
    /// Whether the request failed: 0 or 1, as SQLite writes it.
    pub(super) failed: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) program: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) agent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) request_class: Option<String>,
}

impl Facets {
    pub(super) fn from_record(record: &RequestRecord) -> Self {
        let mut accounts: Vec<String> = record.attempts.iter().map(|made| made.account.clone()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Self {
            client: record.client.clone(),
            dialect: record.dialect.clone().into_owned(),
            model_asked: record.model_asked.clone(),
            model_served: record.model_served.clone(),
            account: record.account.clone(),
            accounts,
            status: record.status,
            code: record.code.as_deref().map(str::to_owned),
            failed: u8::from(record.is_failed()),
            program: record.program.clone(),
            agent: record.agent.clone(),
            request_class: record.request_class.clone(),
        }
    }

    pub(super) fn names_account(&self, label: &str) -> bool {
        self.account.as_deref() == Some(label) || self.accounts.iter().any(|account| account == label)
    }

    /// Returns the combination with another name for an account.
    pub(super) fn with_account_renamed(mut self, from: &str, to: &str) -> Self {
        let named = self.account.iter_mut().chain(&mut self.accounts).filter(|label| *label == from);
        named.for_each(|label| to.clone_into(label));
        self.accounts.sort_unstable();
        self
    }

    /// Whether the request failed. Earlier versions counted requests cancelled by the client as failures.
    fn is_failed(&self) -> bool {
        self.failed == 1 && self.code.as_deref() != Some(RequestErrorCode::ClientClosed.name())
    }

    fn names_model(&self, model: &str) -> bool {
        self.model_asked == model || self.model_served.as_deref() == Some(model)
    }

    /// Whether a field contains `text`, which is in lower case.
    pub(super) fn contains_text(&self, text: &str) -> bool {
        let fields = [
            Some(self.client.as_str()),
            Some(self.model_asked.as_str()),
            self.model_served.as_deref(),
            self.account.as_deref(),
            self.code.as_deref(),
            self.program.as_deref(),
            self.agent.as_deref(),
            self.request_class.as_deref(),
        ];
        fields.into_iter().flatten().any(|field| field.to_ascii_lowercase().contains(text))
            || self.status.to_string() == text
    }
}

impl Query {
    /// Whether records of this combination match, regardless of their id, time and text.
    pub(super) fn matches_facets(&self, facets: &Facets) -> bool {
        (!self.failed_only || facets.is_failed())
            && self.account.as_deref().is_none_or(|label| facets.names_account(label))
            && self.client.as_deref().is_none_or(|client| facets.client == client)
            && self.model.as_deref().is_none_or(|model| facets.names_model(model))
            && self.dialect.as_deref().is_none_or(|dialect| facets.dialect == dialect)
            && self.status.is_none_or(|status| facets.status == status)
    }

    /// Whether the query restricts only ids and times.
    pub(super) fn is_unfiltered(&self) -> bool {
        let bare = Self {
            before_id: None,
            after_id: None,
            since_ms: None,
            until_ms: None,
            limit: 0,
            text: self.lowercase_text(),
            ..self.clone()
        };
        bare == Self::default()
    }

    /// Returns the text in lower case, if there is one.
    pub(super) fn lowercase_text(&self) -> Option<String> {
        self.text.as_deref().filter(|text| !text.is_empty()).map(str::to_ascii_lowercase)
    }

    /// Returns the prefix of request ids and sessions to search for.
    pub(super) fn id_prefix(&self) -> Option<String> {
        self.lowercase_text().filter(|text| text.len() >= MIN_ID_PREFIX)
    }

    /// Returns the exclusive lower and upper bound of the ids in the result.
    pub(super) fn id_range(&self) -> (u64, u64) {
        let us = |ms: u64| ms.saturating_mul(1_000);
        let above = self.after_id.unwrap_or(0).max(self.since_ms.map_or(0, |ms| us(ms).saturating_sub(1)));
        let below = self.before_id.unwrap_or(u64::MAX).min(self.until_ms.map_or(u64::MAX, us));
        (above, below)
    }

    /// Whether a record that is not in the file matches, by the same rule.
    pub(super) fn matches(&self, record: &RequestRecord) -> bool {
        let (above, below) = self.id_range();
        let facets = Facets::from_record(record);
        let text = || {
            let by_id = self.id_prefix().is_some_and(|prefix| {
                let ids = [Some(record.request_id.as_str()), record.session.as_deref()];
                ids.into_iter().flatten().any(|id| id.to_ascii_lowercase().starts_with(&prefix))
            });
            by_id || self.lowercase_text().is_none_or(|text| facets.contains_text(&text))
        };
        record.id > above && record.id < below && self.matches_facets(&facets) && text()
    }
}
