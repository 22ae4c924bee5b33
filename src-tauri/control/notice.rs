//! Sentences that the user should know now, each with the place where something can be done about it.

use serde::{Deserialize, Serialize};

use super::{Control, MainKey};

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// A page of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Page {
    Accounts,
    Requests,
    Settings,
}

/// One sentence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Notice {
    /// The same for as long as it is true.
    pub id: String,
    pub severity: Severity,
    pub text: String,
    /// Where something can be done about it.
    pub place: Option<Page>,
}

/// What holds now, the oldest first.
pub(super) fn all(control: &Control) -> Vec<Notice> {
    let started = control.facts.notices.iter().cloned();
    let later = control.notices_so_far();
    let numbered = started.chain(later).enumerate();
    let plain = numbered.map(|(n, text)| notice(&format!("note-{n}"), Severity::Warning, text, None));
    plain.chain(log(control)).chain(main_key(control)).collect()
}

fn log(control: &Control) -> Option<Notice> {
    let text = control.journal.notice()?;
    // What the start said is among the facts already.
    let known = control.facts.notices.contains(&text);
    (!known).then(|| notice("log", Severity::Warning, text, Some(Page::Requests)))
}

fn main_key(control: &Control) -> Option<Notice> {
    let (severity, text) = match control.keys.main() {
        MainKey::Kept { .. } => return None,
        MainKey::ForThisRun { why, .. } => (
            Severity::Warning,
            format!(
                "the client key ends with this run: set AUTH_TOKEN, or make a lasting key with 'mammouth-proxy keys add NAME'. {why}"
            ),
        ),
        MainKey::Unread { why } => (Severity::Info, format!("the client key: {why}")),
    };
    Some(notice("main-key", severity, text, Some(Page::Settings)))
}

fn notice(id: &str, severity: Severity, text: String, place: Option<Page>) -> Notice {
    Notice { id: id.to_owned(), severity, text, place }
}
