//! The list of upstream calls as its column holds it: JSON without fields that say zero, false or nothing. With them the
//! list would be the largest part of nearly every row.

use serde::Serialize;

use super::record::Attempt;
use super::selection_reason::{AccountSelection, SelectionReason, SelectionRule};

/// Returns the JSON of the column.
pub(super) fn to_json(attempts: &[Attempt]) -> serde_json::Result<String> {
    let stored: Vec<StoredAttempt<'_>> = attempts.iter().map(StoredAttempt::new).collect();
    serde_json::to_string(&stored)
}

/// Reads the column. A list that cannot be read is empty, so that its record is still shown.
pub(super) fn from_json(column: &str) -> Vec<Attempt> {
    serde_json::from_str(column).unwrap_or_default()
}

#[derive(Serialize)]
struct StoredAttempt<'a> {
    account: &'a str,
    why: StoredReason<'a>,
    outcome: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    ms: u64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum StoredReason<'a> {
    Picked(StoredSelection),
    Words(&'a str),
}

#[derive(Serialize)]
struct StoredSelection {
    by: SelectionRule,
    ready: u32,
    #[serde(skip_serializing_if = "is_default")]
    running: u32,
    #[serde(skip_serializing_if = "is_default")]
    limited: u32,
    #[serde(skip_serializing_if = "is_default")]
    needs_login: u32,
    #[serde(skip_serializing_if = "is_default")]
    disabled: u32,
    #[serde(skip_serializing_if = "is_default")]
    tries: bool,
}

impl<'a> StoredAttempt<'a> {
    fn new(attempt: &'a Attempt) -> Self {
        let Attempt { account, why, outcome, status, detail, ms } = attempt;
        let why = match why {
            SelectionReason::Picked(selection) => StoredReason::Picked((*selection).into()),
            SelectionReason::Words(words) => StoredReason::Words(words),
        };
        Self { account, why, outcome, status: *status, detail: detail.as_deref(), ms: *ms }
    }
}

impl From<AccountSelection> for StoredSelection {
    fn from(selection: AccountSelection) -> Self {
        let AccountSelection { by, ready, running, limited, needs_login, disabled, tries } = selection;
        Self { by, ready, running, limited, needs_login, disabled, tries }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(why: SelectionReason, status: Option<u16>, detail: Option<&str>) -> Attempt {
        let detail = detail.map(str::to_owned);
        Attempt { account: "alice".into(), why, outcome: "ok".into(), status, detail, ms: 12 }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let picked = AccountSelection {
            running: 3,
            limited: 1,
            tries: true,
            ..AccountSelection::new(SelectionRule::Balance)
        };
        let attempts = [
            attempt(AccountSelection::new(SelectionRule::Alone).into(), None, None),
            attempt(picked.into(), Some(429), Some("come back later")),
            attempt("the least used".into(), Some(200), None),
        ];
        assert_eq!(from_json(&to_json(&attempts).unwrap()), attempts);
    }

    #[test]
    fn what_says_nothing_is_left_out() {
        let plain = attempt(AccountSelection::new(SelectionRule::Alone).into(), None, None);
        assert_eq!(
            to_json(&[plain]).unwrap(),
            r#"[{"account":"alice","why":{"by":"alone","ready":1},"outcome":"ok","ms":12}]"#
        );
    }

    #[test]
    fn the_full_form_of_an_earlier_version_is_read() {
        let attempts = [attempt(AccountSelection::new(SelectionRule::Alone).into(), Some(200), None)];
        assert_eq!(from_json(&serde_json::to_string(&attempts).unwrap()), attempts);
        assert_eq!(from_json("[{]"), []);
    }
}
