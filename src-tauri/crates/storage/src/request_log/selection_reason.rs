//! Reason why an account was selected, in numbers and names, so that it can be shown in any language.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::sanitize::{self, sanitize_text};

/// Reason for the selection of an account, as stored in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[derive(ts_rs::TS)]
pub enum SelectionReason {
    Picked(AccountSelection),
    /// Text of a record that an older version wrote.
    Words(String),
}

/// Circumstances of the selection of an account. No other account is named, so that deleting one from the log
/// removes everything about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct AccountSelection {
    pub by: SelectionRule,
    /// Accounts that could have been selected.
    pub ready: u32,
    /// Requests that ran on the selected account.
    #[serde(default)]
    pub running: u32,
    /// Accounts skipped because of a limit, because they need a login, and because they are paused.
    #[serde(default)]
    pub limited: u32,
    #[serde(default)]
    pub needs_login: u32,
    #[serde(default)]
    pub disabled: u32,
    /// Whether the call tests if Mammouth is available again.
    #[serde(default)]
    pub tries: bool,
}

/// Rule that selected the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[derive(ts_rs::TS)]
pub enum SelectionRule {
    Conversation,
    /// The only account that could serve.
    Alone,
    Balance,
    FillFirst,
    ResetSoonest,
    /// A second call to the model for the same reply.
    SecondCall,
}

impl AccountSelection {
    pub fn new(rule: SelectionRule) -> Self {
        Self { by: rule, ready: 1, running: 0, limited: 0, needs_login: 0, disabled: 0, tries: false }
    }
}

impl SelectionReason {
    pub(super) fn sanitized(self) -> Self {
        match self {
            Self::Picked(picked) => Self::Picked(picked),
            Self::Words(words) => Self::Words(sanitize_text(words, sanitize::MAX_REASON_CHARS)),
        }
    }
}

impl From<AccountSelection> for SelectionReason {
    fn from(selection: AccountSelection) -> Self {
        Self::Picked(selection)
    }
}

impl From<&str> for SelectionReason {
    fn from(words: &str) -> Self {
        Self::Words(words.to_owned())
    }
}

impl fmt::Display for SelectionReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Picked(picked) => picked.fmt(f),
            Self::Words(words) => f.write_str(words),
        }
    }
}

impl fmt::Display for AccountSelection {
    /// Formats the reason for terminals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ready, running, .. } = self;
        match self.by {
            SelectionRule::Conversation => f.write_str("the conversation stays with its account"),
            SelectionRule::Alone => f.write_str("the only account that may serve this model now"),
            SelectionRule::Balance => {
                write!(f, "balance: least busy and least used of {ready} ({running} running)")
            }
            SelectionRule::FillFirst => write!(f, "fill-first: the first of {ready} that may serve"),
            SelectionRule::ResetSoonest => write!(f, "reset-soonest: the first of {ready} to be renewed"),
            SelectionRule::SecondCall => {
                f.write_str("the model is asked once more for a valid call or answer")
            }
        }?;
        let passed_over = [
            (self.limited, "limited"),
            (self.needs_login, "in need of a login"),
            (self.disabled, "disabled"),
        ];
        for (n, what) in passed_over.into_iter().filter(|(n, _)| *n > 0) {
            write!(f, "; {n} {what}")?;
        }
        if self.tries { f.write_str("; tries whether Mammouth is back") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_reads_as_a_sentence() {
        let picked = AccountSelection {
            ready: 2,
            limited: 1,
            tries: true,
            ..AccountSelection::new(SelectionRule::Balance)
        };
        assert_eq!(
            SelectionReason::from(picked).to_string(),
            "balance: least busy and least used of 2 (0 running); 1 limited; tries whether Mammouth is back"
        );
    }

    #[test]
    fn what_an_older_version_wrote_is_read_as_it_is() {
        let read = |json: &str| serde_json::from_str::<SelectionReason>(json).unwrap();
        assert_eq!(read("\"the least used\""), SelectionReason::from("the least used"));
        let picked = SelectionReason::from(AccountSelection::new(SelectionRule::Conversation));
        assert_eq!(read(&serde_json::to_string(&picked).unwrap()), picked);
    }
}
