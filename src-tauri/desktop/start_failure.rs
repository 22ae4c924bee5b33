//! The dialogue of a start that failed: started from a menu, the program has no other place to say so.

use super::dialog::Dialog;
use super::links::open_folder;
use super::words::{Language, Words};
use crate::app::{StartFailure, StartProblem};

/// Shows what happened, why, and what to do, until the user closes it. Belongs on the main thread.
pub fn show_start_failure(failure: &StartFailure) {
    let words = Language::of_setting("auto").words();
    let text = format!("{}\n\n{}", failure.message.trim(), advice(words, failure.problem));
    let folder = failure.data_dir.as_deref().filter(|folder| folder.is_dir());
    let accept = folder.map(|_| words.open_data_folder);
    let dialog =
        Dialog { is_error: true, headline: words.start_failed, text: &text, accept, cancel: words.quit };
    while dialog.ask() {
        if let Some(folder) = folder {
            open_folder(folder);
        }
    }
}

fn advice(words: &Words, problem: StartProblem) -> &'static str {
    match problem {
        StartProblem::Settings => words.start_settings,
        StartProblem::DataDirectory => words.start_data_folder,
        StartProblem::InUse => words.start_in_use,
        StartProblem::Port => words.start_port,
        StartProblem::Certificates => words.start_certificates,
        StartProblem::Other => words.start_other,
    }
}
