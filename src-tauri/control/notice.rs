//! Sentences that the user should know now, each with the place where something can be done about it.

use serde::{Deserialize, Serialize};

use super::{Control, KeyUnread, MainKey, Said};

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
    /// In English.
    pub text: String,
    /// The same, to be said in other languages.
    pub said: Said,
    /// Where something can be done about it.
    pub place: Option<Page>,
}

/// What holds now, the oldest first.
pub(super) fn all(control: &Control) -> Vec<Notice> {
    let started = control.facts.notices.iter().cloned();
    let later = control.notices_so_far();
    let numbered = started.chain(later).enumerate();
    let plain = numbered.map(|(n, said)| notice(&format!("note-{n}"), Severity::Warning, said, None));
    plain.chain(log(control)).chain(without_key(control)).chain(main_key(control)).collect()
}

fn without_key(control: &Control) -> Option<Notice> {
    let said = control.engine().ok()?.without_key()?;
    Some(notice("without-key", Severity::Warning, said, Some(Page::Settings)))
}

fn log(control: &Control) -> Option<Notice> {
    let said = Said::Plain { text: control.journal.notice()? };
    // What the start said is among the facts already.
    let known = control.facts.notices.contains(&said);
    (!known).then(|| notice("log", Severity::Warning, said, Some(Page::Requests)))
}

fn main_key(control: &Control) -> Option<Notice> {
    let (severity, said) = match control.keys.main() {
        MainKey::Kept { .. } => return None,
        MainKey::ForThisRun { why, .. } => (Severity::Warning, Said::KeyForThisRun { error: why }),
        MainKey::Unread { why: KeyUnread::Refused(error) } => (Severity::Info, Said::KeyNotShown { error }),
        MainKey::Unread { why: KeyUnread::Reading | KeyUnread::NotMade(_) } => {
            (Severity::Info, Said::KeyReading)
        }
    };
    Some(notice("main-key", severity, said, Some(Page::Settings)))
}

fn notice(id: &str, severity: Severity, said: Said, place: Option<Page>) -> Notice {
    Notice { id: id.to_owned(), severity, text: said.to_string(), said, place }
}
