//! Dialog for a failed start. A program that was started from a menu has no terminal to report to.

use super::dialog::Dialog;
use super::i18n::{Language, Strings};
use super::links::open_folder;
use gateway::app::{StartFailure, StartProblem};

/// Shows what happened, why, and what to do, until the user closes the dialog. Call it on the main thread.
pub fn show_start_failure(failure: &StartFailure) {
    let strings = Language::from_setting("auto").strings();
    let text = format!("{}\n\n{}", failure.message.trim(), advice(strings, failure.problem));
    let folder = failure.data_dir.as_deref().filter(|folder| folder.is_dir());
    let accept = folder.map(|_| strings.open_data_folder);
    let dialog =
        Dialog { is_error: true, headline: strings.start_failed, text: &text, accept, cancel: strings.quit };
    while dialog.ask() {
        if let Some(folder) = folder {
            open_folder(folder);
        }
    }
}

fn advice(strings: &Strings, problem: StartProblem) -> &'static str {
    match problem {
        StartProblem::Settings => strings.start_settings,
        StartProblem::DataDirectory => strings.start_data_folder,
        StartProblem::InUse => strings.start_in_use,
        StartProblem::Port => strings.start_port,
        StartProblem::Certificates => strings.start_certificates,
        StartProblem::Other => strings.start_other,
    }
}
