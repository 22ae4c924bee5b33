//! Notices: messages that the user should see now, each with the page on which something can be done.

use serde::{Deserialize, Serialize};

use super::{Control, MainKey, MainKeyUnavailable, UserMessage};

/// Severity of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Severity {
    Info,
    Warning,
    Error,
}

/// A page of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum Page {
    Accounts,
    Requests,
    Settings,
}

/// A message that the user should see now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct Notice {
    /// Identifier, constant while the notice applies.
    pub id: String,
    pub severity: Severity,
    /// English text.
    pub text: String,
    /// The text as a code with arguments, which the window translates.
    pub said: UserMessage,
    /// Page on which the user can act on the notice.
    pub place: Option<Page>,
}

/// The current notices, the oldest first.
pub(super) fn current_notices(control: &Control) -> Vec<Notice> {
    let started = control.instance.notices.iter().cloned();
    let later = control.runtime_notices();
    let numbered = started.chain(later).enumerate();
    let plain =
        numbered.map(|(n, message)| new_notice(&format!("note-{n}"), Severity::Warning, message, None));
    plain.chain(log_notice(control)).chain(keyless_notice(control)).chain(main_key_notice(control)).collect()
}

fn keyless_notice(control: &Control) -> Option<Notice> {
    let message = control.backend().ok()?.keyless_notice()?;
    Some(new_notice("without-key", Severity::Warning, message, Some(Page::Settings)))
}

fn log_notice(control: &Control) -> Option<Notice> {
    let message = UserMessage::Plain { text: control.journal.notice()? };
    // Messages of the start are in `instance` already.
    let known = control.instance.notices.contains(&message);
    (!known).then(|| new_notice("log", Severity::Warning, message, Some(Page::Requests)))
}

fn main_key_notice(control: &Control) -> Option<Notice> {
    let (severity, message) = match control.keys.main() {
        MainKey::Kept { .. } => return None,
        MainKey::ForThisRun { why, .. } => (Severity::Warning, UserMessage::KeyForThisRun { error: why }),
        MainKey::Unread { why: MainKeyUnavailable::Refused(error) } => {
            (Severity::Info, UserMessage::KeyNotShown { error })
        }
        MainKey::Unread { why: MainKeyUnavailable::Reading | MainKeyUnavailable::NotMade(_) } => {
            (Severity::Info, UserMessage::KeyReading)
        }
    };
    Some(new_notice("main-key", severity, message, Some(Page::Settings)))
}

fn new_notice(id: &str, severity: Severity, message: UserMessage, place: Option<Page>) -> Notice {
    Notice { id: id.to_owned(), severity, text: message.to_string(), said: message, place }
}
